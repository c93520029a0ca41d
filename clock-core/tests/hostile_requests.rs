//! Requests that pass the frame's checks and are no requests: each is refused with the field that is to blame, and what
//! was expected there.

#![cfg(feature = "replica")]
#![allow(clippy::panic, reason = "a test says what came instead")]

use bytes::BytesMut;
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::{Message, MessageError};

/// The body of a request, written by hand: what no well-meaning client sends.
#[derive(Clone, Default)]
struct Body(Vec<u8>);

impl Body {
    /// A `Put` under number 7, as far as its key.
    fn put(key: &str) -> Self {
        Self::default().number(7).number(PUT).text(key)
    }

    /// ... and as far as its value.
    fn put_value() -> Self {
        Self::put("key").byte(0).text("value")
    }

    /// A number in the variable length of the wire.
    fn number(mut self, number: u64) -> Self {
        match (u8::try_from(number), u16::try_from(number)) {
            (Ok(short @ 0..251), _) => self.0.push(short),
            (_, Ok(two)) => self.0.extend([&[251], two.to_le_bytes().as_slice()].concat()),
            _ => self.0.extend([&[253], number.to_le_bytes().as_slice()].concat()),
        }
        self
    }

    fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    fn text(self, text: &str) -> Self {
        self.raw(text.as_bytes())
    }

    /// Bytes behind their length.
    fn raw(self, bytes: &[u8]) -> Self {
        let mut with_length = self.number(bytes.len() as u64);
        with_length.0.extend_from_slice(bytes);
        with_length
    }

    fn dot(self, node: &str, seq: u64) -> Self {
        self.text(node).number(1).number(seq)
    }

    fn dots(self, count: u64) -> Self {
        (1..=count).fold(self.number(count), |body, seq| body.dot("pacific", seq))
    }

    /// Reads it out of a frame, as a station does.
    fn read(&self) -> Result<Message, MessageError> {
        let framed = frame::encode(REQUEST, &self.0).expect("it fits a frame");
        let cut = frame::cut(&mut BytesMut::from(framed), FRAME_BYTES_MAX);
        Message::from_frame(&cut.expect("a frame").expect("a whole one"))
    }
}

/// The frame's type, and the variants of requests and contexts in the order of the protocol.
const REQUEST: u8 = 16;
const PUT: u64 = 0;
const RESOLVE: u64 = 1;
const GET: u64 = 2;
const CONFLICTS: u64 = 4;
const EXACTLY: u64 = 1;
const TAKE: u64 = 0;

/// What is sent, which field is named, what is said of it.
fn table() -> Vec<(Body, &'static str, &'static str)> {
    let exactly = || Body::put_value().number(EXACTLY);
    let third_dot = |node: &str, seq| exactly().number(4).dot("a", 1).dot("b", 1).dot("c", 1).dot(node, seq);
    let resolve = || Body::default().number(7).number(RESOLVE).number(1);
    let key = |text: &str| Body::default().number(7).number(GET).text(text).number(0);
    vec![
        (Body::default().number(7).number(99), "request", "integer `99`, expected variant index"),
        (Body::default().number(7), "request", "end 1 too early"),
        (Body::put(&"k".repeat(257)), "Put.key", "invalid length 257, expected text of at most 256 bytes"),
        (Body::put(""), "Put.key", "expected 1 to 256 bytes of text without control characters"),
        (Body::put("a\u{7}b"), "Put.key", "without control characters"),
        (Body::default().number(7).number(PUT).raw(&[0xff, 0xfe]), "Put.key", "expected UTF-8 text"),
        (Body::put("key"), "Put.kind", "end 1 too early"),
        (Body::put("key").byte(0).number(1 << 40), "Put.value", "claims more memory"),
        (Body::put("key").byte(0).number(9), "Put.value", "too early"),
        (Body::put_value().number(77), "Put.context", "integer `77`, expected variant index"),
        (
            exactly().dots(1025),
            "Put.context",
            "invalid length 1025, expected a list of at most 1024 elements",
        ),
        (third_dot("d", 0), "Put.context[3].seq", "sequence 0: expected 1 to 9223372036854775807"),
        (third_dot("d", 1 << 63), "Put.context[3].seq", "sequence 9223372036854775808: expected 1 to"),
        (
            third_dot(&"n".repeat(65), 1),
            "Put.context[3].replica.node",
            "invalid length 65, expected text of at",
        ),
        (third_dot("a b", 1), "Put.context[3].replica.node", "expected 1 to 64 characters of A-Z"),
        (Body::put_value().number(0), "Put.request", "too early"),
        (resolve().number(5), "Resolve.choice", "integer `5`, expected variant index"),
        (resolve().number(TAKE).dot("pacific", 0), "Resolve.choice.seq", "sequence 0: expected"),
        (key(&"k".repeat(257)), "Get.key", "invalid length 257"),
        (key("key").byte(0), "request", "1 bytes behind the end"),
        (Body::default().number(7).number(CONFLICTS).byte(9), "Conflicts.after", "expected"),
    ]
}

/// Disproved by a malformed request that is accepted, ends its session, or is refused without its number and field.
#[test]
fn a_malformed_request_is_refused_by_its_field() {
    for (body, expected_field, expected_text) in table() {
        match body.read() {
            Err(MessageError::Request { number, field, detail }) => {
                assert_eq!((number, field.as_str()), (7, expected_field), "{detail}");
                assert!(
                    detail.contains(expected_text),
                    "{field}: expected {expected_text:?}, it says {detail:?}"
                );
            }
            other => panic!("{expected_field} ({expected_text}): expected a refused request, got {other:?}"),
        }
    }
}

/// Disproved by an answer under a number that nobody can have meant.
#[test]
fn a_request_without_a_number_ends_the_session() {
    for body in [vec![], vec![251], vec![253, 1, 2], vec![255]] {
        let refused = Body(body.clone()).read();
        assert!(matches!(refused, Err(MessageError::Codec(_))), "{body:?}: {refused:?}");
    }
}

/// Disproved by a refusal as long as what it refuses.
#[test]
fn a_refusal_does_not_repeat_a_megabyte() {
    let long = "k\u{1}".repeat(100_000);
    let Err(MessageError::Request { field, detail, .. }) = Body::put(&long).read() else {
        panic!("a key of {} bytes was accepted", long.len());
    };
    assert!(field.len() < 100 && detail.len() < 2048, "{field}: {detail}");
}
