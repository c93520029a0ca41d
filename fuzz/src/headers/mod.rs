//! Causality in headers: the values by themselves, the carriers they come in, and whole events.

pub mod carriers;
pub mod codec;
pub mod json;
pub mod msgpack;
pub mod text;

use crate::allocation::Limit;

/// "A small multiple of its length": an entry of five bytes becomes a name's block, its place in a table of members and a
/// counter, in lists that grew by doubling; names out of order are also put into a tree.
pub(crate) const SMALL_MULTIPLE: Limit = Limit { constant_bytes: 2048, bytes_per_byte: 40 };
/// Enough for more entries than a vector may have, and below the limit of a header's bytes.
pub(crate) const INPUT_BYTES_MAX: usize = 16 * 1024;
