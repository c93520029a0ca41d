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

/// Longest form of a number: ten groups of seven bits hold 64.
const BYTES_MAX: usize = 10;

/// As [`write`] for each of them. Room is made for a stretch of numbers at once, and a number of up to 28 bits is written
/// as one word: most numbers of a vector are about as long as the one before, so that the branches are foreseen.
pub(super) fn write_all(out: &mut Vec<u8>, numbers: &[u64]) {
    const STRETCH: usize = 64;
    for numbers in numbers.chunks(STRETCH) {
        let start = out.len();
        out.resize(start + numbers.len() * BYTES_MAX, 0);
        let mut at = start;
        for number in numbers {
            at += write_at(&mut out[at..], *number);
        }
        out.truncate(at);
    }
}

/// Writes to the front of a room of at least [`BYTES_MAX`] bytes, and says how many it took.
#[inline]
fn write_at(room: &mut [u8], number: u64) -> usize {
    let Some((word, len)) = short_form(number) else { return write_long_at(room, number) };
    *room.first_chunk_mut().expect("room for the longest form") = word.to_le_bytes();
    len
}

#[cold]
fn write_long_at(room: &mut [u8], mut number: u64) -> usize {
    for (index, byte) in room.iter_mut().enumerate() {
        *byte = low_byte(number) | if number >= 0x80 { 0x80 } else { 0 };
        number >>= 7;
        if number == 0 {
            return index + 1;
        }
    }
    unreachable!("ten groups of seven bits hold every number")
}

/// The bytes of a number of up to four groups of seven bits, and how many there are.
#[inline]
fn short_form(number: u64) -> Option<(u32, usize)> {
    let number = u32::try_from(number).ok()?;
    let (one, two) = (number & 0x7F, (number & 0x3F80) << 1);
    let (three, four) = ((number & 0x001F_C000) << 2, (number & 0x0FE0_0000) << 3);
    match number {
        0..0x80 => Some((one, 1)),
        0x80..0x4000 => Some((one | two | 0x80, 2)),
        0x4000..0x0020_0000 => Some((one | two | three | 0x8080, 3)),
        0x0020_0000..0x1000_0000 => Some((one | two | three | four | 0x0080_8080, 4)),
        _ => None,
    }
}

/// The number of up to four groups at the front of a word, if it is there in its shortest form, and how many bytes it
/// takes.
#[inline]
fn from_short_form(word: u32) -> Option<(u64, usize)> {
    let (one, two) = (word & 0x7F, (word & 0x7F00) >> 1);
    let (three, four) = ((word & 0x007F_0000) >> 2, (word & 0x7F00_0000) >> 3);
    let (number, least, len) = if word & 0x80 == 0 {
        (one, 0, 1)
    } else if word & 0x8000 == 0 {
        (one | two, 0x80, 2)
    } else if word & 0x0080_0000 == 0 {
        (one | two | three, 0x4000, 3)
    } else if word & 0x8000_0000 == 0 {
        (one | two | three | four, 0x0020_0000, 4)
    } else {
        return None;
    };
    (number >= least).then_some((u64::from(number), len))
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

    /// As many numbers as there are places. Where it fails, it is at the number that failed.
    pub(super) fn fill(&mut self, numbers: &mut [u64]) -> Result<(), VarintError> {
        for number in numbers {
            let word = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
            *number = match word.and_then(|word| from_short_form(u32::from_le_bytes(*word))) {
                Some((number, len)) => {
                    self.at += len;
                    number
                }
                None => self.varint()?,
            };
        }
        Ok(())
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, VarintError> {
        let start = self.at;
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        self.rest_of_varint(u64::from(first & 0x7F)).inspect_err(|_| self.at = start)
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
            let (mut reader, mut filling, mut one) = (Reader::new(&bytes), Reader::new(&bytes), [0]);
            let read = reader.varint();
            prop_assert_eq!(filling.fill(&mut one).map(|()| one[0]), read);
            if let Ok(number) = read {
                prop_assert_eq!(written(number), &bytes[..reader.at()]);
                prop_assert_eq!(filling.at(), reader.at());
            }
        }
    }

    proptest! {
        #[test]
        fn many_are_written_as_one_by_one(numbers in prop::collection::vec((any::<u64>(), 0u32..64), 0..150)) {
            let numbers: Vec<u64> = numbers.into_iter().map(|(number, shift)| number >> shift).collect();
            let (mut together, mut one_by_one) = (alloc::vec![7], alloc::vec![7]);
            write_all(&mut together, &numbers);
            numbers.iter().for_each(|number| write(&mut one_by_one, *number));
            prop_assert_eq!(&together, &one_by_one);
            let mut reader = Reader::new(&together[1..]);
            let mut read = alloc::vec![0; numbers.len()];
            prop_assert_eq!(reader.fill(&mut read), Ok(()));
            prop_assert_eq!((read, reader.left()), (numbers, 0));
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
