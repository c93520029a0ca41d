//! The binary form of a vector: a msgpack map from names to unsigned integers, as Kafka's `causality-vc`
//! carries it.
//!
//! Written by hand for the few types that it is made of, so that nothing is allocated on a claimed length.
//! One encoding is written, the shortest form of each number and name, ascending; several are read: entries
//! in any order, wider forms, zeros, and signed types that hold no negative number. So equal vectors are
//! equal bytes among what we emit, not among all that is accepted. Names in binary strings, nil, floats,
//! nested values and trailing bytes are refused.
//!
//! | first byte | is |
//! |---|---|
//! | `80`..`8f`, `de` u16, `df` u32 | a map of so many entries |
//! | `a0`..`bf`, `d9` u8, `da` u16, `db` u32 | a string of so many bytes |
//! | `00`..`7f`, `cc` u8, `cd` u16, `ce` u32, `cf` u64, `d0`..`d3` i8 to i64 | a counter |
//!
//! The raw level ([`VectorEntries`]) knows counters up to 2^64 - 1; only what is decoded into a clock's own
//! types is held to [`MAX_COUNTER`](crate::MAX_COUNTER).

use alloc::vec::Vec;

use super::charset::is_node_name;
use super::cursor::Cursor;
pub(super) use super::cursor::{write_map_len, write_text, write_unsigned};
use super::entries::{Distinct, Entry, ReadEntries, check_sendable, collect};
use super::pieces::Room;
use super::{ENTRIES_MAX, EncodeError, Expected, Field, HEADER_BYTES_MAX, Malformed};
use crate::id::NODE_BYTES_MAX;
use crate::versions::VectorTimestamp;

/// Longest form of a counter.
pub(super) const COUNTER_BYTES_MAX: usize = 9;

/// Writes entries as they are given: names unchecked, in the given order, zeros included.
#[cfg(test)]
pub(super) fn write_entries<'a, I>(entries: I, out: &mut Vec<u8>)
where
    I: IntoIterator<Item = (&'a str, u64)>,
    I::IntoIter: ExactSizeIterator,
{
    let entries = entries.into_iter();
    write_map(entries.len(), entries, out);
}

fn write_map<'a>(len: usize, entries: impl Iterator<Item = Entry<'a>>, out: &mut Vec<u8>) {
    write_map_len(len, out);
    for (name, counter) in entries {
        write_text(name, out);
        write_unsigned(counter, out);
    }
}

/// Writes a vector in its canonical form, behind what `out` holds.
///
/// # Errors
/// [`EncodeError`] if no receiver would accept it; `out` is as it was.
pub fn encode_vector_into(vector: &VectorTimestamp, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    check_sendable(vector)?;
    write_map(vector.len(), vector.entries(), out);
    Ok(())
}

/// Reads a vector that is all of `bytes`. Entries may come in any order; a zero is read and dropped.
///
/// # Errors
/// [`Malformed`], also for a counter above [`MAX_COUNTER`](crate::MAX_COUNTER).
pub fn decode_vector(bytes: &[u8]) -> Result<VectorTimestamp, Malformed> {
    collect(&mut VectorEntries::new(bytes).0)
}

/// How many entries a map claims to have, and its first entry.
pub(super) fn map_at(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut cursor = Cursor::new(Field::Vector.binary_name(), bytes);
    let len = cursor.map_len().ok()?;
    Some((len, &bytes[cursor.position()..]))
}

/// Reads a vector that is the next value of a larger form.
pub(super) fn decode_vector_at(cursor: &mut Cursor<'_>) -> Result<VectorTimestamp, Malformed> {
    let mut entries = Distinct::new(Reader::new(cursor.clone(), false));
    let vector = collect(&mut entries)?;
    *cursor = entries.into_reader().cursor;
    Ok(vector)
}

/// The entries of a vector in its binary form, straight from the input, in its order, zeros included, each
/// node once.
///
/// The first refusal is the last item; trailing bytes are refused behind the last entry. A counter may be any
/// `u64`.
#[derive(Clone, Debug)]
pub struct VectorEntries<'a>(Distinct<'a, Reader<'a>>);

impl<'a> VectorEntries<'a> {
    /// The entries of this value.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Distinct::new(Reader::new(Cursor::new(Field::Vector.binary_name(), bytes), true)))
    }
}

impl<'a> Iterator for VectorEntries<'a> {
    type Item = Result<(&'a str, u64), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// Where reading has got to; the map's length is read with the first entry.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    is_whole_value: bool,
    len: Option<usize>,
    entry: usize,
    entry_at: usize,
}

impl<'a> Reader<'a> {
    fn new(cursor: Cursor<'a>, is_whole_value: bool) -> Self {
        Self { cursor, is_whole_value, len: None, entry: 0, entry_at: 0 }
    }

    #[cold]
    fn open(&mut self) -> Result<usize, Expected> {
        if self.is_whole_value && self.cursor.remaining() > HEADER_BYTES_MAX {
            return Err(Expected::FewerBytes);
        }
        match self.cursor.map_len()? {
            len if len > ENTRIES_MAX => Err(Expected::FewerEntries),
            len => Ok(*self.len.insert(len)),
        }
    }

    #[inline]
    fn entry(&mut self) -> Result<Option<Entry<'a>>, Expected> {
        let len = match self.len {
            Some(len) => len,
            None => self.open()?,
        };
        if self.entry < len {
            self.entry_at = self.cursor.position();
            return Ok(Some((self.cursor.node_name()?, self.cursor.unsigned()?)));
        }
        if self.is_whole_value && self.cursor.remaining() > 0 {
            return Err(Expected::End);
        }
        Ok(None)
    }
}

impl<'a> ReadEntries<'a> for Reader<'a> {
    #[inline]
    fn read(&mut self) -> Option<Result<Entry<'a>, Malformed>> {
        match self.entry() {
            Ok(entry) => {
                self.entry += usize::from(entry.is_some());
                entry.map(Ok)
            }
            Err(expected) => {
                Some(Err(Malformed::new(self.cursor.name(), self.entry, self.cursor.position(), expected)))
            }
        }
    }

    fn refuse(&self, expected: Expected) -> Malformed {
        Malformed::new(self.cursor.name(), self.entry.saturating_sub(1), self.entry_at, expected)
    }
}

/// The counter that these bytes begin with, in a form without a sign, and what follows it.
#[inline]
pub(super) fn counter_at(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [counter @ ..=0x7f, rest @ ..] => Some((u64::from(*counter), rest)),
        [0xcc, counter, rest @ ..] => Some((u64::from(*counter), rest)),
        [0xcd, a, b, rest @ ..] => Some((u64::from(u16::from_be_bytes([*a, *b])), rest)),
        [0xce, a, b, c, d, rest @ ..] => Some((u64::from(u32::from_be_bytes([*a, *b, *c, *d])), rest)),
        [0xcf, rest @ ..] => rest.split_first_chunk().map(|(wide, rest)| (u64::from_be_bytes(*wide), rest)),
        _ => None,
    }
}

/// Puts an integer in its shortest form.
#[inline]
pub(super) fn put_unsigned(number: u64, room: &mut Room<'_>) {
    match (u16::try_from(number), u32::try_from(number)) {
        (Ok(..=0x7f), _) => room.put_word(number, 1),
        (Ok(..=0xff), _) => room.put_word(number << 8 | 0xcc, 2),
        (Ok(number), _) => room.put_word(u64::from(number.swap_bytes()) << 8 | 0xcd, 3),
        (_, Ok(number)) => room.put_word(u64::from(number.swap_bytes()) << 8 | 0xce, 5),
        _ => {
            room.put_byte(0xcf);
            room.put_word(number.swap_bytes(), 8);
        }
    }
}

impl<'a> Cursor<'a> {
    /// A string that is a node's name.
    #[inline]
    fn node_name(&mut self) -> Result<&'a str, Expected> {
        let bytes = self.text_bytes(NODE_BYTES_MAX, Expected::NodeName)?;
        if !is_node_name(bytes) {
            return Err(Expected::NodeName);
        }
        core::str::from_utf8(bytes).map_err(|_beyond_ascii| Expected::NodeName)
    }
}
