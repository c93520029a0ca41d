//! On which cores this process and a relay run, by the program `taskset`.

use std::process::{Command, Stdio};

/// Moves all threads of the processes to these cores. False when that cannot be done here.
pub(crate) fn pin(processes: &[u32], cores: &str) -> bool {
    processes.iter().all(|id| {
        let taskset = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", cores, &id.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        taskset.is_ok_and(|status| status.success())
    })
}

/// All cores of this machine, as `taskset` names them.
pub(crate) fn all_cores() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("0-{}", count - 1)
}
