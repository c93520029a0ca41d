//! Frames: a u32 big-endian length, a fixed header checked by hand, a body.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | length of all that follows, big-endian |
//! | 4 | 2 | magic `CK` |
//! | 6 | 1 | wire version, 1 |
//! | 7 | 1 | type, see [`super::message`] |
//! | 8 | 2 | flags, 0 |
//! | 10 | 4 | CRC32C over bytes 4 to 9 and the body, big-endian |
//! | 14 | | body |

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::bugs::{Bug, planted};

/// The version this build speaks.
pub const WIRE_VERSION: u8 = 1;
/// Largest value of the length field: 1 MiB, room for several values and far below what hurts a station.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Largest frame before a handshake: a stranger gets no more memory than its hello needs.
pub const HELLO_FRAME_BYTES_MAX: usize = 64 * 1024;

const MAGIC: [u8; 2] = *b"CK";
const PREFIX_BYTES: usize = 4;
const HEADER_BYTES: usize = 10;
const CHECKED_HEADER_BYTES: usize = 6;

/// One checked frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub kind: u8,
    /// The body, still encoded.
    pub body: Bytes,
}

/// Why the bytes are no frame. The stream cannot be resumed after any of these: close the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is below a header or above the limit.
    #[error("frame length {length}: expected {HEADER_BYTES} to {max}")]
    Length {
        /// What the prefix claims.
        length: usize,
        /// The limit in force.
        max: usize,
    },
    /// Not our protocol.
    #[error("frame magic {0:02x?}: expected {MAGIC:02x?}, this is not a station or its client")]
    Magic([u8; 2]),
    /// A version this build does not speak.
    #[error("wire version {0}: expected {WIRE_VERSION}")]
    Version(u8),
    /// A flag this build does not know.
    #[error("frame flags {0:#06x}: expected 0")]
    Flags(u16),
    /// The bytes were damaged on the way.
    #[error("frame checksum {got:08x}: expected {expected:08x}")]
    Checksum {
        /// Computed over what arrived.
        expected: u32,
        /// Carried by the header.
        got: u32,
    },
    /// The body to send is larger than a frame may be.
    #[error("body of {bytes} bytes: a frame holds at most {FRAME_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// Cuts the next frame off the front of `buffer`; `None` until all of it has arrived.
///
/// Nothing is reserved for a claimed length: the buffer grows with the bytes that really arrive.
///
/// # Errors
/// [`FrameError`] as soon as the bytes seen so far cannot become a frame.
pub fn cut(buffer: &mut BytesMut, frame_bytes_max: usize) -> Result<Option<Frame>, FrameError> {
    let Some(prefix) = buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if !(HEADER_BYTES..=frame_bytes_max).contains(&length) {
        return Err(FrameError::Length { length, max: frame_bytes_max });
    }
    check_greeting(&buffer[PREFIX_BYTES..])?;
    if buffer.len() < PREFIX_BYTES + length {
        return Ok(None);
    }
    buffer.advance(PREFIX_BYTES);
    parse(buffer.split_to(length).freeze()).map(Some)
}

/// Refuses a stranger by the first bytes after the length, before waiting for the rest.
fn check_greeting(start: &[u8]) -> Result<(), FrameError> {
    if let Some(magic) = start.first_chunk::<2>()
        && *magic != MAGIC
    {
        return Err(FrameError::Magic(*magic));
    }
    match start.get(2) {
        Some(&version) if version != WIRE_VERSION => Err(FrameError::Version(version)),
        _ => Ok(()),
    }
}

fn parse(mut bytes: Bytes) -> Result<Frame, FrameError> {
    let checked_header = bytes.slice(..CHECKED_HEADER_BYTES);
    bytes.advance(3);
    let (kind, flags, got) = (bytes.get_u8(), bytes.get_u16(), bytes.get_u32());
    let expected = crc32c::crc32c_append(crc32c::crc32c(&checked_header), &bytes);
    if got != expected && !planted(Bug::FrameChecksumIgnored) {
        return Err(FrameError::Checksum { expected, got });
    }
    if flags != 0 {
        return Err(FrameError::Flags(flags));
    }
    Ok(Frame { kind, body: bytes })
}

/// The frame's bytes, length prefix included.
///
/// # Errors
/// [`FrameError::TooLarge`] if the body does not fit one frame.
pub fn encode(kind: u8, body: &[u8]) -> Result<Bytes, FrameError> {
    let length = HEADER_BYTES + body.len();
    let prefix = u32::try_from(length).ok().filter(|_| length <= FRAME_BYTES_MAX);
    let prefix = prefix.ok_or(FrameError::TooLarge { bytes: body.len() })?;
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + length);
    bytes.put_u32(prefix);
    bytes.put_slice(&MAGIC);
    bytes.put_u8(WIRE_VERSION);
    bytes.put_u8(kind);
    bytes.put_u16(0);
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[PREFIX_BYTES..]), body);
    bytes.put_u32(checksum);
    bytes.put_slice(body);
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_arrives_whole_however_it_is_split() {
        let bytes = encode(7, b"attitude").unwrap();
        for split in 0..bytes.len() {
            let mut buffer = BytesMut::from(&bytes[..split]);
            assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Ok(None), "after {split} bytes");
            buffer.extend_from_slice(&bytes[split..]);
            let frame = cut(&mut buffer, FRAME_BYTES_MAX).unwrap().unwrap();
            assert_eq!((frame.kind, frame.body.as_ref()), (7, b"attitude".as_ref()));
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn every_flipped_bit_behind_the_length_is_noticed() {
        let bytes = encode(7, b"attitude").unwrap();
        for bit in PREFIX_BYTES * 8..bytes.len() * 8 {
            let mut damaged = BytesMut::from(bytes.as_ref());
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(cut(&mut damaged, FRAME_BYTES_MAX).is_err(), "bit {bit} went unnoticed");
        }
    }

    #[test]
    fn a_claimed_length_is_refused_before_anything_is_reserved() {
        for length in [0, 9, FRAME_BYTES_MAX + 1, u32::MAX as usize] {
            let mut buffer = BytesMut::from(u32::try_from(length).unwrap().to_be_bytes().as_ref());
            let expected = FrameError::Length { length, max: FRAME_BYTES_MAX };
            assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Err(expected));
        }
    }

    #[test]
    fn another_protocol_is_refused_by_its_first_bytes() {
        let mut buffer = BytesMut::from(b"\0\0\0\x20HTTP".as_ref());
        assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Err(FrameError::Magic(*b"HT")));
        let mut buffer = BytesMut::from(b"\0\0\0\x20CK\x09".as_ref());
        assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Err(FrameError::Version(9)));
    }

    #[test]
    fn the_bytes_of_a_frame_never_change() {
        let golden = [0, 0, 0, 11, b'C', b'K', 1, 6, 0, 0, 0x24, 0x27, 0xe1, 0x7d, b'x'];
        assert_eq!(encode(6, b"x").unwrap().as_ref(), golden);
    }
}
