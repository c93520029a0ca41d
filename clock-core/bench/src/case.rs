//! What is measured: an operation of a contestant at a size.

use std::fmt;

use crate::work::Work;

/// The limit below which two times cannot be told apart.
pub const MEASURING_LOOP: &str = "the measuring loop itself";

/// The limit whose time tells how fast the machine is at the moment.
pub const READ_MODIFY_WRITE: &str = "atomic read-modify-write";

/// How a vector goes over the wire; contestants are compared within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Readable by people: JSON, or a header.
    Text,
    /// MessagePack.
    MsgPack,
    /// The shortest there is of a whole vector: postcard for the peers.
    Binary,
    /// What changed since the message before: four entries. No peer has such a form.
    Delta,
}

/// An operation. The order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// What the machine can do at best.
    Limit,
    /// The next Lamport value of one clock.
    LamportTick,
    /// A Lamport value that is below the local one already is taken in, which is no event.
    LamportWitness,
    /// The same, with the tick of the receipt.
    LamportObserve,
    /// The next hybrid time, by a clock that is read each time.
    HybridTick,
    /// The next hybrid time, by the clock that the kernel advances with its timer.
    HybridTickCoarse,
    /// The next hybrid time, by a clock that somebody else reads now and then.
    HybridTickCached,
    /// A hybrid time from the far future is refused, after the clock was read.
    HybridReject,
    /// One event of one's own.
    Tick,
    /// Equal vectors in different allocations.
    CompareEqual,
    /// The last entry is larger in one.
    CompareBefore,
    /// The first entry is larger in one, the last in the other.
    CompareConcurrent,
    /// As above, with the last two entries.
    CompareConcurrentAtEnd,
    /// A vector and its own snapshot.
    CompareSnapshot,
    /// Whether an event lies in the past of another, when all that is known of both may be used.
    HappenedBefore,
    /// Takes in a vector by which every other entry rises.
    Merge,
    /// The same, with a look at every entry for whether it may be believed.
    MergeChecked,
    /// A copy that later ticks do not change, which is kept; an older one is given up for it.
    Snapshot,
    /// To bytes, in a buffer that is used again.
    Encode(Format),
    /// From bytes.
    Decode(Format),
    /// A message passes through: decode, merge, tick, encode.
    Hop(Format),
    /// A kept snapshot of a vector that another thread takes snapshots of too.
    SharedSnapshot,
    /// A tick and a kept snapshot of the result: what an event that is kept costs.
    Stamp,
}

impl Op {
    /// Whether it is about what sharing costs. Where copies share what they hold until one of them changes, it is the
    /// first change that copies, and their number is a count that threads contend for. So these are shown by themselves.
    #[must_use]
    pub fn is_about_sharing(self) -> bool {
        matches!(self, Self::SharedSnapshot | Self::Stamp)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self {
            Self::Limit => "limit",
            Self::LamportTick => "lamport tick",
            Self::LamportWitness => "lamport observe without a tick, clock ahead",
            Self::LamportObserve => "lamport observe with tick, clock ahead",
            Self::HybridTick => "hlc tick, exact clock",
            Self::HybridTickCoarse => "hlc tick, coarse clock",
            Self::HybridTickCached => "hlc tick, cached clock",
            Self::HybridReject => "hlc reject far future, after clock read",
            Self::Tick => "tick",
            Self::CompareEqual => "compare equal",
            Self::CompareBefore => "compare before",
            Self::CompareConcurrent => "compare concurrent",
            Self::CompareConcurrentAtEnd => "compare concurrent, at end",
            Self::CompareSnapshot => "compare own snapshot",
            Self::HappenedBefore => "happened before",
            Self::Merge => "merge, half change",
            Self::MergeChecked => "merge, half change, checked",
            Self::Snapshot => "kept snapshot",
            Self::SharedSnapshot => "kept snapshot of a shared vector",
            Self::Stamp => "tick + kept snapshot",
            Self::Encode(format) => return formatter.pad(&format!("encode {format}")),
            Self::Decode(format) => return formatter.pad(&format!("decode {format}")),
            Self::Hop(format) => return formatter.pad(&format!("hop {format}")),
        };
        formatter.pad(label)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Text => "text",
            Self::MsgPack => "msgpack",
            Self::Binary => "binary",
            Self::Delta => "delta",
        })
    }
}

/// Whose code is measured. The order is that of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The machine itself.
    Machine,
    /// Clocks by name: the front door of this product.
    Ours,
    /// Our vectors of replicas, without a clock around them.
    OurVectors,
    /// The crate vclock.
    Vclock,
    /// The crate crdts.
    Crdts,
    /// The crate `vec_clock`.
    VecClock,
    /// The crate uhlc.
    Uhlc,
    /// What one writes without a crate: maps, a mutex, a compare-and-swap loop.
    Plain,
}

impl Who {
    /// Whether it is of this product.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OurVectors)
    }

    /// Whether it is one of the crates to beat, or what one writes without a crate.
    #[must_use]
    pub fn is_peer(self) -> bool {
        !self.is_ours() && self != Self::Machine
    }

    /// Whether it is a crate that knows whose entry is whose. A bare array does not, which makes it faster.
    #[must_use]
    pub fn is_peer_with_ids(self) -> bool {
        matches!(self, Self::Vclock | Self::Crdts)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Machine => "machine",
            Self::Ours => "ours",
            Self::OurVectors => "our vectors",
            Self::Vclock => "vclock",
            Self::Crdts => "crdts",
            Self::VecClock => "vec_clock",
            Self::Uhlc => "uhlc",
            Self::Plain => "plain",
        })
    }
}

/// What a figure is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The operation.
    pub op: Op,
    /// Entries of a vector; 0 where there is none.
    pub entries: usize,
    /// How many threads do it at once.
    pub threads: usize,
    /// Whose code.
    pub who: Who,
    /// Which of the ways in which this contestant can do it.
    pub variant: String,
}

/// A subject and how to run it.
pub struct Case {
    /// What it is about.
    pub subject: Subject,
    /// How it is run.
    pub work: Work,
}

/// The cases of a run, in the making. One `add` is one contestant at one operation.
#[derive(Default)]
pub struct Cases {
    /// In the order added.
    pub list: Vec<Case>,
    /// Bytes on the wire, beside the times.
    pub sizes: Vec<(Subject, usize)>,
}

impl Cases {
    /// Adds a case. How many threads there are is known by the work.
    pub fn add(&mut self, op: Op, entries: usize, who: Who, variant: &str, work: Work) {
        let threads = work.threads();
        let subject = Subject { op, entries, threads, who, variant: variant.to_owned() };
        self.list.push(Case { subject, work });
    }

    /// Notes how many bytes a contestant sends.
    pub fn add_size(&mut self, format: Format, entries: usize, (who, variant): (Who, &str), bytes: usize) {
        let op = Op::Encode(format);
        let subject = Subject { op, entries, threads: 1, who, variant: variant.to_owned() };
        self.sizes.push((subject, bytes));
    }
}
