//! Seeds: a handful of valid inputs for each decoder, made by the encoders and committed under `seeds/`.

use bytes::Bytes;
use clock_core::headers::{self, DisplayTime, EventId, EventType, Trace, TracedEvent};
use clock_core::wire::EncodedEvent;
use clock_core::wire::message::{Beside, Claim, Hello, Message, Refusal, Role};
use clock_core::{
    Body, BodyKind, Context, Dot, DotRange, DotSet, HybridTimestamp, Key, NodeId, ReplicaId, RequestId,
    Siblings, VectorSender, VectorTimestamp, VersionVector, WriteEvent,
};

use crate::group;
use crate::message_seeds::{notices, requests, responses};
use crate::proxy_seeds;
use crate::replica as sequences;

const FRAME_PREFIX_BYTES: usize = 14;
const EVENT_PREFIX_BYTES: usize = 9;
const LINES: [&str; 2] = [
    "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
    "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667",
];

/// One seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The name of the decoder it is for.
    pub decoder: &'static str,
    /// The name of its file.
    pub name: &'static str,
    /// The input.
    pub bytes: Vec<u8>,
}

/// All of them. The same on every call.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |decoder, inputs: Vec<(&'static str, Vec<u8>)>| {
        seeds.extend(inputs.into_iter().map(|(name, bytes)| Seed { decoder, name, bytes }));
    };
    add("node_id", texts(&[("plain", "pacific"), ("every_kind", "Ground.station-1_b"), ("one", "a")]));
    add("replica_id", texts(&[("plain", "pacific.1a2b3c4d"), ("dotted", "a.b.00C0FFEE")]));
    add("dot", texts(&[("plain", "pacific.1a2b3c4d:17"), ("last", "a.00000001:9223372036854775807")]));
    add("key", texts(&[("plain", "MSS-17/attitude"), ("wide", "Höhe über 地球 🛰")]));
    add("request_id", texts(&[("plain", "00112233445566778899aabbccddeeff")]));
    add("conflict_id", texts(&[("plain", "c762346b96d7187e")]));
    add("dot_json", vec![("plain", json(&dot("pacific", 17)))]);
    add("vector_json", vec![("empty", json(&VersionVector::<ReplicaId>::new())), ("three", json(&vector()))]);
    add("vector_message", vector_messages());
    add("vector_stream", vector_streams());
    add("frame", frames());
    add(
        "vector_binary",
        vec![("empty", body(&heartbeat(VersionVector::new()))), ("three", body(&heartbeat(vector())))],
    );
    add("message_peer", peer_messages());
    add("message_client", [requests(), responses(), notices()].concat());
    add("event", events().into_iter().map(|(name, event)| (name, encoded(&event))).collect());
    add("event_header", events().into_iter().map(|(name, event)| (name, header_and_body(&event))).collect());
    add(
        "tle",
        texts(&[
            ("two_lines", LINES.join("\n").as_str()),
            ("named", &format!("0 VANGUARD 1\r\n{}\r\n", LINES.join("\r\n"))),
        ]),
    );
    add("tle_columns", texts(&[("vanguard", LINES.concat().as_str())]));
    add(
        "attitude_text",
        texts(&[("unit", "1,0,0,0"), ("rounded", " 0.7071, 0, -0.7071, 0\n"), ("small", "1,1e-300,0,-0")]),
    );
    add("attitude_bytes", vec![("unit", [1.0_f64, 0.0, 0.0, 0.0].map(f64::to_be_bytes).concat())]);
    add("context", texts(&[("empty", ""), ("two", "a.00000001:1,b.c.00c0ffee:9223372036854775807")]));
    add("dot_set_json", vec![("holes", json(&dot_set()))]);
    add("siblings_json", vec![("two", json(&siblings()))]);
    add("lamport_text", texts(&[("plain", "order-svc:42"), ("blanks", " a:0\t")]));
    add("vector_text", texts(&[("two", "svc-a=3,svc-b=1"), ("blanks", "b=2 , a=1"), ("zero", "a=0")]));
    add(
        "vector_msgpack",
        vec![("two", msgpack(&named())), ("wide", b"\xDE\0\x01\xD9\x01a\xD3\0\0\0\0\0\0\0\x07".to_vec())],
    );
    add("vector_codec", vec![("two_forms", messages_to_a_codec())]);
    add("vector_positional", vec![("two", [&[0x91], msgpack(&named()).as_slice()].concat())]);
    add(
        "event_positional",
        vec![("number", positional(&traced())), ("nil", positional(&traced().with_time(None)))],
    );
    add(
        "headers_text",
        vec![(
            "event",
            carried(["svc-a=3", "event-123", "order.created", "order-svc:42"].map(str::as_bytes)),
        )],
    );
    add(
        "headers_binary",
        vec![(
            "event",
            carried([msgpack(&named()).as_slice(), b"event-123", "größer".as_bytes(), b"order-svc:42"]),
        )],
    );
    add("document_json", documents());
    add("event_json", vec![("event", json(&traced()))]);
    proxy_seeds::all().into_iter().chain(whole()).for_each(|(decoder, inputs)| add(decoder, inputs));
    seeds
}

/// The inputs of one decoder, by name.
type Inputs = Vec<(&'static str, Vec<u8>)>;

/// Of what is more than one decoder.
fn whole() -> [(&'static str, Inputs); 3] {
    [("hello", hellos()), ("stored_event", stored()), ("replica_inputs", sequences::seeds::scripts())]
}

fn named() -> VectorTimestamp {
    VectorTimestamp::from_entries([("svc-a", 3), ("svc-b", 1 << 40)]).expect("small counters")
}

fn msgpack(vector: &VectorTimestamp) -> Vec<u8> {
    let mut bytes = Vec::new();
    headers::msgpack::encode_vector_into(vector, &mut bytes).expect("legal names");
    bytes
}

fn traced() -> TracedEvent {
    let event_id = EventId::new("event-123").expect("a legal id");
    let event_type = EventType::new("order.created").expect("a legal type");
    let event = TracedEvent::new(Trace { event_id, event_type, causality: named() }, vec![0, 200, 7]);
    event.with_time(Some(DisplayTime::Number(1_700_000_000_000)))
}

fn positional(event: &TracedEvent) -> Vec<u8> {
    let mut bytes = Vec::new();
    headers::positional::encode_event_into(event, &mut bytes).expect("legal names");
    bytes
}

/// Each behind its flags and its length.
fn messages_to_a_codec() -> Vec<u8> {
    let texts: [&[u8]; 3] = [b"svc-a=3,svc-b=1", b"svc=1,svc-a=4,zoo=2", b"zoo=9,svc-a=4"];
    let messages =
        [(2, texts[0].to_vec()), (3, msgpack(&named())), (6, texts[1].to_vec()), (0, texts[2].to_vec())];
    let length = |message: &[u8]| u8::try_from(message.len()).expect("a short message");
    messages
        .iter()
        .flat_map(|(flags, message)| [&[*flags, length(message)], message.as_slice()].concat())
        .collect()
}

/// Each value behind the byte that picks its header, and its length.
fn carried(values: [&[u8]; 4]) -> Vec<u8> {
    let length = |value: &[u8]| u8::try_from(value.len()).expect("a short value");
    let header = |(name, value): (u8, &[u8])| [&[name, length(value)], value].concat();
    (0..).zip(values).flat_map(header).collect()
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let event = headers::json::event_to_value(&traced()).expect("legal names");
    let users = br#"{"_causality":{"event_id":"e","event_type":"t","vector":{"a":1}},"order_id":42}"#;
    let lamport = br#"{"node_id":"order-svc","time":42}"#;
    vec![("event", json(&event)), ("users_own", users.to_vec()), ("lamport", lamport.to_vec())]
}

fn dot_set() -> DotSet {
    let ranges = [("atlantic", 1, 7), ("atlantic", 9, 9), ("pacific", 4, 1 << 40)];
    let range = |(node, first, upto)| DotRange::new(replica(node), first, upto).expect("a legal range");
    DotSet::from_ranges(ranges.map(range), ranges.len()).expect("as many as there are")
}

fn siblings() -> Siblings<u64> {
    let mut siblings = Siblings::default();
    for (node, value) in [("atlantic", 17), ("pacific", 4)] {
        siblings.write(&Context::new(), &replica(node), value).expect("room for two");
    }
    siblings
}

pub(crate) fn texts(texts: &[(&'static str, &str)]) -> Vec<(&'static str, Vec<u8>)> {
    texts.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect()
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a value of ours is JSON")
}

pub(crate) fn replica(node: &str) -> ReplicaId {
    format!("{node}.1a2b3c4d").parse().expect("a legal replica")
}

pub(crate) fn dot(node: &str, seq: u64) -> Dot {
    Dot { replica: replica(node), seq }
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a legal name")
}

pub(crate) fn key() -> Key {
    Key::new("MSS-17/attitude").expect("a legal key")
}

pub(crate) fn vector() -> VersionVector {
    [("atlantic", 3), ("indian", 1), ("pacific", 1 << 40)]
        .map(|(node, seq)| (replica(node), seq))
        .into_iter()
        .collect()
}

pub(crate) fn hlc() -> HybridTimestamp {
    HybridTimestamp::from_packed(1_700_000_000_000 << 20 | 7)
}

/// Behind the byte that picks three members, and the one that says how the message is completed.
fn vector_messages() -> Vec<(&'static str, Vec<u8>)> {
    let group = group::pick(0);
    let mut whole = vec![0, 0];
    let mut vector = VersionVector::over(&group.members);
    for (slot, _) in group.members.iter() {
        vector.tick(slot).expect("far from the end");
    }
    VectorSender::new(&group.members).encode(&vector, &mut whole).expect("a vector over the group");
    vec![
        ("whole", whole),
        ("counters", vec![5, 1, 4, 0, 1, 0x80, 1, 7]),
        ("delta", vec![5, 2, 2, 3, 1, 10, 0xFF, 1]),
    ]
}

/// Behind the byte that picks the members; each step is an operation and its operand.
fn vector_streams() -> Vec<(&'static str, Vec<u8>)> {
    let forged = vec![6, 1, 3, 2, 5, 6, 2, 3, 1, 0, 9, 7, 2, 4, 1, 1, 63, 1];
    let lost = vec![4, 3, 2, 0, 1, 4, 1, 2, 3, 1, 3, 6, 3, 0, 3, 1, 1];
    let repeated = vec![5, 3, 3, 0, 1, 2, 7, 3, 1, 0, 5, 3, 1, 8, 5, 5];
    vec![("forged", forged), ("lost", lost), ("repeated", repeated)]
}

/// Behind the flags and three sizes of pieces.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let ack = Message::Ack { durable: vector(), resend: true };
    let stream = [framed(&ack), framed(&heartbeat(VersionVector::new()))].concat();
    let with = |flags: u8, pieces: [u8; 3], stream: &[u8]| [&[flags], pieces.as_slice(), stream].concat();
    let unsealed = b"\0\0\0\x0DCK\x01\x06\0\0????xyz\0\0\0\x0ACK\x01\x01\0\0????";
    vec![
        ("two_frames", with(0, [0, 2, 30], &stream)),
        ("before_the_handshake", with(2, [9, 9, 9], &stream)),
        ("checksums_put_in", with(1, [0, 0, 4], unsealed)),
        ("cut_short", with(0, [3, 1, 6], &stream[..stream.len() - 5])),
    ]
}

fn heartbeat(sent: VersionVector) -> Message {
    Message::Heartbeat { sent }
}

fn framed(message: &Message) -> Vec<u8> {
    message.to_frame().expect("a small message").to_vec()
}

fn body(message: &Message) -> Vec<u8> {
    framed(message).split_off(FRAME_PREFIX_BYTES)
}

/// Behind the type.
pub(crate) fn typed(messages: Vec<(&'static str, Message)>) -> Vec<(&'static str, Vec<u8>)> {
    let typed = |message: &Message| {
        let frame = framed(message);
        [&frame[7..8], &frame[FRAME_PREFIX_BYTES..]].concat()
    };
    messages.into_iter().map(|(name, message)| (name, typed(&message))).collect()
}

fn peer_messages() -> Vec<(&'static str, Vec<u8>)> {
    let claim = || Claim { replica: replica("pacific"), durable: vector() };
    let events =
        events().iter().map(|(_, event)| EncodedEvent::encode(event).expect("a legal event")).collect();
    typed(vec![
        ("hello_client", Message::Hello(Hello { cluster: node("mss"), role: Role::Client })),
        ("hello_peer", Message::Hello(Hello { cluster: node("mss"), role: Role::Peer(claim()) })),
        ("welcome", Message::Welcome(claim())),
        ("refused", Message::Refused(Refusal::Protocol("frame flags".to_owned()))),
        ("events", Message::Events(events)),
        ("heartbeat", heartbeat(vector())),
        ("ack", Message::Ack { durable: vector(), resend: false }),
        ("beside", Message::Beside(Beside { dot: dot("pacific", 2), versions: vec![dot("indian", 1)] })),
    ])
}

/// Behind the flags: whole frames, and bodies that are put into one.
fn hellos() -> Vec<(&'static str, Vec<u8>)> {
    let hello = |cluster, role| Message::Hello(Hello { cluster: node(cluster), role });
    let peer = |station| Role::Peer(Claim { replica: replica(station), durable: vector() });
    let whole = |message: &Message| [&[0], framed(message).as_slice()].concat();
    let bare = |message: &Message| [&[1], body(message).as_slice()].concat();
    vec![
        ("client", whole(&hello("mss", Role::Client))),
        ("peer", whole(&hello("mss", peer("atlantic")))),
        ("client_body", bare(&hello("mss", Role::Client))),
        ("peer_body", bare(&hello("mss", peer("indian")))),
        ("stranger_body", bare(&hello("mss", peer("lunar")))),
        ("other_cluster_body", bare(&hello("iss", Role::Client))),
    ]
}

pub(crate) fn events() -> Vec<(&'static str, WriteEvent)> {
    let event = |delta, context, kind, bytes: &'static [u8]| WriteEvent {
        dot: dot("pacific", 2),
        lamport: 7,
        hlc: hlc(),
        wall_ms: 1_700_000_000_000,
        delta,
        context,
        key: key(),
        request: RequestId(5),
        body: Body { kind, bytes: Bytes::from_static(bytes) },
    };
    let context = vec![dot("atlantic", 3), dot("pacific", 1)];
    vec![
        ("first", event(vec![], vec![], BodyKind::OPAQUE, b"")),
        ("later", event(vec![(replica("atlantic"), 3)], context, BodyKind(200), b"from the future")),
    ]
}

fn encoded(event: &WriteEvent) -> Vec<u8> {
    EncodedEvent::encode(event).expect("a legal event").as_bytes().to_vec()
}

/// Behind three places and a pattern of damage.
fn stored() -> Vec<(&'static str, Vec<u8>)> {
    let [(_, first), (_, later)] = <[_; 2]>::try_from(events()).expect("two events");
    let damage = |first: u8| [0, 9, 1, 0, 2, 255, first, 1, 0, 128];
    vec![
        ("record", [damage(0).as_slice(), &encoded(&first)].concat()),
        ("header", [damage(0x80).as_slice(), &header_and_body(&later)].concat()),
    ]
}

/// Behind the header's length, in two bytes, big-endian.
fn header_and_body(event: &WriteEvent) -> Vec<u8> {
    let bytes = encoded(event);
    let header_bytes = [bytes[3], bytes[4]];
    [&header_bytes, &bytes[EVENT_PREFIX_BYTES..bytes.len() - 4]].concat()
}
