//! Why a vector was not read, or not written.

use thiserror::Error;

use crate::clocks::MAX_COUNTER;
use crate::versions::VarintError;

/// Why bytes were not taken as a vector. The receiver is unchanged in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompactError {
    /// The first byte names no form: this is no vector, or one of a newer version.
    #[error("vector form {form:#04x}: expected 0x01 (whole) or 0x02 (delta)")]
    UnknownForm {
        /// The byte found.
        form: u8,
    },
    /// The sender's members are not ours: exchange memberships before vectors.
    #[error("the sender's members have fingerprint {theirs:#010x}, ours {ours:#010x}")]
    OtherMembers {
        /// The fingerprint received.
        theirs: u32,
        /// Our own.
        ours: u32,
    },
    /// A message between was lost or repeated. Ask the sender to [`reset`](crate::VectorSender::reset).
    #[error("the delta builds on vector {theirs:#010x}, the last one received is {ours:#010x}")]
    OtherBase {
        /// The tag received.
        theirs: u32,
        /// The tag of the last vector.
        ours: u32,
    },
    /// The message is cut off, or a number in it is too large or not in its shortest form.
    #[error("at byte {at}: {cause}")]
    Varint {
        /// Where it begins.
        at: usize,
        /// What is wrong with it.
        cause: VarintError,
    },
    /// More entries than members, or a change of a slot that nobody has.
    #[error("an entry for slot {slot}, with {members} members")]
    SlotOutOfRange {
        /// The slot, from 0.
        slot: u64,
        /// How many there are.
        members: usize,
    },
    /// A whole vector ends in a zero, or a change is by zero: another encoding of the same vector exists.
    #[error("at byte {at}: a zero where the canonical form has none")]
    NotCanonical {
        /// Where.
        at: usize,
    },
    /// A counter is, or would become, larger than [`MAX_COUNTER`].
    #[error("the counter of slot {slot} would exceed {MAX_COUNTER}")]
    CounterTooLarge {
        /// Whose counter.
        slot: usize,
    },
    /// Bytes follow the vector.
    #[error("{count} bytes after the end of the vector")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

/// The vector was over other members than the sender. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the vector is over other members than the stream: start a sender for them")]
pub struct OtherMembers;
