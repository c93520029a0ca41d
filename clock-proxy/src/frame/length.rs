//! Writing the length field of a frame.

use super::{Endian, Framing};

impl Framing {
    /// Bytes of a frame that are no payload; none without frames.
    #[must_use]
    pub fn header_bytes(self) -> usize {
        match self {
            Framing::Raw => 0,
            Framing::Prefixed(prefix) => prefix.header_bytes(),
        }
    }

    /// Sets the length field to what `frame` holds. False, and nothing is changed, if the field cannot say that, or
    /// there is none.
    #[must_use]
    pub fn write_length(self, frame: &mut [u8]) -> bool {
        let Framing::Prefixed(prefix) = self else { return false };
        let counted = if prefix.is_inclusive { 0 } else { prefix.header_bytes() };
        let length = frame.len().checked_sub(counted).and_then(|length| u64::try_from(length).ok());
        let start = usize::from(prefix.offset);
        let field = frame.get_mut(start..start + prefix.width.bytes());
        let Some((length, field)) = length.zip(field) else { return false };
        let width = field.len();
        if width < 8 && length >> (8 * width) != 0 {
            return false;
        }
        match prefix.endian {
            Endian::Big => field.copy_from_slice(&length.to_be_bytes()[8 - width..]),
            Endian::Little => field.copy_from_slice(&length.to_le_bytes()[..width]),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Front;
    use super::*;

    #[test]
    fn a_length_that_is_written_is_the_one_that_is_found() {
        for word in
            ["u8", "u16le", "u32be", "u64be", "u32be+offset=3", "u16be+header=2+inclusive", "u64le+inclusive"]
        {
            let framing: Framing = word.parse().unwrap();
            let mut frame = vec![0xee; framing.header_bytes() + 40];
            assert!(framing.write_length(&mut frame), "{word}");
            assert_eq!(framing.front(&frame, 1000), Front::Whole(frame.len()), "{word}");
        }
        let mut frame = vec![7; 1 + 256];
        assert!(!"u8".parse::<Framing>().unwrap().write_length(&mut frame), "256 does not fit a byte");
        assert_eq!(frame, vec![7; 257]);
        assert!(!Framing::Raw.write_length(&mut frame) && !Framing::U32BE.write_length(&mut [0; 3]));
    }
}
