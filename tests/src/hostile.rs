//! Requests of every kind as a good client makes them, and the same as nobody should: for the door of a station.

use bytes::{Bytes, BytesMut};
use clock_core::replica::ConflictId;
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::{Message, MessageError};
use clock_core::wire::{Change, Choice, Copies, Request, Terms, Write, WriteContext};
use clock_core::{BodyKind, Dot, Key, RequestId, VersionVector};

/// The frame's type of a request.
const REQUEST: u8 = 16;
/// What stands before a frame's body.
const HEADER_BYTES: usize = 14;
/// The longest that a request of these may have to wait for other stations.
const DEADLINE_MS: u32 = 300;
/// Bytes at the edges of the wire's numbers.
const EDGES: [u8; 12] = [0, 1, 2, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 16];
const ELEMENTS: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                        2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";

/// What requests can be about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The keys.
    pub keys: Vec<Key>,
    /// Writes the station has.
    pub dots: Vec<Dot>,
    /// An open conflict, or one that has ended meanwhile.
    pub conflict: ConflictId,
}

impl Subject {
    fn key(&self, rng: &mut fastrand::Rng) -> Key {
        self.keys[rng.usize(..self.keys.len())].clone()
    }

    fn dot(&self, rng: &mut fastrand::Rng) -> Dot {
        self.dots[rng.usize(..self.dots.len())].clone()
    }

    fn vector(&self, rng: &mut fastrand::Rng) -> VersionVector {
        let dots = (0..rng.usize(..3)).map(|_| self.dot(rng));
        dots.map(|dot| (dot.replica, dot.seq)).collect()
    }

    fn context(&self, rng: &mut fastrand::Rng) -> WriteContext {
        match rng.u8(..4) {
            0 => WriteContext::Blind,
            1 => WriteContext::Exactly((0..rng.usize(..4)).map(|_| self.dot(rng)).collect()),
            _ => WriteContext::StationView,
        }
    }

    /// One good request of any kind. Its number is that which an answer comes under.
    pub fn request(&self, number: u64, rng: &mut fastrand::Rng) -> Message {
        let request = RequestId(rng.u128(..));
        let asked = match rng.u8(..16) {
            0..3 => {
                let (kind, value) = value(rng);
                Request::Put { key: self.key(rng), kind, value, context: self.context(rng), request }
            }
            3 => Request::Resolve { conflict: self.conflict, choice: self.choice(rng), request },
            4 => Request::Get { key: self.key(rng), skip: rng.u32(..3) },
            5 => Request::History { key: self.key(rng), after: rng.u64(..9) },
            6 => Request::Conflicts { after: rng.bool().then(|| self.key(rng)) },
            7 => Request::Status,
            8 => Request::Watch { after: rng.bool().then(|| self.vector(rng)) },
            9 => Request::Delete { key: self.key(rng), context: self.context(rng), request },
            10 | 11 => Request::Batch { writes: (0..rng.usize(1..4)).map(|_| self.write(rng)).collect() },
            12 => Request::Receipt { request },
            13 => {
                let keys = (0..rng.usize(1..4)).map(|_| self.key(rng)).collect();
                Request::Snapshot { keys, at: rng.bool().then(|| self.vector(rng)) }
            }
            14 => Request::Why { dot: self.dot(rng) },
            _ => Request::Impact { dot: self.dot(rng) },
        };
        Message::Request { number, terms: self.terms(rng), request: asked }
    }

    fn write(&self, rng: &mut fastrand::Rng) -> Write {
        let (kind, value) = value(rng);
        let change = if rng.u8(..4) == 0 { Change::Delete } else { Change::Put { kind, value } };
        Write { key: self.key(rng), change, context: self.context(rng), request: RequestId(rng.u128(..)) }
    }

    fn choice(&self, rng: &mut fastrand::Rng) -> Choice {
        let (kind, value) = value(rng);
        match rng.u8(..3) {
            0 => Choice::Take(self.dot(rng)),
            1 => Choice::Value { kind, value },
            _ => Choice::Delete,
        }
    }

    fn terms(&self, rng: &mut fastrand::Rng) -> Terms {
        let copies = match rng.u8(..4) {
            0 => Copies::Majority,
            count => Copies::Count(u16::from(count)),
        };
        Terms { copies, deadline_ms: DEADLINE_MS, session: rng.bool().then(|| self.vector(rng)) }
    }
}

fn value(rng: &mut fastrand::Rng) -> (BodyKind, Bytes) {
    match rng.u8(..4) {
        0 => (BodyKind::TLE, Bytes::from_static(ELEMENTS.as_bytes())),
        1 => (BodyKind::ATTITUDE, Bytes::from_static(b"0.7071,0,0.7071,0")),
        _ => (BodyKind::OPAQUE, (0..rng.usize(..24)).map(|_| rng.u8(..)).collect::<Vec<_>>().into()),
    }
}

/// A hostile frame, and what a reader of the protocol says of it.
#[derive(Debug)]
pub struct Hostile {
    /// What goes over the wire.
    pub bytes: Vec<u8>,
    /// What it is.
    pub verdict: Verdict,
}

/// What a reader of the protocol says of a frame.
#[derive(Debug)]
pub enum Verdict {
    /// A request all the same: to be answered, whatever the answer is.
    Request {
        /// Under this number.
        number: u64,
    },
    /// No request, but with a number to refuse it under.
    Malformed {
        /// Which.
        number: u64,
        /// The field to be named.
        field: String,
    },
    /// Nothing that can be answered: the session ends.
    Fatal,
}

impl Hostile {
    /// A request with a few bytes of its body changed, left out or put in, and a checksum that is right: what is tested is
    /// everything behind it.
    pub fn mutated_body(good: &Message, rng: &mut fastrand::Rng) -> Self {
        loop {
            let whole = good.to_frame().expect("a good request fits");
            let mut body = whole[HEADER_BYTES..].to_vec();
            (0..=rng.usize(..3)).for_each(|_| mutate(&mut body, rng));
            let bytes = frame::encode(REQUEST, &body).expect("it fits").to_vec();
            if let Some(verdict) = verdict(&bytes) {
                return Self { bytes, verdict };
            }
        }
    }

    /// A frame with a few bytes changed anywhere: mostly its checksum is wrong.
    pub fn mutated_frame(good: &Message, rng: &mut fastrand::Rng) -> Self {
        loop {
            let mut bytes = good.to_frame().expect("a good request fits").to_vec();
            (0..=rng.usize(..3)).for_each(|_| mutate(&mut bytes, rng));
            if let Some(verdict) = verdict(&bytes) {
                return Self { bytes, verdict };
            }
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    if bytes.is_empty() {
        return bytes.push(rng.u8(..));
    }
    let at = rng.usize(..bytes.len());
    match rng.u8(..6) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => bytes.insert(at, EDGES[rng.usize(..EDGES.len())]),
        2 => drop(bytes.remove(at)),
        3 => bytes.truncate(at),
        4 => bytes[at] = rng.u8(..),
        _ => bytes[at] = EDGES[rng.usize(..EDGES.len())],
    }
}

/// What the bytes are; `None` for a request that may wait for other stations longer than a test does.
fn verdict(bytes: &[u8]) -> Option<Verdict> {
    let cut = frame::cut(&mut BytesMut::from(bytes), FRAME_BYTES_MAX);
    let Ok(Some(frame)) = cut else { return Some(Verdict::Fatal) };
    match Message::from_frame(&frame) {
        Ok(Message::Request { terms, .. }) if terms.deadline_ms > DEADLINE_MS => None,
        Ok(Message::Request { number, .. }) => Some(Verdict::Request { number }),
        Err(MessageError::Request { number, field, .. }) => Some(Verdict::Malformed { number, field }),
        Ok(_) | Err(_) => Some(Verdict::Fatal),
    }
}
