//! Many short byte strings in one allocation, and the room that they are copied to.
//!
//! A call that copies or compares a dozen bytes takes longer than the dozen bytes. So short strings are copied as blocks
//! of a fixed size, with whatever lies behind them, which the next one then overwrites.

use alloc::vec::Vec;

/// As long as the longest string that is copied as one block.
const BLOCK: usize = 32;

/// Strings one behind the other, and where each ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    /// With a block of zeros at the end.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// One of them, and what lies behind it.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl Pieces {
    /// Adds what `write` appends.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.len());
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; BLOCK]);
    }

    /// The bytes of all together.
    pub(super) fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Piece<'_>> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| Piece { bytes: &self.bytes[start..], len: end - start })
    }
}

impl Piece<'_> {
    /// What follows in `text`, if it begins with this.
    #[inline]
    pub(super) fn behind_in<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let (start, rest) = text.split_at_checked(self.len)?;
        let own = &self.bytes[..self.len];
        let (Some(first), Some(own_first), Some(last), Some(own_last)) =
            (start.first_chunk::<8>(), own.first_chunk(), start.last_chunk::<8>(), own.last_chunk())
        else {
            return (start == own).then_some(rest);
        };
        // The two words overlap up to sixteen bytes; what lies between them in longer ones is compared last.
        let are_ends_same = first == own_first && last == own_last;
        (are_ends_same && (self.len <= 16 || start == own)).then_some(rest)
    }
}

/// Bytes that are written from the front, into room made before.
pub(super) struct Room<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Room<'_> {
    /// Appends to `out` what `write` puts into room for so many bytes.
    #[inline]
    pub(super) fn append(out: &mut Vec<u8>, bytes_max: usize, write: impl FnOnce(&mut Room<'_>)) {
        let start = out.len();
        out.resize(start + bytes_max + BLOCK, 0);
        let mut room = Room { bytes: &mut out[start..], at: 0 };
        write(&mut room);
        let end = start + room.at;
        out.truncate(end);
    }

    #[inline]
    pub(super) fn put(&mut self, piece: Piece<'_>) {
        let room = &mut self.bytes[self.at..];
        match (room.first_chunk_mut::<BLOCK>(), piece.bytes.first_chunk::<BLOCK>()) {
            (Some(room), Some(bytes)) if piece.len <= BLOCK => *room = *bytes,
            _ => room[..piece.len].copy_from_slice(&piece.bytes[..piece.len]),
        }
        self.at += piece.len;
    }

    /// The lowest `count` bytes of a word, the lowest first.
    #[inline]
    pub(super) fn put_word(&mut self, word: u64, count: usize) {
        let room = self.bytes[self.at..].first_chunk_mut().expect("a block more than is needed");
        *room = word.to_le_bytes();
        self.at += count;
    }

    #[inline]
    pub(super) fn put_byte(&mut self, byte: u8) {
        self.bytes[self.at] = byte;
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lengths(lengths: impl Iterator<Item = usize>) -> (Pieces, Vec<Vec<u8>>) {
        let (mut pieces, mut plain) = (Pieces::default(), Vec::new());
        for (length, byte) in lengths.zip((b'a'..=b'z').cycle()) {
            let bytes: Vec<u8> = (0..length).map(|index| byte ^ u8::from(index % 3 == 0)).collect();
            pieces.push(|out| out.extend_from_slice(&bytes));
            plain.push(bytes);
        }
        (pieces, plain)
    }

    #[test]
    fn pieces_of_every_length_are_put_one_behind_the_other() {
        let (pieces, plain) = of_lengths((0..70).chain([3]));
        let mut out = alloc::vec![7];
        Room::append(&mut out, pieces.len(), |room| pieces.iter().for_each(|piece| room.put(piece)));
        assert_eq!(out[1..], plain.concat());
        assert_eq!(out[0], 7);
    }

    #[test]
    fn a_piece_begins_what_it_begins_and_nothing_else() {
        let (pieces, plain) = of_lengths(1..70);
        for (piece, plain) in pieces.iter().zip(&plain) {
            let mut text = plain.clone();
            text.extend_from_slice(b"=17");
            assert_eq!(piece.behind_in(&text), Some(b"=17".as_slice()));
            assert_eq!(piece.behind_in(&text[..plain.len() - 1]), None);
            for place in 0..plain.len() {
                let mut other = text.clone();
                other[place] ^= 0x40;
                assert_eq!(piece.behind_in(&other), None, "byte {place} of {}", plain.len());
            }
        }
    }
}
