//! `wait`: answer when a condition holds, or when time is up.

use std::time::Duration;

use tokio::time::Instant;

use super::Desk;
use crate::command::{Code, CommandError, Condition, Wait};
use crate::directory::FlowId;
use crate::meter::FlowMeter;
use crate::report::stat_number;

/// How often a condition is looked at. The counters are read where they are, so that the data plane pays
/// nothing for a waiter; twice a millisecond would be finer than the timer.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waited {
    pub(crate) took: Duration,
    /// The number that was waited for, as it is now.
    pub(crate) count: u64,
}

/// Waits until the condition holds.
pub(super) async fn until(desk: &Desk, wait: &Wait) -> Result<Waited, CommandError> {
    let start = Instant::now();
    loop {
        let (count, is_met) = look(desk, &wait.condition);
        let took = start.elapsed();
        if is_met {
            return Ok(Waited { took, count });
        }
        if took >= wait.timeout {
            let message = format!("not so after {took:.1?}; the count is {count}");
            return Err(CommandError::new(Code::Timeout, &wait.text, wait.column, message));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

fn look(desk: &Desk, condition: &Condition) -> (u64, bool) {
    let directory = desk.directory();
    let sum = |flows: &[FlowId], number: fn(&FlowMeter) -> u64| {
        flows.iter().map(|flow| number(&directory.meter(*flow))).sum::<u64>()
    };
    match condition {
        Condition::Held { flows, count } => {
            let held = sum(flows, |meter| meter.queued_frames.value());
            (held, held >= *count)
        }
        Condition::Frames { flows, count } => {
            let frames = sum(flows, |meter| meter.frames.value());
            (frames, frames >= *count)
        }
        Condition::Number { number, flows, count } => {
            let config = desk.config();
            let found = flows.iter().map(|flow| stat_number(&config, *flow, number)).sum::<u64>();
            (found, found >= *count)
        }
        Condition::Idle => {
            let all: Vec<FlowId> = directory.flows().collect();
            let queued = sum(&all, |meter| meter.queued_frames.value());
            (queued, queued == 0)
        }
    }
}
