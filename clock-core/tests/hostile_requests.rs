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
    /// A request of this kind under number 7, on terms that ask for nothing.
    fn asking(kind: u64) -> Self {
        Self::default().number(7).number(COUNT).number(1).number(5000).byte(NONE).number(kind)
    }

    /// A `Put` as far as its key.
    fn put(key: &str) -> Self {
        Self::asking(PUT).text(key)
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

    /// A vector of so many entries, in the order of their replicas.
    fn vector(self, count: u64) -> Self {
        (1..=count).fold(self.number(count), |body, n| body.dot(&format!("n{n:05}"), n))
    }

    /// Many times the same.
    fn times(self, count: u64, part: impl Fn(Self) -> Self) -> Self {
        (0..count).fold(self.number(count), |body, _| part(body))
    }

    /// Reads it out of a frame, as a station does.
    fn read(&self) -> Result<Message, MessageError> {
        let framed = frame::encode(REQUEST, &self.0).expect("it fits a frame");
        let cut = frame::cut(&mut BytesMut::from(framed), FRAME_BYTES_MAX);
        Message::from_frame(&cut.expect("a frame").expect("a whole one"))
    }
}

/// The frame's type, and the variants of the protocol's types by their order.
const REQUEST: u8 = 16;
const PUT: u64 = 0;
const RESOLVE: u64 = 1;
const GET: u64 = 2;
const HISTORY: u64 = 3;
const CONFLICTS: u64 = 4;
const STATUS: u64 = 5;
const WATCH: u64 = 6;
const DELETE: u64 = 7;
const BATCH: u64 = 8;
const RECEIPT: u64 = 9;
const SNAPSHOT: u64 = 10;
const WHY: u64 = 11;
const IMPACT: u64 = 12;
const EXACTLY: u64 = 1;
const TAKE: u64 = 0;
const COUNT: u64 = 0;
const NONE: u8 = 0;
const SOME: u8 = 1;

/// What is sent, which field is named, what is said of it.
type Row = (Body, &'static str, &'static str);

/// Writes: keys, values, contexts.
fn writes() -> Vec<Row> {
    let exactly = || Body::put_value().number(EXACTLY);
    let third_dot = |node: &str, seq| exactly().number(4).dot("a", 1).dot("b", 1).dot("c", 1).dot(node, seq);
    let resolve = || Body::asking(RESOLVE).number(1);
    let delete = |key: &str| Body::asking(DELETE).text(key);
    // A key, a deletion, blind, a request id.
    let write = |body: Body, key: &str| body.text(key).number(1).number(2).number(9);
    let batch = |count| Body::asking(BATCH).times(count, |body| write(body, "key"));
    let second = |key: &str| write(write(Body::asking(BATCH).number(2), "key"), key);
    vec![
        (Body::put(&"k".repeat(257)), "Put.key", "invalid length 257, expected text of at most 256 bytes"),
        (Body::put(""), "Put.key", "expected 1 to 256 bytes of text without control characters"),
        (Body::put("a\u{7}b"), "Put.key", "without control characters"),
        (Body::asking(PUT).raw(&[0xff, 0xfe]), "Put.key", "expected UTF-8 text"),
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
        (delete(&"k".repeat(257)), "Delete.key", "invalid length 257"),
        (delete("key").number(3), "Delete.context", "integer `3`, expected variant index"),
        (batch(257), "Batch.writes", "invalid length 257, expected a list of at most 256 elements"),
        (second("a\nb"), "Batch.writes[1].key", "without control characters"),
        (
            Body::asking(BATCH).number(1).text("key").number(2),
            "Batch.writes[0].change",
            "integer `2`, expected",
        ),
    ]
}

/// Questions, and what is behind a request.
fn questions() -> Vec<Row> {
    let key = |text: &str| Body::asking(GET).text(text).number(0);
    let keys = |count| Body::asking(SNAPSHOT).times(count, |body| body.text("key"));
    vec![
        (Body::asking(99), "request", "integer `99`, expected variant index"),
        (key(&"k".repeat(257)), "Get.key", "invalid length 257"),
        (key("key").byte(0), "request", "1 bytes behind the end"),
        (Body::asking(STATUS).byte(0), "request", "1 bytes behind the end"),
        (Body::asking(GET).text("key").number(1 << 40), "Get.skip", "an integer of type U64: expected U32"),
        (Body::asking(HISTORY).text("key"), "History.after", "end 1 too early"),
        (Body::asking(CONFLICTS).byte(9), "Conflicts.after", "expected"),
        (Body::asking(WATCH).byte(SOME).vector(1025), "Watch.after", "invalid length 1025"),
        (Body::asking(RECEIPT), "Receipt.request", "end 1 too early"),
        (
            keys(257).byte(NONE),
            "Snapshot.keys",
            "invalid length 257, expected a list of at most 256 elements",
        ),
        (keys(1).byte(SOME).vector(1025), "Snapshot.at", "invalid length 1025"),
        (Body::asking(WHY).dot("pacific", 0), "Why.dot.seq", "sequence 0: expected 1 to"),
        (Body::asking(IMPACT).dot(&"n".repeat(65), 1), "Impact.dot.replica.node", "invalid length 65"),
    ]
}

/// What a request asks for beside its answer.
fn terms() -> Vec<Row> {
    let numbered = || Body::default().number(7);
    let session = || numbered().number(COUNT).number(1).number(5000).byte(SOME);
    vec![
        (numbered(), "terms.copies", "end 1 too early"),
        (numbered().number(2), "terms.copies", "integer `2`, expected variant index"),
        (numbered().number(COUNT).number(1 << 20), "terms.copies", "an integer of type U64: expected U16"),
        (numbered().number(COUNT).number(1).number(1 << 40), "terms.deadline_ms", "expected U32"),
        (numbered().number(COUNT).number(1).number(5000).byte(2), "terms.session", "expected"),
        (
            session().vector(1025),
            "terms.session",
            "invalid length 1025, expected at most 1024 vector entries",
        ),
        (
            session().number(1).dot("a", 0),
            "terms.session",
            "a.00000001 = 0: expected ascending replicas and 1 to",
        ),
        (session().number(1).dot("a", 1 << 63), "terms.session", "= 9223372036854775808: expected ascending"),
        (session().number(2).dot("b", 1).dot("a", 1), "terms.session", "expected ascending replicas"),
        (session().number(1).dot(&"n".repeat(65), 1), "terms.session[0][0].node", "invalid length 65"),
    ]
}

/// Disproved by a malformed request that is accepted, ends its session, or is refused without its number and field.
#[test]
fn a_malformed_request_is_refused_by_its_field() {
    for (body, expected_field, expected_text) in [writes(), questions(), terms()].concat() {
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
