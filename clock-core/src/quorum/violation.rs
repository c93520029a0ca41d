//! What a tracker's state can never be.

use core::time::Duration;

use thiserror::Error;

/// A state that a tracker cannot be in: a defect of this module. Count it, and do not trust that tracker's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QuorumViolation {
    /// More copies are counted than there are nodes, or the local node could be counted twice.
    #[error("{copies} copies are counted on {n} nodes, or the local node is its own peer")]
    TooManyCopies {
        /// The copies counted.
        copies: usize,
        /// The nodes there are.
        n: usize,
    },
    /// The quorum is reported as met and is not, or the other way round.
    #[error("met is reported as {is_reported_met} with {copies} copies counted and {w} needed")]
    MetUnlikeCounted {
        /// What is reported.
        is_reported_met: bool,
        /// The copies counted.
        copies: usize,
        /// The copies needed.
        w: usize,
    },
    /// The deadline has passed, or an acknowledgement is recorded as late, and the outcome is still open.
    #[error("undecided at {latest:?} with the deadline at {deadline:?}")]
    Undecided {
        /// The latest moment seen.
        latest: Duration,
        /// The last moment in time.
        deadline: Duration,
    },
}
