//! The few msgpack types that the binary forms are made of, read and written.
//!
//! Source: the MessagePack specification, version of 2017. A failed step leaves the place where it failed and
//! says what was expected. No step looks further than its own value, and none allocates.

use alloc::vec::Vec;

use super::{Expected, Malformed};

/// A place in msgpack bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    name: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a value that came under this name.
    pub(super) fn new(name: &'static str, bytes: &'a [u8]) -> Self {
        Self { name, bytes, at: 0 }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// A refusal here.
    pub(super) fn refuse(&self, expected: Expected) -> Malformed {
        Malformed::new(self.name, 0, self.at, expected)
    }

    /// How many entries the map that starts here claims.
    pub(super) fn map_len(&mut self) -> Result<usize, Expected> {
        match self.marker()? {
            marker @ 0x80..=0x8f => Ok(self.step(usize::from(marker & 0x0f))),
            0xde => self.length::<2>(),
            0xdf => self.length::<4>(),
            _ => Err(Expected::Map),
        }
    }

    /// How many elements the array that starts here claims.
    pub(super) fn array_len(&mut self) -> Result<usize, Expected> {
        match self.marker()? {
            marker @ 0x90..=0x9f => Ok(self.step(usize::from(marker & 0x0f))),
            0xdc => self.length::<2>(),
            0xdd => self.length::<4>(),
            _ => Err(Expected::Array),
        }
    }

    /// The bytes of a string; one longer than `bytes_max` is refused before it is looked at, as `too_long`.
    #[inline]
    pub(super) fn text_bytes(&mut self, bytes_max: usize, too_long: Expected) -> Result<&'a [u8], Expected> {
        let start = self.at;
        let len = match self.marker()? {
            marker @ 0xa0..=0xbf => self.step(usize::from(marker & 0x1f)),
            0xd9 => self.length::<1>()?,
            0xda => self.length::<2>()?,
            0xdb => self.length::<4>()?,
            _ => return Err(Expected::Text),
        };
        if len > bytes_max {
            self.at = start;
            return Err(too_long);
        }
        self.take(len)
    }

    /// An integer that is not negative, in any width.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Result<u64, Expected> {
        match self.marker()? {
            marker @ 0x00..=0x7f => Ok(self.step(u64::from(marker))),
            0xcc => self.big_endian::<1>(),
            0xcd => self.big_endian::<2>(),
            0xce => self.big_endian::<4>(),
            0xcf => self.big_endian::<8>(),
            0xd0 => self.not_negative::<1>(),
            0xd1 => self.not_negative::<2>(),
            0xd2 => self.not_negative::<4>(),
            0xd3 => self.not_negative::<8>(),
            _ => Err(Expected::Counter),
        }
    }

    /// Whether the value here is nil, which is then passed.
    pub(super) fn is_nil(&mut self) -> Result<bool, Expected> {
        let is_nil = self.marker()? == 0xc0;
        self.at += usize::from(is_nil);
        Ok(is_nil)
    }

    /// The first byte of the value here, which stays.
    #[inline]
    pub(super) fn marker(&self) -> Result<u8, Expected> {
        self.bytes.get(self.at).copied().ok_or(Expected::MoreBytes)
    }

    /// Passes the marker that said it all.
    #[inline]
    fn step<T>(&mut self, value: T) -> T {
        self.at += 1;
        value
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Expected> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(Expected::MoreBytes)?;
        self.at += len;
        Ok(taken)
    }

    /// The number in the `N` bytes behind the marker.
    #[inline]
    fn big_endian<const N: usize>(&mut self) -> Result<u64, Expected> {
        let rest = self.bytes.get(self.at + 1..).ok_or(Expected::MoreBytes)?;
        let digits: &[u8; N] = rest.first_chunk().ok_or(Expected::MoreBytes)?;
        self.at += 1 + N;
        Ok(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit)))
    }

    /// The same, of a signed type.
    #[cold]
    fn not_negative<const N: usize>(&mut self) -> Result<u64, Expected> {
        if self.bytes.get(self.at + 1).is_some_and(|high| high & 0x80 != 0) {
            return Err(Expected::Counter);
        }
        self.big_endian::<N>()
    }

    #[cold]
    fn length<const N: usize>(&mut self) -> Result<usize, Expected> {
        let length = self.big_endian::<N>()?;
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }
}

/// Begins a map of so many entries.
pub(super) fn write_map_len(len: usize, out: &mut Vec<u8>) {
    write_len(len, 0x80, [0xde, 0xdf], out);
}

/// Begins an array of so many elements.
pub(super) fn write_array_len(len: usize, out: &mut Vec<u8>) {
    write_len(len, 0x90, [0xdc, 0xdd], out);
}

/// The shortest of a marker that holds the length, a 16-bit and a 32-bit length. A length beyond 32 bits has
/// no form; callers refuse it before.
fn write_len(len: usize, fixed: u8, wide: [u8; 2], out: &mut Vec<u8>) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=15), _) => out.push(fixed | len),
        (_, Ok(len)) => write_wide(wide[0], &len.to_be_bytes(), out),
        _ => write_wide(wide[1], &u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes(), out),
    }
}

/// A string in its shortest form.
#[inline]
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(len @ 0..=31), _) => out.push(0xa0 | len),
        (Ok(len), _) => out.extend_from_slice(&[0xd9, len]),
        (_, Ok(len)) => write_wide(0xda, &len.to_be_bytes(), out),
        _ => write_wide(0xdb, &u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes(), out),
    }
    out.extend_from_slice(text.as_bytes());
}

/// An integer in its shortest form.
#[inline]
pub(super) fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    match (u8::try_from(number), u16::try_from(number), u32::try_from(number)) {
        (Ok(number @ 0..=0x7f), _, _) => out.push(number),
        (Ok(number), _, _) => out.extend_from_slice(&[0xcc, number]),
        (_, Ok(number), _) => write_wide(0xcd, &number.to_be_bytes(), out),
        (_, _, Ok(number)) => write_wide(0xce, &number.to_be_bytes(), out),
        _ => write_wide(0xcf, &number.to_be_bytes(), out),
    }
}

fn write_wide(marker: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(marker);
    out.extend_from_slice(bytes);
}
