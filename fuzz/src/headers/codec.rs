//! A service's own reader of vectors over many messages, beside the decoders that remember nothing.

use clock_core::VectorClock;
use clock_core::headers::{VectorCodec, msgpack, text};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input::{self, Input};
use crate::promises::hold_named;

/// What the names of all messages so far take in the codec's memory, beside what one message does: each in three lists
/// that grew by doubling.
const LIMIT: Limit = Limit { constant_bytes: 4096, bytes_per_byte: 80 };

/// Messages in text and msgpack, taken turn about into one clock.
pub static VECTOR_CODEC: Decoder =
    Decoder { name: "vector_codec", check, limit: LIMIT, input_bytes_max: 4096 };

/// The input: for each message, a byte (1: msgpack; 2: the clock takes it in; 4: the clock ticks), the length of the
/// message in a byte, the message.
fn check(meter: &Meter, data: &[u8]) -> Outcome {
    let (mut clock, mut codec) = (VectorClock::new("svc"), VectorCodec::new());
    let mut input = Input::new(data);
    let mut is_accepted = false;
    loop {
        let (flags, message) = (input.byte(), input.short());
        let (received, plain) = if flags & 1 != 0 {
            let read = || codec.decode_msgpack(message, clock.timestamp()).cloned();
            (meter.decode(data.len(), read), msgpack::decode_vector(message))
        } else {
            let message = input::text(message);
            let read = || codec.decode_text(message, clock.timestamp()).cloned();
            (meter.decode(data.len(), read), text::decode_vector(message))
        };
        assert_eq!(received, plain, "read by a codec that knows {}", clock.timestamp());
        if let Ok(vector) = received {
            hold_named(&vector);
            hold_encoded(&mut codec, &vector);
            is_accepted = true;
            // Whether the clock believes it is the clock's to say.
            if flags & 2 != 0 && clock.try_observe(&vector).is_ok() {
                hold_encoded(&mut codec, clock.timestamp());
            }
        }
        if flags & 4 != 0 {
            clock.tick();
        }
        if input.is_empty() {
            return Outcome::of(is_accepted);
        }
    }
}

/// It writes what the plain encoders write, and is refused what they are.
fn hold_encoded(codec: &mut VectorCodec, vector: &clock_core::VectorTimestamp) {
    let (mut own, mut plain) = (String::new(), String::new());
    let is_written = codec.encode_text(vector, &mut own);
    assert_eq!(is_written, text::encode_vector_into(vector, &mut plain), "whether {vector} can be sent");
    assert_eq!(own, plain, "{vector} in text");
    let (mut own, mut plain) = (Vec::new(), Vec::new());
    let is_written = codec.encode_msgpack(vector, &mut own);
    assert_eq!(is_written, msgpack::encode_vector_into(vector, &mut plain), "whether {vector} can be sent");
    assert_eq!(own, plain, "{vector} in msgpack");
}
