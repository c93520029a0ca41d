//! Vectors on a stream between two parties that know the same members: whole once, then what changed.
//!
//! Ids do not travel: both ends hold the same [`Membership`], which the first message proves by its fingerprint. After
//! it, a message holds the entries that rose since the one before, so its size follows the activity and not the number
//! of members: 14 bytes for four changes among sixty-four, where the same vector with names takes more than a thousand.
//! A delta names the vector it builds on by a tag, so one that was lost, repeated or overtaken is refused and never
//! added to the wrong base.
//!
//! | bytes | whole, form 1 | delta, form 2 |
//! |---|---|---|
//! | 1 | `0x01` | `0x02` |
//! | 4, little-endian | fingerprint of the members | tag of the base |
//! | varint | count of counters, up to the last that is not 0 | count of changes |
//! | varints | the counters, by slot | per change: slots skipped since the one before, then the increase (from 1) |
//!
//! Varints are LEB128 and minimal, so every vector has one encoding per form. Decoding is bounded by the members: no
//! claimed length is trusted, memory is one entry for each member, and a refused message leaves the receiver as it was.

mod end;
mod error;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

pub use error::{CompactError, OtherMembers};
pub use receiver::VectorReceiver;
pub use sender::VectorSender;

const WHOLE: u8 = 1;
const DELTA: u8 = 2;
