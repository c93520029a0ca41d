//! C10, liveness: when faults end, everything awaited happens. The harness waits and says what is late; the phases of a
//! run follow each other.

use super::Property;
use super::finding::{Verdict, broken};
use crate::history::Phase;

/// The phase of the run.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    pub(super) phase: Option<Phase>,
}

impl Liveness {
    /// A phase begins: a later one than the present.
    pub(super) fn phase(&mut self, phase: Phase) -> Verdict {
        match self.phase.replace(phase) {
            Some(before) if before >= phase => broken(
                Property::Liveness,
                format!("phase {phase:?} after {before:?}: a run only goes forward"),
            ),
            _ => Ok(()),
        }
    }
}

/// Something awaited has not happened.
pub(super) fn late(what: &str) -> Verdict {
    broken(Property::Liveness, format!("late: {what}"))
}
