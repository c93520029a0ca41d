//! Why a vector clock did not count, merge or receive.

use alloc::string::String;
use thiserror::Error;

/// The node has counted 2^63 - 1 events and can count no more.
///
/// The clock did not change. The caller may go on only under a new node id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the counter of {node_id} has reached its limit {limit}")]
pub struct CounterExhausted {
    /// The node whose counter is used up.
    pub node_id: String,
    /// The largest counter there is.
    pub limit: u64,
}

/// Why a vector was not merged. The clock is unchanged in every case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeRefused {
    /// The peer has seen more of our events than we remember making: it lies, or we lost state. Do not tick
    /// before that is settled, or two events will share a counter; a new node id is the way out.
    #[error("received counter {incoming} for our own node {node_id}, which is at {local}")]
    OwnEntryAhead {
        /// Our node.
        node_id: String,
        /// The counter received for it.
        incoming: u64,
        /// Our own counter.
        local: u64,
    },
    /// No working clock issues such a counter, or gets so far ahead between two messages. Refuse the message and count
    /// it against the peer.
    #[error("counter {incoming} of {node_id} is above the limit {limit}")]
    CounterTooLarge {
        /// The node the entry is about.
        node_id: String,
        /// The counter received.
        incoming: u64,
        /// The largest counter that would have been accepted.
        limit: u64,
    },
    /// The names that the peer brought are too many. Refuse the message: a clock keeps every name it learns, so this is
    /// how a peer would fill the memory of all.
    #[error(
        "with {node_id} and the other names received there would be {members} members, the limit is {limit}"
    )]
    TooManyMembers {
        /// The first new name.
        node_id: String,
        /// How many members there would be.
        members: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// Why a message was not received. The clock is unchanged in every case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiveRefused {
    /// Its timestamp is not credible.
    #[error(transparent)]
    MergeRefused(#[from] MergeRefused),
    /// There is no number left for the receipt: the node goes on under a new id.
    #[error(transparent)]
    CounterExhausted(#[from] CounterExhausted),
}
