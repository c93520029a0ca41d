//! The text forms: `svc-a=3,svc-b=1` for a vector, `order-svc:42` for a Lamport time.
//!
//! Written by hand, in one pass and without intermediate allocation: a vector is decoded as an iterator over
//! slices of the input. Blanks round commas are read, as RFC 9110 (section 5.6.1) lets a proxy write them
//! when it joins repeated headers, and never written. A number has one spelling, so `+5` and `007` are
//! refused.
//!
//! The raw level ([`VectorEntries`]) knows counters up to 2^64 - 1; only what is decoded into a clock's own
//! types is held to [`MAX_COUNTER`](crate::MAX_COUNTER).

use alloc::string::String;
use alloc::vec::Vec;

use super::charset::legal_prefix;
use super::decimal;
use super::entries::{Distinct, Entry, ReadEntries, check_sendable, collect};
use super::{EncodeError, Expected, Field, HEADER_BYTES_MAX, LamportTimestamp, Malformed};
use crate::id::{NODE_BYTES_MAX, NodeId};
use crate::versions::VectorTimestamp;

/// Longest spelling of a counter with the comma before it.
pub(super) const COUNTER_BYTES_MAX: usize = decimal::DIGITS_MAX + 1;

/// Writes entries as they are given: names unchecked, in the given order, zeros included. A name outside the
/// charset would forge entries or headers.
pub(super) fn write_entries<'a>(entries: impl IntoIterator<Item = (&'a str, u64)>, out: &mut String) {
    as_bytes(out, |out| {
        for (place, (name, counter)) in entries.into_iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            decimal::push(counter, out);
        }
    });
}

/// Appends to a text as bytes, which is faster for many small pieces, and checks that it still is a text,
/// which is one fast pass.
pub(super) fn as_bytes(text: &mut String, append: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = core::mem::take(text).into_bytes();
    append(&mut bytes);
    *text = String::from_utf8(bytes).expect("texts and digits were appended to a text");
}

/// Writes a vector in its canonical form, behind what `out` holds.
///
/// # Errors
/// [`EncodeError`] if no receiver would accept it; `out` is as it was.
pub fn encode_vector_into(vector: &VectorTimestamp, out: &mut String) -> Result<(), EncodeError> {
    check_sendable(vector)?;
    if vector.is_empty() {
        return Err(EncodeError::EmptyVector);
    }
    write_entries(vector.entries(), out);
    Ok(())
}

/// Reads a vector. Entries may come in any order; a zero is read and dropped.
///
/// # Errors
/// [`Malformed`], also for a counter above [`MAX_COUNTER`](crate::MAX_COUNTER).
pub fn decode_vector(text: &str) -> Result<VectorTimestamp, Malformed> {
    collect(&mut VectorEntries::new(text).0)
}

/// The entries of a vector in its text form, straight from the input, in its order, zeros included, each node
/// once.
///
/// The first refusal is the last item. A counter may be any `u64` here.
#[derive(Clone, Debug)]
pub struct VectorEntries<'a>(Distinct<'a, Reader<'a>>);

impl<'a> VectorEntries<'a> {
    /// The entries of this value.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(Distinct::new(Reader { text, at: 0, entry_at: 0, entry: 0, ended: false }))
    }
}

impl<'a> Iterator for VectorEntries<'a> {
    type Item = Result<(&'a str, u64), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// Where reading has got to. Between entries `at` is the first byte behind the comma.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    entry_at: usize,
    entry: usize,
    ended: bool,
}

impl<'a> ReadEntries<'a> for Reader<'a> {
    #[inline]
    fn read(&mut self) -> Option<Result<Entry<'a>, Malformed>> {
        if self.ended {
            return None;
        }
        if self.at == 0
            && let Err(refusal) = check_length(Field::Vector.text_name(), self.text)
        {
            return Some(Err(refusal));
        }
        Some(self.entry())
    }

    fn refuse(&self, expected: Expected) -> Malformed {
        let entry = self.entry.saturating_sub(1);
        Malformed::new(Field::Vector.text_name(), entry, self.entry_at, expected)
    }
}

impl<'a> Reader<'a> {
    #[inline]
    fn entry(&mut self) -> Result<Entry<'a>, Malformed> {
        let mut scan = Scan { text: self.text, at: self.at };
        scan.skip_blanks();
        self.entry_at = scan.at;
        let entry = scan.entry(b'=');
        let entry = entry.and_then(|entry| self.close(&mut scan).map(|()| entry));
        let place = self.entry;
        self.at = scan.at;
        self.entry += 1;
        entry.map_err(|expected| Malformed::new(Field::Vector.text_name(), place, scan.at, expected))
    }

    #[inline]
    fn close(&mut self, scan: &mut Scan<'_>) -> Result<(), Expected> {
        scan.skip_blanks();
        match scan.peek() {
            None => self.ended = true,
            Some(b',') => scan.at += 1,
            Some(_) => return Err(Expected::CommaOrEnd),
        }
        Ok(())
    }
}

/// Writes `node:time` as it is given, the name unchecked.
pub(super) fn write_lamport(node: &str, time: u64, out: &mut String) {
    as_bytes(out, |out| {
        out.extend_from_slice(node.as_bytes());
        out.push(b':');
        decimal::push(time, out);
    });
}

/// Writes a Lamport time behind what `out` holds.
pub fn encode_lamport_into(lamport: &LamportTimestamp, out: &mut String) {
    write_lamport(lamport.node().as_str(), lamport.time(), out);
}

/// Reads a Lamport time.
///
/// # Errors
/// [`Malformed`], also for a time above [`MAX_COUNTER`](crate::MAX_COUNTER).
pub fn decode_lamport(text: &str) -> Result<LamportTimestamp, Malformed> {
    decode_lamport_as(Field::Lamport.text_name(), text)
}

/// As [`decode_lamport`], for a value that came in a header of another name.
pub(super) fn decode_lamport_as(name: &'static str, text: &str) -> Result<LamportTimestamp, Malformed> {
    check_length(name, text)?;
    let mut scan = Scan { text, at: 0 };
    let lamport = scan.lamport();
    lamport.map_err(|expected| Malformed::new(name, 0, scan.at, expected))
}

fn check_length(name: &'static str, text: &str) -> Result<(), Malformed> {
    match text.len() {
        0 => Err(Malformed::new(name, 0, 0, Expected::SomeEntry)),
        1..=HEADER_BYTES_MAX => Ok(()),
        _ => Err(Malformed::new(name, 0, HEADER_BYTES_MAX, Expected::FewerBytes)),
    }
}

/// A place in a text. A failed step leaves `at` where the expectation was not met.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn lamport(&mut self) -> Result<LamportTimestamp, Expected> {
        self.skip_blanks();
        let (name, time) = self.entry(b':')?;
        self.skip_blanks();
        if self.peek().is_some() {
            return Err(Expected::End);
        }
        let node = NodeId::new(name).map_err(|_illegal| Expected::NodeName)?;
        LamportTimestamp::new(node, time).map_err(|_too_large| Expected::CounterInRange)
    }

    #[inline]
    fn entry(&mut self, separator: u8) -> Result<Entry<'a>, Expected> {
        let name = self.name()?;
        if self.peek() != Some(separator) {
            return Err(Expected::Separator);
        }
        self.at += 1;
        Ok((name, self.counter()?))
    }

    #[inline]
    fn name(&mut self) -> Result<&'a str, Expected> {
        let start = self.at;
        let length = legal_prefix(self.text.as_bytes().get(start..).unwrap_or(&[]));
        if !(1..=NODE_BYTES_MAX).contains(&length) {
            return Err(Expected::NodeName);
        }
        self.at += length;
        self.text.get(start..self.at).ok_or(Expected::NodeName)
    }

    #[inline]
    fn counter(&mut self) -> Result<u64, Expected> {
        let digits = self.text.as_bytes().get(self.at..).unwrap_or(&[]);
        let (value, length) = counter_at(digits).ok_or(Expected::Counter)?;
        self.at += length;
        Ok(value)
    }
}

/// The number that these bytes begin with, and its length. Canonical decimal: no sign, and a zero in front only of
/// nothing.
#[inline]
pub(super) fn counter_at(bytes: &[u8]) -> Option<(u64, usize)> {
    let short = bytes.first_chunk().and_then(decimal::short_number);
    short.or_else(|| counter_by_digits(bytes))
}

/// At the end of the input, or of eight digits and more.
fn counter_by_digits(bytes: &[u8]) -> Option<(u64, usize)> {
    let (mut value, mut length) = (0u64, 0);
    while let Some(digit) = bytes.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
    {
        value = grown(value, digit, length)?;
        length += 1;
    }
    let is_canonical = length == 1 || (length > 1 && bytes[0] != b'0');
    is_canonical.then_some((value, length))
}

/// A number with one digit more. 19 digits fit a `u64` whatever they are, so only a 20th is checked.
#[inline]
fn grown(value: u64, digit: u8, length: usize) -> Option<u64> {
    if length < 19 {
        return Some(value * 10 + u64::from(digit));
    }
    value.checked_mul(10)?.checked_add(u64::from(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_buffer_held_stays_in_front() {
        let mut out = String::from("nœud é");
        write_entries([], &mut out);
        write_entries([("a", 1), ("b", 20)], &mut out);
        write_lamport("c", 300, &mut out);
        assert_eq!(out, "nœud éa=1,b=20c:300");
    }

    #[test]
    fn a_refusal_names_the_header_the_entry_and_the_byte() {
        let refusal = decode_vector("a=1, b=x").unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "X-Causality-Vector, entry 1, byte 7: expected a canonical integer from 0 to 2^64 - 1"
        );
    }
}
