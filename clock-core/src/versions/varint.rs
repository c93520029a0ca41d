//! Numbers in as few bytes as they need: LEB128, seven bits a byte, least significant first, shortest form only.

use alloc::vec::Vec;

use thiserror::Error;

/// Why a number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VarintError {
    /// The bytes end within it.
    #[error("the bytes end here, expected more")]
    Truncated,
    /// It has a byte that a shorter form of the same number does without.
    #[error("a number that is not in its shortest form")]
    NotShortest,
    /// It does not fit 64 bits.
    #[error("a number above 2^64 - 1")]
    TooLarge,
}

#[inline]
pub(super) fn write(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

#[inline]
fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Reads from the front of a slice, and knows where it is.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, VarintError> {
        let byte = *self.bytes.get(self.at).ok_or(VarintError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], VarintError> {
        let rest = &self.bytes[self.at..];
        let array = *rest.first_chunk().ok_or(VarintError::Truncated)?;
        self.at += N;
        Ok(array)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, VarintError> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        self.rest_of_varint(u64::from(first & 0x7F))
    }

    fn rest_of_varint(&mut self, mut number: u64) -> Result<u64, VarintError> {
        for shift in (7..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(VarintError::TooLarge);
            }
            number |= bits << shift;
            match byte {
                0 => return Err(VarintError::NotShortest),
                1..0x80 => return Ok(number),
                _ => {}
            }
        }
        Err(VarintError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, number);
        bytes
    }

    proptest! {
        #[test]
        fn every_number_reads_back(number in any::<u64>(), shift in 0u32..64) {
            let number = number >> shift;
            let bytes = written(number);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Ok(number));
            prop_assert_eq!(reader.left(), 0);
        }

        /// One encoding for each number: what can be read is what would be written.
        #[test]
        fn only_the_shortest_form_is_read(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(number) = reader.varint() {
                prop_assert_eq!(written(number), &bytes[..reader.at()]);
            }
        }
    }

    #[test]
    fn the_edges_of_the_range() {
        let read = |bytes: &[u8]| Reader::new(bytes).varint();
        assert_eq!(written(127), [0x7F]);
        assert_eq!(written(128), [0x80, 0x01]);
        assert_eq!(read(&[0x80]), Err(VarintError::Truncated));
        assert_eq!(read(&[0x81, 0x00]), Err(VarintError::NotShortest));
        assert_eq!(read(&written(u64::MAX)), Ok(u64::MAX));
        assert_eq!(read(&[&[0xFF; 9][..], &[0x02]].concat()), Err(VarintError::TooLarge));
        assert_eq!(read(&[0xFF; 11]), Err(VarintError::TooLarge));
    }
}
