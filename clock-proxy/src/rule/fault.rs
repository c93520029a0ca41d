//! What a rule does to the flows it holds for, with its numbers.

use std::sync::Arc;
use std::time::Duration;

/// What happens to bytes that may not cross a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CutMode {
    /// Read, kept in order, released at heal. Past the bound the lane stops reading.
    #[default]
    Hold,
    /// Not read at all: the sender's TCP window fills up, and everything arrives after heal.
    Stall,
    /// Whole frames are read and thrown away. Lanes without frames hold instead.
    Drop,
    /// Every connection is aborted, and each new one as soon as it is accepted.
    Reset,
    /// Nobody listens: a dial gets "connection refused". Connections that exist are held.
    Refuse,
    /// A dial gets no answer at all. Connections that exist are held.
    SynDrop,
}

impl CutMode {
    pub(crate) const ALL: [CutMode; 6] =
        [CutMode::Hold, CutMode::Stall, CutMode::Drop, CutMode::Reset, CutMode::Refuse, CutMode::SynDrop];

    pub(crate) fn name(self) -> &'static str {
        match self {
            CutMode::Hold => "hold",
            CutMode::Stall => "stall",
            CutMode::Drop => "drop",
            CutMode::Reset => "reset",
            CutMode::Refuse => "refuse",
            CutMode::SynDrop => "syn-drop",
        }
    }
}

/// How a draw is spread around the base of a delay.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Spread {
    /// Evenly in `base ± jitter`.
    #[default]
    Uniform,
    /// The jitter is the standard deviation.
    Normal,
    /// A heavy tail above the base: Pareto with shape 3, scaled so that the jitter is the standard deviation.
    Pareto,
    /// Above the base; the jitter is the mean of what comes on top.
    Exponential,
    /// Drawn from samples, each a multiple of the jitter.
    Samples(Arc<[f64]>),
    /// No draw: `base + jitter * sin(2 pi t / period)`, with t counted from when the rule came into force.
    Sine(Duration),
}

/// A frame becomes due this long after its arrival.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delay {
    pub(crate) base: Duration,
    pub(crate) jitter: Duration,
    pub(crate) spread: Spread,
    /// Probability that a frame repeats the draw of the one before it.
    pub(crate) correlation: f64,
    /// Whether a frame that drew less may overtake one that drew more.
    pub(crate) may_overtake: bool,
}

impl Delay {
    pub(crate) fn of(base: Duration, jitter: Duration) -> Self {
        Self { base, jitter, spread: Spread::default(), correlation: 0.0, may_overtake: false }
    }
}

/// A chosen frame waits until `gap` later frames have come, or `max` has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reorder {
    pub(crate) gap: u64,
    pub(crate) max: Duration,
}

/// Frames are lost one by one, or in bursts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    /// With the rule's probability; the correlation is that of repeating the decision before.
    Independent { correlation: f64 },
    /// Two states (Gilbert 1960, Elliott 1963): good turns bad with `p`, bad turns good with `r`; a frame gets
    /// through with `k` in the good state and `h` in the bad one.
    GilbertElliott { p: f64, r: f64, h: f64, k: f64 },
}

/// A chosen frame is sent `copies` times more, each `gap` later than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) copies: u32,
    pub(crate) gap: Duration,
}

/// Which bytes of a frame a corruption may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Target {
    /// What follows the length field, so that the stream stays readable.
    #[default]
    Payload,
    Header,
    Any,
    /// Offsets in the frame, header included; the end is exclusive.
    Range {
        from: usize,
        to_exclusive: usize,
    },
}

/// How bytes are damaged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Corrupt {
    /// This many bits of a chosen frame are flipped.
    Bits { bits: u32, target: Target },
    /// A chosen frame loses its last bytes; its length field is set to what is left.
    Truncate { bytes: usize },
    /// Each byte of a lane without frames is damaged with this probability, keyed by its offset.
    PerByte { probability: f64 },
}

impl Corrupt {
    /// Whether a read of 256 KiB is damaged in more than some thousand places.
    pub(crate) fn damages_often(self) -> bool {
        matches!(self, Corrupt::PerByte { probability } if probability > 1.0 / 256.0)
    }
}

/// Who shares one limit of throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RateScope {
    /// Each connection, each direction, has its own.
    #[default]
    Connection,
    /// All connections of a flow.
    Flow,
    /// All flows that leave the same node.
    Node,
    /// All flows of the rule.
    All,
}

/// Bytes per second, with a bucket of `burst` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) bytes_per_second: u64,
    pub(crate) burst: u64,
    pub(crate) scope: RateScope,
}

/// Bytes leave in pieces of about `average` bytes with a pause between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) average: usize,
    /// Each size lies evenly in `average ± variation`.
    pub(crate) variation: usize,
    pub(crate) pause: Duration,
}

/// When a connection is aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResetAfter {
    /// This long after the rule met the connection. What is sent until then is lost if the flag says so.
    Time { after: Duration, loses_bytes: bool },
    /// When the lane has read this many frames under the rule. They are still delivered.
    Frames(u64),
}

/// What a rule does. The order of the variants is the order in which a frame meets them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    Cut(CutMode),
    Reset(ResetAfter),
    /// Everything is read and thrown away, and the connection is closed after a while, if one is given. It is
    /// also closed when the rule ends.
    BlackHole {
        close_after: Option<Duration>,
    },
    Drop(Loss),
    Duplicate(Duplicate),
    /// Behind a chosen frame the one `back` frames before it is sent again.
    Replay {
        back: usize,
    },
    Corrupt(Corrupt),
    Delay(Delay),
    Reorder(Reorder),
    Rate(Rate),
    Slice(Slice),
    /// The connection is closed once this many bytes have passed.
    Limit {
        bytes: u64,
    },
    /// The end of the connection is passed on this much later.
    SlowClose {
        delay: Duration,
    },
    /// Nothing; Toxiproxy knows it.
    Noop,
}

/// The name of a fault without its numbers: what one asks for when one ends "the delay of these flows".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Cut,
    Reset,
    BlackHole,
    Drop,
    Duplicate,
    Replay,
    Corrupt,
    Delay,
    Reorder,
    Rate,
    Slice,
    Limit,
    SlowClose,
    Noop,
}

impl Kind {
    #[cfg(test)]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Cut => "cut",
            Kind::Reset => "reset",
            Kind::BlackHole => "black-hole",
            Kind::Drop => "drop",
            Kind::Duplicate => "dup",
            Kind::Replay => "replay",
            Kind::Corrupt => "corrupt",
            Kind::Delay => "delay",
            Kind::Reorder => "reorder",
            Kind::Rate => "rate",
            Kind::Slice => "slice",
            Kind::Limit => "limit",
            Kind::SlowClose => "slow-close",
            Kind::Noop => "noop",
        }
    }
}

impl Fault {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Fault::Cut(_) => Kind::Cut,
            Fault::Reset(_) => Kind::Reset,
            Fault::BlackHole { .. } => Kind::BlackHole,
            Fault::Drop(_) => Kind::Drop,
            Fault::Duplicate(_) => Kind::Duplicate,
            Fault::Replay { .. } => Kind::Replay,
            Fault::Corrupt(_) => Kind::Corrupt,
            Fault::Delay(_) => Kind::Delay,
            Fault::Reorder(_) => Kind::Reorder,
            Fault::Rate(_) => Kind::Rate,
            Fault::Slice(_) => Kind::Slice,
            Fault::Limit { .. } => Kind::Limit,
            Fault::SlowClose { .. } => Kind::SlowClose,
            Fault::Noop => Kind::Noop,
        }
    }
}
