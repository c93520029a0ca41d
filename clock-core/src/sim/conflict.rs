//! Two events of which neither may silently win.

use super::event::EventId;
use std::fmt;

/// A pair of events that are concurrent as far as the clock can tell.
///
/// The events go by their names, in the order of the names, which means nothing except that every node that reports it reports
/// the same value. Which of the two counts, or what replaces both, is for the application to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conflict {
    first: EventId,
    second: EventId,
}

impl Conflict {
    pub(super) fn between(a: EventId, b: EventId) -> Self {
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        Self { first, second }
    }

    /// The smaller name.
    #[must_use]
    pub fn first(&self) -> &EventId {
        &self.first
    }

    /// The larger name.
    #[must_use]
    pub fn second(&self) -> &EventId {
        &self.second
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} || {}", self.first, self.second)
    }
}
