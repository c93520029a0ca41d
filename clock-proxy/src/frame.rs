//! Where frames end: a u32 big-endian length, then that many bytes.
//!
//! Pure arithmetic on a slice. A length over the maximum is reported, never allocated: four bytes of text
//! read as a length ask for gigabytes.

/// Bytes of the length prefix.
pub(crate) const HEADER_BYTES: usize = 4;

/// What the front of a buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// A whole frame of this many bytes, its header included.
    Whole(usize),
    /// Less than one frame.
    Partial,
    /// A header that claims more than the maximum: these bytes are not framed.
    Oversize(u32),
}

/// Looks at the first frame of `buffer`, allowing payloads up to `max_payload` bytes.
pub(crate) fn front(buffer: &[u8], max_payload: u32) -> Front {
    let Some((header, rest)) = buffer.split_first_chunk::<HEADER_BYTES>() else {
        return Front::Partial;
    };
    let claimed = u32::from_be_bytes(*header);
    if claimed > max_payload {
        return Front::Oversize(claimed);
    }
    // A u32 fits a usize on every target tokio's networking supports.
    let payload = usize::try_from(claimed).unwrap_or(usize::MAX);
    if rest.len() < payload { Front::Partial } else { Front::Whole(HEADER_BYTES + payload) }
}

/// The whole frames at the front of `buffer`, as (their bytes together, their count).
pub(crate) fn whole_run(buffer: &[u8], max_payload: u32) -> (usize, u64) {
    let (mut bytes, mut frames) = (0, 0);
    while let Front::Whole(len) = front(&buffer[bytes..], max_payload) {
        bytes += len;
        frames += 1;
    }
    (bytes, frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn a_run_ends_at_the_last_whole_frame_wherever_the_buffer_is_cut() {
        let frames = [frame(b""), frame(b"x"), frame(&[7; 300]), frame(b"tail")];
        let all = frames.concat();
        for cut in 0..=all.len() {
            let mut whole = (0, 0);
            for one in &frames {
                if whole.0 + one.len() > cut {
                    break;
                }
                whole = (whole.0 + one.len(), whole.1 + 1);
            }
            assert_eq!(whole_run(&all[..cut], 1024), whole, "cut at {cut}");
        }
    }

    #[test]
    fn the_maximum_itself_is_allowed_and_one_more_is_not() {
        assert_eq!(front(&frame(&[0; 16]), 16), Front::Whole(20));
        assert_eq!(front(&frame(&[0; 17]), 16), Front::Oversize(17));
        assert_eq!(front(b"GET / HTTP", 1 << 20), Front::Oversize(u32::from_be_bytes(*b"GET ")));
    }
}
