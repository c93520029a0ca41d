//! The first frame of a stranger: judged by the hand, and then by a station.

use std::sync::LazyLock;

use bytes::BytesMut;
use clock_core::replica::{Effect, Input, Lsn, Now, Opener, Recovered, Replica, ReplicaConfig, SessionId};
use clock_core::wire::frame::{self, HELLO_FRAME_BYTES_MAX};
use clock_core::wire::message::{Hello, Message, Role};
use clock_core::{Incarnation, MAX_COUNTER, NodeId, VECTOR_ENTRIES_MAX};

use crate::allocation::Meter;
use crate::checksum::crc32c;
use crate::decoder::{Decoder, Outcome};
use crate::input::Input as Script;
use crate::messages::BOUNDED;
use crate::promises::is_node;

const HEADER_BYTES: usize = 10;
const CHECKED_BYTES: usize = 6;
const CLUSTER: &str = "mss";
const STATION: &str = "pacific";
const PEERS: [&str; 2] = ["atlantic", "indian"];

/// The first frame of a stranger.
pub static HELLO: Decoder = Decoder { name: "hello", check, limit: BOUNDED, input_bytes_max: 8 * 1024 };

static CONFIG: LazyLock<ReplicaConfig> = LazyLock::new(|| {
    let node = |name: &str| NodeId::new(name).expect("a legal name");
    ReplicaConfig::new(node(CLUSTER), node(STATION), PEERS.map(node).into(), 7)
});

/// The input: a byte of flags (1: put length, greeting and checksum in), then what a stranger sends.
fn check(meter: &Meter, data: &[u8]) -> Outcome {
    let mut script = Script::new(data);
    let flags = script.byte();
    let sent = if flags & 1 == 0 { script.rest().to_vec() } else { framed(script.rest()) };
    let expected = naive(&sent);
    let mut buffer = BytesMut::from(sent.as_slice());
    let hello = meter.decode(sent.len(), || first_message(&mut buffer));
    match (hello, expected) {
        (Some(hello), Some(expected)) => {
            let is_taken = expected.is_taken();
            assert_eq!(Naive::of(&hello), expected, "what a hello says");
            hold_taken(meter, hello, is_taken);
            Outcome::Accepted
        }
        (None, None) => Outcome::Refused,
        (hello, expected) => panic!("{sent:02x?} gave {hello:?}, expected {expected:?}"),
    }
}

/// As a station reads it: nothing but a hello is heard first.
fn first_message(buffer: &mut BytesMut) -> Option<Hello> {
    let frame = frame::cut(buffer, HELLO_FRAME_BYTES_MAX).ok()??;
    match Message::from_frame(&frame) {
        Ok(Message::Hello(hello)) => Some(hello),
        _ => None,
    }
}

/// A body behind the frame that it lacks.
fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + body.len()).expect("a short body").to_be_bytes();
    let header = *b"CK\x01\x01\0\0";
    let checksum = crc32c(&[&header, body]).to_be_bytes();
    [&length, header.as_slice(), &checksum, body].concat()
}

/// Entries of a vector: station, incarnation, and up to which event.
type Claimed = Vec<(String, u64, u64)>;

/// A hello as a reader without the library has it.
#[derive(Debug, PartialEq, Eq)]
struct Naive {
    cluster: String,
    /// Station, incarnation, and what it claims.
    peer: Option<(String, u64, Claimed)>,
}

impl Naive {
    fn of(hello: &Hello) -> Self {
        let cluster = hello.cluster.to_string();
        let Role::Peer(claim) = &hello.role else { return Self { cluster, peer: None } };
        let entry = |(replica, seq): (&clock_core::ReplicaId, u64)| {
            (replica.node.to_string(), u64::from(replica.incarnation.0), seq)
        };
        let durable = claim.durable.iter().map(entry).collect();
        let (station, incarnation) = (claim.replica.node.to_string(), claim.replica.incarnation.0);
        Self { cluster, peer: Some((station, u64::from(incarnation), durable)) }
    }

    /// Whoever means this cluster, as a client or as one of its other members.
    fn is_taken(&self) -> bool {
        let is_member = |peer: &(String, u64, _)| PEERS.contains(&peer.0.as_str());
        self.cluster == CLUSTER && self.peer.as_ref().is_none_or(is_member)
    }
}

/// Reads the first frame by the tables of the protocol's documentation.
fn naive(sent: &[u8]) -> Option<Naive> {
    let (length, rest) = sent.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if !(HEADER_BYTES..=HELLO_FRAME_BYTES_MAX).contains(&length) || length > rest.len() {
        return None;
    }
    let (header, body) = rest[..length].split_at(HEADER_BYTES);
    let checksum = crc32c(&[&header[..CHECKED_BYTES], body]).to_be_bytes();
    if header[..CHECKED_BYTES] != *b"CK\x01\x01\0\0" || header[CHECKED_BYTES..] != checksum {
        return None;
    }
    let rest = &mut &*body;
    let cluster = name(rest)?;
    let peer = match number(rest, 32)? {
        0 => None,
        1 => Some((name(rest)?, number(rest, 32)?, claimed(rest)?)),
        _ => return None,
    };
    rest.is_empty().then_some(Naive { cluster, peer })
}

fn claimed(rest: &mut &[u8]) -> Option<Claimed> {
    let count = number(rest, 64)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let entry = (name(rest)?, number(rest, 32)?, number(rest, 64)?);
        let is_ascending =
            entries.last().is_none_or(|(node, incarnation, _)| (node, incarnation) < (&entry.0, &entry.1));
        let is_legal = is_ascending && (1..=MAX_COUNTER).contains(&entry.2);
        if !is_legal || entries.len() == VECTOR_ENTRIES_MAX {
            return None;
        }
        entries.push(entry);
    }
    Some(entries)
}

fn name(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(number(rest, 64)?).ok()?;
    let name = String::from_utf8(rest.split_off(..length)?.to_vec()).ok()?;
    is_node(&name).then_some(name)
}

/// A little-endian number of as many bytes as its first byte says, up to so many bits.
fn number(rest: &mut &[u8], bits: u32) -> Option<u64> {
    let first = *rest.split_off_first()?;
    let bytes = match first {
        0..=250 => return Some(u64::from(first)),
        251 => 2,
        252 => 4,
        253 if bits == 64 => 8,
        _ => return None,
    };
    let digits = rest.split_off(..bytes)?.iter().rev();
    Some(digits.fold(0, |number, digit| number << 8 | u64::from(*digit)))
}

/// A fresh station welcomes whom it takes, and has nothing but the end of the session for anybody else.
fn hold_taken(meter: &Meter, hello: Hello, is_taken: bool) {
    let recovered = Recovered {
        incarnation: Incarnation(1),
        incarnation_is_fresh: true,
        may_have_lost_events: false,
        quarantined: 0,
        last_lsn: Lsn(0),
    };
    let replica = Replica::recover(CONFIG.clone(), Now::default(), recovered, []);
    let (mut replica, mut effects) = replica.expect("an empty log");
    let opener = match hello.role {
        Role::Client => Opener::Client { cluster: hello.cluster },
        Role::Peer(claim) => Opener::Peer { cluster: hello.cluster, claim },
    };
    let session = SessionId(1);
    meter.decode(0, || {
        replica.handle(Now::default(), Input::SessionUp { session, opener }, &mut effects);
    });
    let is_welcome = |effect: &Effect| {
        matches!(effect, Effect::Send { session: SessionId(1), message: Message::Welcome(_) })
    };
    let is_closed = |effect: &Effect| matches!(effect, Effect::Close { session: SessionId(1), .. });
    match is_taken {
        true => assert!(effects.iter().any(is_welcome), "not welcomed: {effects:?}"),
        false => assert!(matches!(&effects[..], [end] if is_closed(end)), "not refused: {effects:?}"),
    }
}
