//! Frames out of a byte stream: the same frames and the same end, however the stream is cut into pieces.

use bytes::BytesMut;
use clock_core::wire::frame::{self, FRAME_BYTES_MAX, Frame, FrameError, HELLO_FRAME_BYTES_MAX};

use crate::allocation::{Limit, Meter};
use crate::checksum::crc32c;
use crate::decoder::{Decoder, Outcome};
use crate::input::Input;

const PREFIX_BYTES: usize = 4;
/// Magic, version, type and flags: what the checksum covers beside the body.
const CHECKED_BYTES: usize = 6;
const HEADER_BYTES: usize = CHECKED_BYTES + 4;

/// A frame is cut out without a copy; sharing the buffer takes a small block. Nothing is reserved for a claim.
const LIMIT: Limit = Limit { constant_bytes: 256, bytes_per_byte: 0 };

/// The deframer.
pub static FRAME: Decoder = Decoder { name: "frame", check, limit: LIMIT, input_bytes_max: 4096 };

/// The input: a byte of flags (1: put the right checksums in; 2: the limit before a handshake), three sizes of pieces
/// that take turns, then the stream.
fn check(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let flags = input.byte();
    let pieces = [input.byte(), input.byte(), input.byte()].map(|size| usize::from(size) + 1);
    let mut stream = input.rest().to_vec();
    if flags & 1 != 0 {
        seal(&mut stream);
    }
    let max = if flags & 2 == 0 { FRAME_BYTES_MAX } else { HELLO_FRAME_BYTES_MAX };
    let whole = cut_all(meter, &stream, &[stream.len().max(1)], max);
    hold(&whole, &stream, max);
    let in_pieces = cut_all(meter, &stream, &pieces, max);
    assert_eq!(whole, in_pieces, "pieces of {pieces:?} bytes give other frames");
    Outcome::of(!whole.frames.is_empty())
}

/// What a stream was cut into, and how it ended.
#[derive(Debug, PartialEq)]
struct Cut {
    frames: Vec<Frame>,
    end: Result<Vec<u8>, FrameError>,
}

fn cut_all(meter: &Meter, stream: &[u8], pieces: &[usize], max: usize) -> Cut {
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    let mut rest = stream;
    for size in pieces.iter().cycle() {
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        buffer.extend_from_slice(piece);
        loop {
            let before = buffer.len();
            match meter.decode(before, || frame::cut(&mut buffer, max)) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break assert_eq!(buffer.len(), before, "bytes were lost while waiting for more"),
                Err(error) => return Cut { frames, end: Err(error) },
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    Cut { frames, end: Ok(buffer.to_vec()) }
}

/// Each frame encodes to the bytes it was cut from, and no byte in between is missing.
fn hold(cut: &Cut, stream: &[u8], max: usize) {
    let mut rest = stream;
    for frame in &cut.frames {
        assert!(frame.body.len() + HEADER_BYTES <= max, "a frame of {} bytes", frame.body.len());
        let again = frame::encode(frame.kind, &frame.body).expect("what was cut fits a frame");
        rest = rest.strip_prefix(again.as_ref()).expect("another encoding of a frame");
    }
    match &cut.end {
        Ok(left) => assert_eq!(left, rest, "what is left"),
        Err(error) => assert!(!error.to_string().is_empty(), "an error says what was expected"),
    }
}

/// Puts the right checksum into each frame of a stream, as far as its lengths lead.
fn seal(mut stream: &mut [u8]) {
    while let Some((prefix, rest)) = stream.split_first_chunk_mut::<PREFIX_BYTES>() {
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        if length < HEADER_BYTES || length > rest.len() {
            return;
        }
        let (frame, later) = rest.split_at_mut(length);
        let checksum = crc32c(&[&frame[..CHECKED_BYTES], &frame[HEADER_BYTES..]]);
        frame[CHECKED_BYTES..HEADER_BYTES].copy_from_slice(&checksum.to_be_bytes());
        stream = later;
    }
}
