//! What happens inside a node, told to whoever watches. The node itself does not log.

use super::conflict::Conflict;
use super::event::Event;
use std::fmt;

/// One thing that happened on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A local event was stamped and is about to be sent.
    Submitted(&'a Event),
    /// An event of another node was delivered: its past is here.
    Received(&'a Event),
    /// An event of another node waits for its past.
    HeldBack(&'a Event),
    /// An event came a second time; nothing changed.
    Duplicate(&'a Event),
    /// Two events are concurrent, and the application has to decide.
    Surfaced(&'a Conflict),
    /// Something was not done; counted under the same name.
    Refused(Refusal),
}

/// Why a node did not do something. Each has its own count on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// A payload that is no event, or names a node that is not on the bus. Ignored.
    Malformed,
    /// An event sent by a node other than its origin. Ignored: a node speaks for itself only.
    Spoofed,
    /// An event that has seen more of our events than we made: a lie, or we lost state. Ignored.
    ClaimsOurFuture,
    /// An event with the name of a known one and other content. The first stays.
    Equivocation,
    /// [`HOLD_BACK_MAX`](super::HOLD_BACK_MAX) events of that origin wait already. Dropped: its later events
    /// will wait for it in vain, so this calls for an operator.
    HoldBackFull,
    /// The clock did not believe the timestamp, or not all of it. The event is kept, and what follows it too.
    ClockRefused,
    /// The clock could not stamp a local event, or its payload was too large. Handed back to the submitter.
    NotSubmitted,
    /// The bus did not take a message: it is closed, or does not know this node. The event is kept here.
    Unsendable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Malformed => "malformed",
            Self::Spoofed => "spoofed",
            Self::ClaimsOurFuture => "claims our future",
            Self::Equivocation => "equivocation",
            Self::HoldBackFull => "hold-back full",
            Self::ClockRefused => "clock refused",
            Self::NotSubmitted => "not submitted",
            Self::Unsendable => "unsendable",
        })
    }
}
