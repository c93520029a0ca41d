//! What a replica wants done, and what it wants known.

use bytes::Bytes;

use super::conflict::ConflictId;
use super::input::{Lsn, SessionId, Ticket};
use crate::id::{Dot, Incarnation, Key, NodeId, RequestId};
use crate::versions::VersionVector;
use crate::wire::message::{Message, Refusal};
use crate::wire::{AppliedView, ConflictView, EncodedEvent, Outcome, Response};

/// What the shell is to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Add this to the log. Not yet durable, and nobody may learn of it.
    Append(LogRecord),
    /// Make everything appended so far durable, then hand in [`Input::Synced`](super::Input::Synced).
    /// If that fails the process ends: the outcome is unknown and only a restart can tell (rule 10).
    Sync {
        /// The last position it covers.
        upto: Lsn,
    },
    /// Send a message. The shell never waits for a socket: a session whose queue is full is closed.
    Send {
        /// To whom.
        session: SessionId,
        /// What.
        message: Message,
    },
    /// Answer a client.
    Reply {
        /// Which request.
        ticket: Ticket,
        /// The next token of its session, if it has one.
        token: Option<VersionVector>,
        /// The answer.
        response: Response,
    },
    /// Answer a client from the log: [`lineage::answer`](super::lineage::answer) says what.
    ReplyFromLog {
        /// Which request.
        ticket: Ticket,
        /// The next token of its session, if it has one.
        token: Option<VersionVector>,
        /// What is asked.
        question: LogQuestion,
    },
    /// Read events from the log, then hand in [`Input::LogRead`](super::Input::LogRead).
    ReadLog {
        /// For which session.
        session: SessionId,
        /// What to read.
        query: LogQuery,
    },
    /// Say why and close the session.
    Close {
        /// Which.
        session: SessionId,
        /// Why.
        refusal: Refusal,
    },
    /// Tell whoever wants to know: logs, metrics, watchers, oracles.
    Observe(Fact),
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogRecord {
    /// A write, in its place. If its dot is stored elsewhere already, it moves here.
    Event {
        /// Its position.
        lsn: Lsn,
        /// Its name.
        dot: Dot,
        /// Its key, for the history.
        key: Key,
        /// Its bytes.
        event: EncodedEvent,
    },
    /// From here on this station mints under another incarnation.
    Incarnation(Incarnation),
    /// Evidence that an operator must look at; never served.
    Quarantine {
        /// The dot it claims.
        dot: Dot,
        /// The bytes.
        bytes: Bytes,
    },
}

/// A bounded piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Where to begin.
    pub start: LogStart,
    /// The last position to look at (inclusive).
    pub upto: Lsn,
    /// Events the reader has already: leave them out.
    pub covered: VersionVector,
    /// At most this many events, more than 0.
    pub events_max: usize,
    /// At most this many bytes, but at least one event.
    pub bytes_max: usize,
}

/// What a client asks of the log, as of the moment at which it asked: what is not visible by then is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuestion {
    /// The last position to look at (inclusive).
    pub upto: Lsn,
    /// What is asked.
    pub about: About,
}

/// A question about the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// The history of a key.
    History {
        /// Which key.
        key: Key,
        /// Entries behind this position.
        after: Lsn,
    },
    /// Keys as of a frontier.
    Snapshot {
        /// Which keys.
        keys: Vec<Key>,
        /// As of these events, all of which are visible.
        at: VersionVector,
    },
    /// What one write was.
    Why(Dot),
    /// What came after a write.
    Impact(Dot),
}

/// Where to begin reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStart {
    /// At this position.
    At(Lsn),
    /// At the first of these dots in log order.
    FirstOf(Vec<Dot>),
}

/// What happened, for logs, metrics, watchers and oracles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A write of a client got its name, and goes to the log now.
    Minted {
        /// The write.
        dot: Dot,
        /// The client's id.
        request: RequestId,
        /// Whose request it was, or was a part of.
        ticket: Ticket,
    },
    /// A write became visible.
    Applied(Box<AppliedView>),
    /// A key has concurrent versions, or their set changed.
    ConflictOpened(ConflictView),
    /// A conflict ended or became another.
    ConflictClosed {
        /// Which.
        id: ConflictId,
        /// Its key.
        key: Key,
        /// The write that ended it.
        by: Dot,
    },
    /// Whoever waited for copies of a write is told its outcome.
    CopiesDecided {
        /// The write.
        dot: Dot,
        /// What they are told.
        outcome: Outcome,
        /// How many copies were asked for.
        w: usize,
        /// The peers that were not heard of in time, also if enough were.
        missing: Vec<NodeId>,
    },
    /// A write whose outcome was indeterminate has as many copies as were asked for.
    Committed {
        /// The write.
        dot: Dot,
        /// The client's id.
        request: RequestId,
        /// Where it is durable.
        durable_on: Vec<NodeId>,
    },
    /// An event came again: a no-op (rule 4).
    Duplicate {
        /// Which.
        dot: Dot,
    },
    /// An event waits for its past (rule 3).
    HeldBack {
        /// Which.
        dot: Dot,
        /// The first event it waits for.
        missing: Dot,
    },
    /// The hold-back buffer is full: the event was not accepted, and will be shipped again.
    HoldBackFull {
        /// Which.
        dot: Dot,
    },
    /// One dot came with two contents (rule 4): both are kept, the first stays visible, an operator must look.
    Equivocation {
        /// Which dot.
        dot: Dot,
        /// Who delivered the second content.
        from: NodeId,
    },
    /// A peer's timestamp was refused for the clocks; the event itself was kept.
    TimestampRefused {
        /// Which event.
        dot: Dot,
        /// Why.
        reason: String,
    },
    /// A peer knows events of ours that we do not: we lost durable state.
    LostOwnEvents {
        /// Who knows.
        peer: NodeId,
        /// Up to which of our events it knows.
        claimed: u64,
        /// How many we know.
        minted: u64,
    },
    /// We mint under a new incarnation from now on.
    NewIncarnation {
        /// Until now.
        old: Incarnation,
        /// From now on.
        new: Incarnation,
    },
    /// Replication to a peer is up.
    LinkUp {
        /// The peer.
        peer: NodeId,
        /// How many events it lacks.
        missing: u64,
    },
    /// Replication to a peer ended: its session is gone.
    LinkDown {
        /// The peer.
        peer: NodeId,
    },
    /// A peer missed something on the way and gets it again.
    Resending {
        /// The peer.
        peer: NodeId,
    },
}
