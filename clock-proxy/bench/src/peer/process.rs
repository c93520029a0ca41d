//! A relay as a process: it ends with its owner, and the system is asked what it used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::{Absent, Grammar};

/// Unread lines of a relay. It prints one per command.
const LINES_MAX: usize = 64;
/// How long a relay may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);
/// Ticks per second in /proc, the same on all of Linux.
const TICKS_PER_SECOND: f64 = 100.0;
/// The state `TCP_LISTEN` in /proc/net/tcp.
const LISTENING: &str = "0A";

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a relay that takes no commands.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Absent> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(|child| Self { child }).map_err(Absent::because)
    }

    /// Starts a relay that takes commands.
    pub(crate) fn start_commanded(command: &mut Command) -> Result<(Self, Grammar), Absent> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = Self { child: child.map_err(Absent::because)? };
        let pipes = process.child.stdin.take().zip(process.child.stdout.take());
        let (commands, replies) = pipes.ok_or_else(|| Absent::because("no pipes"))?;
        Ok((process, Grammar::new(commands, lines_of(replies))))
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it listens. The system's table is asked, since a connection made for a try would go on to the
    /// upstream.
    pub(crate) fn wait_listening(mut self, address: SocketAddr) -> Result<Self, Absent> {
        let deadline = Instant::now() + PATIENCE;
        while !listens(address.port()) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Absent::because(format!("it ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(Absent::because("it does not listen"));
            }
            std::thread::park_timeout(Duration::from_millis(2));
        }
        Ok(self)
    }

    /// Seconds of processor time so far, with its children: those alive and those gone.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let own = ticks(self.id(), 4);
        let children: f64 = children(self.id()).into_iter().map(|id| ticks(id, 2)).sum();
        (own + children) / TICKS_PER_SECOND
    }

    /// Bytes of memory in use, with its children.
    pub(crate) fn memory_bytes(&self) -> f64 {
        let processes = std::iter::once(self.id()).chain(children(self.id()));
        processes.map(|id| status_kib(id, "VmRSS:") * 1024.0).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // socat's children outlive it otherwise.
        for child in children(self.id()) {
            let _already_gone = Command::new("kill").arg(child.to_string()).stderr(Stdio::null()).status();
        }
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for line in lines {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn listens(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let table = fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            fields.next().is_some_and(|local| local.ends_with(&wanted)) && fields.nth(1) == Some(LISTENING)
        })
    })
}

fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The sum of so many fields of the process's statistics from `utime` on: two are its own, two more those of the
/// children it waited for.
fn ticks(id: u32, fields: usize) -> f64 {
    const UTIME: usize = 11;
    let line = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let Some((_, behind_name)) = line.rsplit_once(')') else { return 0.0 };
    let fields = behind_name.split_whitespace().skip(UTIME).take(fields);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum()
}

fn status_kib(id: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
