//! A Lamport time and whose it is.

use core::fmt;

use crate::clocks::MAX_COUNTER;
use crate::id::NodeId;

/// A node's Lamport time, as it travels: `order-svc:42`. The time is at most [`MAX_COUNTER`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LamportTimestamp {
    node: NodeId,
    time: u64,
}

impl LamportTimestamp {
    /// A node's time; none if it is above [`MAX_COUNTER`], which no working clock reaches.
    #[must_use]
    pub fn new(node: NodeId, time: u64) -> Option<Self> {
        (time <= MAX_COUNTER).then_some(Self { node, time })
    }

    /// Whose time it is.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The time, in events; 0 before the first.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The text that travels.
impl fmt::Display for LamportTimestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.node, self.time)
    }
}
