//! Timed commands: what a scenario file says, with all chance resolved.
//!
//! ```text
//! seed 42                                        # first, if at all
//! at 0s    delay * 5ms ±1ms dist=normal
//! at 2s    partition a,b | c,d mode=stall
//!          wait held a->c 10                     # at the time of the line before
//! on frame a->b 1000   reset a<->b               # at exactly that frame
//! every 3s ±1s until 30s   nemesis random-halves for 800ms
//! at 30s   heal; expect frames a->b > 5000; quit
//! ```
//!
//! The whole file is read and checked before anything runs. Everything random is drawn then, by the seed and the
//! order in the file, so a plan holds no chance any more: printed, it is a scenario again, which gives the
//! same plan. Pure but for `file.rs`: no clock.

mod file;
mod nemesis;
mod read;
mod write;

pub(crate) use file::read_file;
pub(crate) use nemesis::plan_nemesis;
pub(crate) use read::read;

use std::fmt;
use std::time::Duration;

use crate::command::{Command, CommandError, LINE_BYTES_MAX, World};
use crate::directory::FlowId;

/// Reads and checks a scenario between these stations, as `run` would, without files of samples, and returns how
/// many steps it has. Takes any text, in bounded time.
///
/// # Errors
/// The first thing that is wrong, as a sentence with its line and column.
pub fn check(text: &str, nodes: &[&str]) -> Result<usize, String> {
    let directory = crate::grammar::stations(nodes);
    let plan = read(text, &World::of(&directory)).map_err(|error| error.to_string())?;
    Ok(plan.steps.len())
}

/// Most steps of a plan. A step a second is an hour and more.
pub(crate) const STEPS_MAX: usize = 10_000;

/// Most bytes of all commands of a plan together, so that a short file cannot ask for hours of parsing.
pub(crate) const PLAN_BYTES_MAX: usize = 4 << 20;

/// Longest line: a plan writes out what a line of a session only names.
pub(crate) const SCENARIO_LINE_BYTES_MAX: usize = 16 * LINE_BYTES_MAX;

/// Largest scenario file.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;

/// When a step is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum When {
    /// This long after the start.
    At(Duration),
    /// When a lane has this many frames behind it.
    OnFrame(Trigger),
}

/// A point in the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) flow: FlowId,
    /// The ordinal of the connection on its link; any if absent.
    pub(crate) connection: Option<u64>,
    pub(crate) frame: u64,
    /// The flow as it is written.
    pub(crate) words: String,
}

/// Commands with their time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) when: When,
    /// Line of the file, from 1.
    pub(crate) line: u64,
    pub(crate) commands: Vec<Command>,
    /// The commands in words.
    pub(crate) text: String,
}

/// A scenario without chance. Triggers stand before the timed steps, which are in the order of their times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The seed of the file, or the one that was in force.
    pub(crate) seed: u64,
    /// Whether the file sets it.
    pub(crate) sets_seed: bool,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// From the start to the last timed step.
    pub(crate) fn duration(&self) -> Duration {
        let time = |step: &Step| match step.when {
            When::At(time) => Some(time),
            When::OnFrame(_) => None,
        };
        self.steps.iter().filter_map(time).max().unwrap_or_default()
    }
}

/// What is wrong with a scenario. Nothing has been done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScenarioError {
    pub(crate) file: String,
    pub(crate) error: CommandError,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.error.place();
        write!(f, "{}:{line}:{column}: {}", self.file, self.error.what())
    }
}

impl std::error::Error for ScenarioError {}

#[cfg(test)]
mod tests;
