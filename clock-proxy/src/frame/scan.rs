//! Looking for the ends of frames.

use super::{Endian, Framing, Prefix, Width};

/// What the front of a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// A whole frame of this many bytes, its header included. Without frames, all there is.
    Whole(usize),
    /// Less than one frame.
    Partial,
    /// A length that no frame has: over the maximum, or too small to count the header that it claims to count.
    /// These bytes are not framed.
    Impossible(u64),
}

impl Framing {
    /// Looks at the first frame of `buffer`, allowing payloads up to `payload_bytes_max`.
    #[must_use]
    pub fn front(self, buffer: &[u8], payload_bytes_max: u32) -> Front {
        match self {
            Framing::Raw if buffer.is_empty() => Front::Partial,
            Framing::Raw => Front::Whole(buffer.len()),
            Framing::Prefixed(prefix) => match (prefix.width, prefix.endian) {
                (Width::One, _) => front::<1>(prefix, buffer, payload_bytes_max, |byte| u64::from(byte[0])),
                (Width::Two, Endian::Big) => front(prefix, buffer, payload_bytes_max, u16_be),
                (Width::Two, Endian::Little) => front(prefix, buffer, payload_bytes_max, u16_le),
                (Width::Four, Endian::Big) => front(prefix, buffer, payload_bytes_max, u32_be),
                (Width::Four, Endian::Little) => front(prefix, buffer, payload_bytes_max, u32_le),
                (Width::Eight, Endian::Big) => front(prefix, buffer, payload_bytes_max, u64::from_be_bytes),
                (Width::Eight, Endian::Little) => {
                    front(prefix, buffer, payload_bytes_max, u64::from_le_bytes)
                }
            },
        }
    }

    /// The whole frames at the front of `buffer`, as (their bytes together, their count).
    #[must_use]
    pub fn whole_run(self, buffer: &[u8], payload_bytes_max: u32) -> (usize, u64) {
        match self {
            Framing::Raw => (buffer.len(), u64::from(!buffer.is_empty())),
            // Known when this is compiled, so that the loop over small frames does not ask for each of them.
            Framing::U32BE => {
                let prefix = const { Prefix::new(Width::Four, Endian::Big) };
                run(buffer, |rest| front(prefix, rest, payload_bytes_max, u32_be))
            }
            Framing::Prefixed(_) => run(buffer, |rest| self.front(rest, payload_bytes_max)),
        }
    }
}

fn run(buffer: &[u8], front: impl Fn(&[u8]) -> Front) -> (usize, u64) {
    let (mut bytes, mut frames) = (0, 0);
    while let Front::Whole(len) = front(&buffer[bytes..]) {
        bytes += len;
        frames += 1;
    }
    (bytes, frames)
}

#[inline]
fn front<const WIDTH: usize>(
    prefix: Prefix,
    buffer: &[u8],
    payload_bytes_max: u32,
    decode: impl Fn([u8; WIDTH]) -> u64,
) -> Front {
    let length = buffer.get(usize::from(prefix.offset)..).and_then(<[u8]>::first_chunk);
    let Some(length) = length else { return Front::Partial };
    let claimed = decode(*length);
    let header = prefix.header_bytes();
    // A header has a few kilobytes at most, so it fits a u64.
    let counted = if prefix.is_inclusive { header as u64 } else { 0 };
    let payload = match claimed.checked_sub(counted) {
        Some(payload) if payload <= u64::from(payload_bytes_max) => payload,
        _ => return Front::Impossible(claimed),
    };
    // At most 2^32; where a usize cannot hold that, no buffer can either.
    let whole = usize::try_from(payload).unwrap_or(usize::MAX).saturating_add(header);
    if buffer.len() < whole { Front::Partial } else { Front::Whole(whole) }
}

fn u16_be(bytes: [u8; 2]) -> u64 {
    u16::from_be_bytes(bytes).into()
}

fn u16_le(bytes: [u8; 2]) -> u64 {
    u16::from_le_bytes(bytes).into()
}

fn u32_be(bytes: [u8; 4]) -> u64 {
    u32::from_be_bytes(bytes).into()
}

fn u32_le(bytes: [u8; 4]) -> u64 {
    u32::from_le_bytes(bytes).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: u32 = 200;

    /// Written independently of the scanner: one frame of a framing, byte by byte.
    fn frame(framing: Framing, payload: &[u8]) -> Vec<u8> {
        let Framing::Prefixed(prefix) = framing else { return payload.to_vec() };
        let claimed = payload.len() + if prefix.is_inclusive { prefix.header_bytes() } else { 0 };
        let mut length = (claimed as u64).to_le_bytes()[..prefix.width.bytes()].to_vec();
        if prefix.endian == Endian::Big {
            length.reverse();
        }
        [vec![0xaa; prefix.offset.into()], length, vec![0xbb; prefix.extra.into()], payload.to_vec()].concat()
    }

    fn framings() -> impl Strategy<Value = Framing> {
        let word = prop::sample::select(vec!["u8", "u16be", "u16le", "u32be", "u32le", "u64be", "u64le"]);
        (word, 0..12_u16, 0..5_u16, any::<bool>()).prop_map(|(word, offset, extra, is_inclusive)| {
            let inclusive = if is_inclusive { "+inclusive" } else { "" };
            format!("{word}+offset={offset}+header={extra}{inclusive}").parse().unwrap()
        })
    }

    proptest! {
        /// Disproved by a run that ends anywhere but at the last whole frame.
        #[test]
        fn a_run_ends_at_the_last_whole_frame_wherever_the_buffer_is_cut(
            framing in framings(),
            sizes in prop::collection::vec(0..=200_usize, 1..6),
        ) {
            let frames: Vec<_> = sizes.iter().map(|size| frame(framing, &vec![7; *size])).collect();
            let all = frames.concat();
            for cut in 0..=all.len() {
                let mut whole = (0, 0);
                for one in &frames {
                    if whole.0 + one.len() > cut {
                        break;
                    }
                    whole = (whole.0 + one.len(), whole.1 + 1);
                }
                prop_assert_eq!(framing.whole_run(&all[..cut], MAX), whole, "cut at {}", cut);
            }
        }

        /// Disproved by a panic, by a frame larger than the buffer or the maximum, or by one without bytes.
        #[test]
        fn no_bytes_make_it_panic_or_stand_still(
            framing in framings(),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            max in any::<u32>(),
        ) {
            let (run, frames) = framing.whole_run(&bytes, max);
            prop_assert!(run <= bytes.len());
            prop_assert_eq!(frames == 0, run == 0);
            prop_assert!(!matches!(framing.front(&bytes[run..], max), Front::Whole(_)));
        }
    }

    #[test]
    fn the_maximum_itself_is_allowed_and_one_more_is_not() {
        for word in ["u8", "u16le", "u32be", "u64be", "u32be+offset=4", "u16be+header=3+inclusive"] {
            let framing: Framing = word.parse().unwrap();
            let frame = |bytes| frame(framing, &vec![0; bytes]);
            assert_eq!(framing.front(&frame(16), 16), Front::Whole(frame(16).len()), "{word}");
            assert!(matches!(framing.front(&frame(17), 16), Front::Impossible(_)), "{word}");
        }
        let text = u64::from(u32::from_be_bytes(*b"GET "));
        assert_eq!(Framing::U32BE.front(b"GET / HTTP", 1 << 20), Front::Impossible(text));
    }

    #[test]
    fn a_length_too_small_for_its_own_header_is_impossible() {
        let framing: Framing = "u16be+offset=2+header=1+inclusive".parse().unwrap();
        assert_eq!(framing.front(b"xx\0\x05y", 100), Front::Whole(5));
        assert_eq!(framing.front(b"xx\0\x04y", 100), Front::Impossible(4));
    }

    #[test]
    fn an_impossible_length_is_seen_before_its_header_is_complete() {
        let framing: Framing = "u8+header=9".parse().unwrap();
        assert_eq!(framing.front(&[101], 100), Front::Impossible(101));
        assert_eq!(framing.front(&[100], 100), Front::Partial);
    }
}
