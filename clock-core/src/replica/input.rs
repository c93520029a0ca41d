//! What can happen to a replica.

use crate::id::{Dot, NodeId};
use crate::wire::message::{Claim, Message};
use crate::wire::{EncodedEvent, Request, Terms};

/// A moment of the monotonic clock, in nanoseconds since an arbitrary start. Never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// The moment `later` after this one.
    pub(crate) fn plus(self, later: std::time::Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The moment of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic: for timers.
    pub mono: Mono,
    /// What the wall clock shows, in milliseconds since 1970. It may jump: for people and the hybrid clock only.
    pub wall_ms: u64,
}

/// A position in this station's log, from 1, in the order of application: a linear extension of causality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The position behind this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One connection, numbered by the shell and never reused within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Where a client's answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The client's connection.
    pub session: SessionId,
    /// The client's number for the request.
    pub number: u64,
}

/// How a session began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opener {
    /// We dialled this peer: we ship to it.
    Dialled(NodeId),
    /// A station dialled us and said hello: it ships to us.
    Peer {
        /// The cluster it means.
        cluster: NodeId,
        /// Who it is and what it has.
        claim: Claim,
    },
    /// A client dialled us and said hello.
    Client {
        /// The cluster it means.
        cluster: NodeId,
    },
}

/// One event read back from the log, its checksum verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its place in the log.
    pub lsn: Lsn,
    /// Its name.
    pub dot: Dot,
    /// Its bytes.
    pub event: EncodedEvent,
}

/// Everything that can happen to a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a request is moved twice; a box would cost it an allocation")]
pub enum Input {
    /// A client asks.
    Client {
        /// Where the answer goes.
        ticket: Ticket,
        /// On which terms.
        terms: Terms,
        /// What it asks.
        request: Request,
    },
    /// A session is up.
    SessionUp {
        /// Which.
        session: SessionId,
        /// How it began.
        opener: Opener,
    },
    /// A session is gone. Harmless if it was never announced.
    SessionDown {
        /// Which.
        session: SessionId,
    },
    /// A peer said something.
    Frame {
        /// On which session.
        session: SessionId,
        /// What.
        message: Message,
    },
    /// The answer to a [`ReadLog`](super::Effect::ReadLog).
    LogRead {
        /// The session it was asked for.
        session: SessionId,
        /// The events, in log order.
        events: Vec<LoggedEvent>,
        /// The position behind the last one looked at.
        next: Lsn,
    },
    /// Everything appended up to here is on disk.
    Synced {
        /// The last position (inclusive).
        upto: Lsn,
    },
    /// The deadline has come.
    Tick,
}
