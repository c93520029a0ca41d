//! A history: what clients asked and were told, and what the harness saw happen around them. One JSON object a line.
//!
//! The simulator and the tests of real processes write the same lines, and the same checks read them ([`crate::check`],
//! `clock-check`). A line is either the *clients'* (what they sent, what came back) or the *harness's* (what it did to
//! disks and processes, what it found in their logs). Nothing in it is what a station merely computed and believed: an
//! oracle that trusts the station's own contexts misses what the station gets wrong.
//!
//! Real processes have no harness inside their disks, so their histories have fewer of the harness's lines; a check
//! says less then, and nothing wrong.

mod file;
mod text;
mod value;

use clock_core::{Dot, Key, NodeId, ReplicaId, RequestId};
use serde::{Deserialize, Serialize};

pub use file::{Malformed, read};
pub use value::ValueDigest;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// When, in microseconds since the history began. Lines are in this order.
    pub at_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A client asks. A retry is an operation of its own, with the same request id.
    Invoke {
        /// Numbers the operation; its outcome has the same number.
        op: u64,
        /// Which client.
        client: u32,
        /// Which station it asks.
        station: NodeId,
        /// What it asks.
        call: Call,
        /// How many stations must have its write before it is told *committed*; absent: 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        w: Option<u16>,
        /// The token of its session: the last event of each replica that the client was told of, wherever.
        #[serde(with = "text::option_list", default, skip_serializing_if = "Option::is_none")]
        session: Option<Vec<Dot>>,
        /// Numbers the batch that this write is one of. Its writes are operations of their own, one after the other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<u64>,
    },
    /// It was answered.
    Ok {
        /// Which operation.
        op: u64,
        /// The answer.
        answer: Answer,
        /// The next token of its session, if it has one.
        #[serde(with = "text::option_list", default, skip_serializing_if = "Option::is_none")]
        token: Option<Vec<Dot>>,
    },
    /// It was refused: the station says that nothing was changed.
    Fail {
        /// Which operation.
        op: u64,
        /// Why.
        error: String,
    },
    /// Its outcome is unknown to the client, and stays so.
    Info {
        /// Which operation.
        op: u64,
        /// Why.
        why: String,
    },
    /// A station appended a write of its own to its log, for this request.
    Minted {
        /// Which station.
        station: NodeId,
        /// The write's name.
        #[serde(with = "text")]
        dot: Dot,
        /// The client's id.
        #[serde(with = "text")]
        request: RequestId,
        /// The operation that it was appended for, if the harness could see. It matters where a client takes one id for
        /// two writes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        op: Option<u64>,
    },
    /// A station reported, by itself, that a write whose outcome had been indeterminate is committed.
    Committed {
        /// Which station.
        station: NodeId,
        /// The write.
        #[serde(with = "text")]
        dot: Dot,
        /// Where it is durable, as the station says.
        durable_on: Vec<NodeId>,
    },
    /// These writes are on a station's disk, as of now.
    Durable {
        /// Which station.
        station: NodeId,
        /// In the order of its log.
        #[serde(with = "text::list")]
        dots: Vec<Dot>,
    },
    /// A station was told that these are durable: from now on it shows them.
    Visible {
        /// Which station.
        station: NodeId,
        /// In the order of its log.
        #[serde(with = "text::list")]
        dots: Vec<Dot>,
    },
    /// These writes are no longer on a station's disk: the harness destroyed, damaged or rolled back a part of it.
    Lost {
        /// Which station.
        station: NodeId,
        /// What it lost.
        #[serde(with = "text::list")]
        dots: Vec<Dot>,
    },
    /// A station's process ended: killed by the harness, or by itself after a failure of its disk.
    Stopped {
        /// Which station.
        station: NodeId,
        /// How.
        how: String,
    },
    /// A station's process began, with what its disk held.
    Started {
        /// Which station.
        station: NodeId,
        /// The incarnation on its disk when it opened.
        #[serde(with = "text::option")]
        replica: Option<ReplicaId>,
        /// What of its log it can show at once: everything whose past is there. In log order.
        #[serde(with = "text::list")]
        visible: Vec<Dot>,
    },
    /// A station's wall clock was set, or begins: from now until the next such line it shows at least `least_ms`, and at
    /// most `most_ms` plus twice the time since.
    Wall {
        /// Which station.
        station: NodeId,
        /// In milliseconds since 1970.
        least_ms: u64,
        /// In milliseconds since 1970.
        most_ms: u64,
    },
    /// A digest of all that a station shows: equal writes must give equal digests.
    State {
        /// Which station.
        station: NodeId,
        /// The digest.
        digest: String,
    },
    /// How much of a bounded resource a station uses.
    Gauge {
        /// Which station.
        station: NodeId,
        /// Which resource.
        name: String,
        /// How much of it.
        value: u64,
        /// Its stated limit.
        limit: u64,
    },
    /// What had to happen by now has not.
    Late {
        /// What was awaited, since when, and how things stand.
        what: String,
    },
    /// A station broke a rule that it checks itself, or did what no station may: it panicked, say.
    Broken {
        /// Which station.
        station: NodeId,
        /// How.
        what: String,
    },
    /// A phase of the run begins.
    Phase {
        /// Which.
        phase: Phase,
    },
}

/// The phases of a run, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Faults and load: nothing wrong may be said.
    Safety,
    /// Faults have ended; all stations run.
    Healing,
    /// All stations show the same writes.
    Converged,
    /// Writes at every station have to succeed.
    Fresh,
    /// Every key is read at every station; nothing else happens any more.
    ReadBack,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// Gives a key a new value.
    Put {
        /// Which key.
        key: Key,
        /// The value.
        value: ValueDigest,
        /// What the write supersedes.
        context: Context,
        /// The client's id.
        #[serde(with = "text")]
        request: RequestId,
    },
    /// Ends a conflict with one of its siblings' values, or with a value of its own.
    Resolve {
        /// The key whose conflict the client read.
        key: Key,
        /// The conflict's id.
        conflict: String,
        /// The siblings of that conflict, as the client read them.
        #[serde(with = "text::list")]
        read: Vec<Dot>,
        /// The value that the key is to have.
        value: ValueDigest,
        /// The client's id.
        #[serde(with = "text")]
        request: RequestId,
    },
    /// Deletes a key: a write whose value is [`ValueDigest::TOMBSTONE`].
    Delete {
        /// Which key.
        key: Key,
        /// What the write supersedes.
        context: Context,
        /// The client's id.
        #[serde(with = "text")]
        request: RequestId,
    },
    /// Asks what became of a write.
    Receipt {
        /// The client's id of that write.
        #[serde(with = "text")]
        request: RequestId,
    },
    /// Reads keys as of one frontier.
    Snapshot {
        /// Which keys.
        keys: Vec<Key>,
        /// The last event of each replica that it is as of; absent: whatever the station shows.
        #[serde(with = "text::option_list", default, skip_serializing_if = "Option::is_none")]
        at: Option<Vec<Dot>>,
    },
    /// Reads a key.
    Get {
        /// Which key.
        key: Key,
    },
    /// Asks what the station has.
    Status,
}

/// What a write supersedes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// The station's view of the key when it takes the write.
    Station,
    /// Exactly these, which the client has read.
    Exactly(#[serde(with = "text::list")] Vec<Dot>),
    /// Nothing.
    Blind,
}

/// What a client was told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The receipt of a write.
    Written {
        /// The write's name.
        #[serde(with = "text")]
        dot: Dot,
        /// Its Lamport time.
        lamport: u64,
        /// Its hybrid time, packed: milliseconds above, counter below; ordered as numbers.
        hlc: u64,
        /// What the origin's wall clock showed, in milliseconds since 1970.
        wall_ms: u64,
        /// The last event of each replica in its past, itself included.
        #[serde(with = "text::list")]
        vector: Vec<Dot>,
        /// What it superseded, as the station says.
        #[serde(with = "text::list")]
        context: Vec<Dot>,
        /// What stood beside it when it became visible, and whatever else the station knows it to have met.
        #[serde(with = "text::list")]
        beside: Vec<Dot>,
        /// `local`, `committed` or `indeterminate`; absent: `local`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<String>,
        /// Where it is durable, as the station says.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        durable_on: Vec<NodeId>,
    },
    /// Keys as of one frontier.
    Snapshot {
        /// The frontier: the last event of each replica.
        #[serde(with = "text::list")]
        at: Vec<Dot>,
        /// Those of the keys that were ever written by then.
        entries: Vec<SnapshotEntry>,
        /// How many of the keys, from the first, are answered by this.
        answered: u32,
    },
    /// The versions of a key.
    Entry {
        /// How many writes the station counts for the key.
        revision: u64,
        /// The id of the conflict, if the station reports one.
        conflict: Option<String>,
        /// The versions, as the station gives them.
        versions: Vec<Version>,
        /// Whether these are all versions, or as many as one answer held.
        complete: bool,
        /// Every write of the key that the station's log held just then, if the harness could look.
        #[serde(with = "text::option_list", default, skip_serializing_if = "Option::is_none")]
        seen: Option<Vec<Dot>>,
    },
    /// The key was never written, as far as the station knows.
    Unknown,
    /// What the station has.
    Status {
        /// The last event of each replica that it has durably applied.
        #[serde(with = "text::list")]
        vector: Vec<Dot>,
        /// Its Lamport time.
        lamport: u64,
        /// How many conflicts are open.
        conflicts: u64,
    },
}

/// One key in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotEntry {
    /// Which key.
    pub key: Key,
    /// How many writes it had by then.
    pub revision: u64,
    /// The id of the conflict, if there is one.
    pub conflict: Option<String>,
    /// Its versions.
    pub versions: Vec<Version>,
    /// Whether these are all versions.
    pub complete: bool,
}

/// One version in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Its names.
    #[serde(with = "text::list")]
    pub dots: Vec<Dot>,
    /// Its value.
    pub value: ValueDigest,
    /// What the station says it superseded.
    #[serde(with = "text::list")]
    pub context: Vec<Dot>,
    /// The client's id.
    #[serde(with = "text")]
    pub request: RequestId,
}

impl Line {
    /// As one line of JSON, without its end.
    ///
    /// # Panics
    /// Never: every line can be written.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a line has nothing that JSON cannot hold")
    }

    /// Reads one line of JSON.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
