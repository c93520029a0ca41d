//! Why a value was refused, with the place and the expectation.

use alloc::string::String;
use core::fmt;
use thiserror::Error;

use super::json::JSON_COUNTER_MAX;
use super::{ENTRIES_MAX, HEADER_BYTES_MAX};
use crate::clocks::MAX_COUNTER;
use crate::id::NODE_BYTES_MAX;

/// A received value is not what its header's format says. Nothing was decoded; refuse the message's causality
/// and count it against the peer, for the same bytes are refused again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{name}, entry {entry}, byte {position}: expected {expected}")]
pub struct Malformed {
    /// The header, or the form, that the value came in.
    pub name: &'static str,
    /// Which entry of a vector, from 0; 0 for values without entries.
    pub entry: u32,
    /// Where in the value, in bytes from 0.
    pub position: u32,
    /// What should have been there.
    pub expected: Expected,
}

impl Malformed {
    /// A refusal at a place. Values are refused at [`HEADER_BYTES_MAX`] bytes, or are a payload in memory: a
    /// place beyond 4 GiB is shown as the last one.
    pub(super) fn new(name: &'static str, entry: usize, position: usize, expected: Expected) -> Self {
        let shown = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { name, entry: shown(entry), position: shown(position), expected }
    }

    /// The same refusal under the name of the header that the value came in.
    pub(super) fn within(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

/// What a decoder expected where it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Legal node names only.
    NodeName,
    /// The separator between a name and a number.
    Separator,
    /// A number from 0 to 2^64 - 1 in the one canonical spelling, or in msgpack an integer that is not
    /// negative.
    Counter,
    /// A counter that a working clock can have reached (`CounterTooLarge`).
    CounterInRange,
    /// A comma or the end.
    CommaOrEnd,
    /// At least one entry: an empty list is no header.
    SomeEntry,
    /// Each node once.
    DistinctNames,
    /// A vector within [`ENTRIES_MAX`].
    FewerEntries,
    /// A value within [`HEADER_BYTES_MAX`].
    FewerBytes,
    /// More bytes: the value was cut off.
    MoreBytes,
    /// Nothing more.
    End,
    /// A msgpack map.
    Map,
    /// A msgpack array of this many elements.
    ArrayOf(u32),
    /// A msgpack array.
    Array,
    /// A msgpack string.
    Text,
    /// A number from 0 to 255.
    Byte,
    /// UTF-8.
    Utf8,
    /// A legal event id.
    EventId,
    /// A legal event type.
    EventType,
    /// A time for people, or none.
    TimeOrNone,
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeName => {
                write!(formatter, "a node name of 1 to {NODE_BYTES_MAX} characters of A-Z a-z 0-9 . _ -")
            }
            Self::Separator => formatter.write_str("a separator after the node name"),
            Self::Counter => formatter.write_str("a canonical integer from 0 to 2^64 - 1"),
            Self::CounterInRange => write!(formatter, "a counter of at most {MAX_COUNTER}"),
            Self::CommaOrEnd => formatter.write_str("a comma or the end"),
            Self::SomeEntry => formatter.write_str("at least one entry"),
            Self::DistinctNames => formatter.write_str("each node once"),
            Self::FewerEntries => write!(formatter, "at most {ENTRIES_MAX} entries"),
            Self::FewerBytes => write!(formatter, "at most {HEADER_BYTES_MAX} bytes"),
            Self::MoreBytes => formatter.write_str("more bytes"),
            Self::End => formatter.write_str("the end"),
            Self::Map => formatter.write_str("a map"),
            Self::ArrayOf(elements) => write!(formatter, "an array of {elements}"),
            Self::Array => formatter.write_str("an array"),
            Self::Text => formatter.write_str("a string"),
            Self::Byte => formatter.write_str("a number from 0 to 255"),
            Self::Utf8 => formatter.write_str("UTF-8"),
            Self::EventId => {
                formatter.write_str("an event id of 1 to 128 visible ASCII characters without commas")
            }
            Self::EventType => formatter.write_str(
                "an event type of 1 to 256 bytes without control characters or blanks at its ends",
            ),
            Self::TimeOrNone => formatter.write_str("a short text, an unsigned number, or nil"),
        }
    }
}

/// Why a value was not sent. Nothing was written, but for [`CarrierRefused`](Self::CarrierRefused).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A clock has an entry under a name that no header can carry without forging others: name nodes by
    /// [`NodeId`](crate::NodeId).
    #[error("vector entry {node:?}: {expected} is needed to send it", expected = Expected::NodeName)]
    NodeName {
        /// The name, cut off at 64 characters.
        node: String,
    },
    /// The vector has more entries than a receiver accepts.
    #[error("a vector of {entries} entries: at most {ENTRIES_MAX} can be sent")]
    TooManyEntries {
        /// How many there are.
        entries: usize,
    },
    /// The text form of a vector without entries is an empty header, which every receiver refuses: leave it
    /// out.
    #[error("an empty vector has no text form")]
    EmptyVector,
    /// The payload is longer than a 32-bit length can say.
    #[error("a payload of {bytes} bytes: the positional form ends at {max}", max = u32::MAX)]
    PayloadTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A counter is above 2^53, from where on JavaScript and others read JSON numbers inexactly: another
    /// counter would arrive. The other forms carry it.
    #[error("counter {counter} of {node} is above {JSON_COUNTER_MAX}, which JSON does not carry exactly")]
    AboveJson {
        /// The node.
        node: String,
        /// Its counter.
        counter: u64,
    },
    /// The place for headers takes no more of them, or not this value. Headers before it may have been set.
    #[error("the carrier did not take {name}")]
    CarrierRefused {
        /// The header.
        name: &'static str,
    },
    /// The event type has characters that no text header can carry. Binary and JSON can.
    #[error("event type {event_type:?}: a text header carries ASCII only")]
    NotAscii {
        /// The event type.
        event_type: String,
    },
}
