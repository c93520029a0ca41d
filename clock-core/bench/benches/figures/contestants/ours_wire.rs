//! Our vectors on the wire: the two forms with names, and our own without.
//!
//! As a service uses them: the codec, or the two ends of a stream, live as long as the connection; buffers are used
//! again; and what a peer claims is taken in by the checked merge.

use std::hint::black_box;
use std::sync::Arc;

use clock_bench::case::{Cases, Format, Op, Who};
use clock_bench::work::Work;
use clock_core::headers::VectorCodec;
use clock_core::{VectorClock, VectorReceiver, VectorSender, VectorTimestamp};

use crate::contestants::ours::Named;
use crate::data::Data;
use crate::vector::{Buffer, Vector, batch, keep};

/// A form of whole vectors: both ends of it.
trait Form: 'static {
    const FORMAT: Format;
    const VARIANT: &'static str;
    fn new(known: &VectorTimestamp) -> Self;
    fn encode(&mut self, vector: &VectorTimestamp, out: &mut Buffer);
    fn decode(&mut self, message: &Buffer, known: &VectorTimestamp) -> &VectorTimestamp;
}

struct Text(VectorCodec);

impl Form for Text {
    const FORMAT: Format = Format::Text;
    const VARIANT: &'static str = "VectorCodec";

    fn new(_: &VectorTimestamp) -> Self {
        Self(VectorCodec::new())
    }

    fn encode(&mut self, vector: &VectorTimestamp, out: &mut Buffer) {
        self.0.encode_text(vector, &mut out.text).expect("names of services");
    }

    fn decode(&mut self, message: &Buffer, known: &VectorTimestamp) -> &VectorTimestamp {
        self.0.decode_text(&message.text, known).expect("it was encoded here")
    }
}

struct MsgPack(VectorCodec);

impl Form for MsgPack {
    const FORMAT: Format = Format::MsgPack;
    const VARIANT: &'static str = "VectorCodec";

    fn new(_: &VectorTimestamp) -> Self {
        Self(VectorCodec::new())
    }

    fn encode(&mut self, vector: &VectorTimestamp, out: &mut Buffer) {
        self.0.encode_msgpack(vector, &mut out.bytes).expect("names of services");
    }

    fn decode(&mut self, message: &Buffer, known: &VectorTimestamp) -> &VectorTimestamp {
        self.0.decode_msgpack(&message.bytes, known).expect("it was encoded here")
    }
}

/// Every message is whole, as the first one of a stream is.
struct Whole(VectorSender<Arc<str>>, VectorReceiver<Arc<str>>);

impl Form for Whole {
    const FORMAT: Format = Format::Binary;
    const VARIANT: &'static str = "VectorSender, whole";

    fn new(known: &VectorTimestamp) -> Self {
        Self(VectorSender::new(known.members()), VectorReceiver::new(known.members()))
    }

    fn encode(&mut self, vector: &VectorTimestamp, out: &mut Buffer) {
        self.0.reset();
        self.0.encode(vector, &mut out.bytes).expect("vectors of one table");
    }

    fn decode(&mut self, message: &Buffer, _: &VectorTimestamp) -> &VectorTimestamp {
        self.1.decode(&message.bytes).expect("it was encoded here")
    }
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    add_form::<Text>(cases, data);
    add_form::<MsgPack>(cases, data);
    add_form::<Whole>(cases, data);
    // Where four changes are most of the vector, the whole vector is what is sent.
    if data.entries() > 2 * (CHANGES + 1) {
        add_delta(cases, data);
    }
}

/// Two vectors take turns, of which half the entries differ: a stream's ends look at what changed.
fn add_form<F: Form>(cases: &mut Cases, data: &'static Data) {
    let (n, who) = (data.entries(), (Who::Ours, F::VARIANT));
    let template: &Named = keep(Named::of(data, &data.counters));
    let vectors = [3, 6].map(|by| Named::of(data, &data.half_raised(by)).0.timestamp().clone());
    let form = || F::new(template.0.timestamp());
    let encoded = |vector| {
        let mut message = Buffer::default();
        form().encode(vector, &mut message);
        message
    };
    let messages: &[Buffer; 2] = keep([encoded(&vectors[0]), encoded(&vectors[1])]);
    let is_same = *form().decode(&messages[0], template.0.timestamp()) == vectors[0];
    assert!(is_same, "{} decodes to something else", F::VARIANT);
    cases.add_size(F::FORMAT, n, who, messages[0].len());

    let (mut ends, mut out, mut turn) = (form(), Buffer::default(), 0);
    let encode = move || {
        turn ^= 1;
        out.clear();
        ends.encode(black_box(&vectors[turn]), black_box(&mut out));
    };
    cases.add(Op::Encode(F::FORMAT), n, who.0, who.1, Work::repeated(encode));

    let (mut ends, mut turn) = (form(), 0);
    let decode = move || {
        turn ^= 1;
        black_box(ends.decode(black_box(&messages[turn]), template.0.timestamp()));
    };
    cases.add(Op::Decode(F::FORMAT), n, who.0, who.1, Work::repeated(decode));

    let (mut ends, mut out, mut turn) = (form(), Buffer::default(), 0);
    let hop = move |clock: &mut Named| {
        turn ^= 1;
        let received = ends.decode(black_box(&messages[turn]), clock.0.timestamp());
        clock.0.try_observe(received).expect("a peer that behaves");
        clock.tick();
        out.clear();
        ends.encode(clock.0.timestamp(), black_box(&mut out));
    };
    let fresh = || template.fresh();
    cases.add(Op::Hop(F::FORMAT), n, who.0, who.1, Work::on_fresh(batch(n), fresh, hop));
}

/// How many entries rise between two messages.
const CHANGES: usize = 4;

/// How many messages follow each other before it starts again.
const ROUND: usize = 64;

/// A node in the middle of a stream: what it receives from, its clock, and what it sends on by.
#[derive(Clone)]
struct Middle {
    receiver: VectorReceiver<Arc<str>>,
    clock: VectorClock,
    sender: VectorSender<Arc<str>>,
    out: Vec<u8>,
}

impl Middle {
    fn hop(&mut self, message: &[u8]) {
        let received = self.receiver.decode(message).expect("the next one of the stream");
        self.clock.try_observe(received).expect("a peer that behaves");
        self.clock.tick();
        self.out.clear();
        self.sender.encode(self.clock.timestamp(), &mut self.out).expect("vectors of one table");
    }
}

/// The messages of one sender, each with [`CHANGES`] changes, and the ends as they are before the first of them.
fn add_delta(cases: &mut Cases, data: &'static Data) {
    let (n, who, variant) = (data.entries(), Who::Ours, "VectorSender, four changes");
    let vectors: &[VectorTimestamp] = keep(upstream(data));
    let members = vectors[0].members();
    let mut sender = VectorSender::new(members);
    let encoded = |vector| {
        let mut message = Vec::new();
        sender.encode(vector, &mut message).expect("vectors of one table");
        message
    };
    let messages: &[Vec<u8>] = keep(vectors.iter().map(encoded).collect::<Vec<_>>());
    cases.add_size(Format::Delta, n, (who, variant), messages[1].len());

    // The first message of a round is not timed: it is where what a copy shares is made its own.
    let mut start = Middle {
        receiver: VectorReceiver::new(members),
        clock: VectorClock::resuming(&data.names[0], vectors[0].clone()),
        sender: VectorSender::new(members),
        out: Vec::new(),
    };
    start.hop(&messages[0]);
    let start: &Middle = keep(start);
    let restart = |middle: &mut Middle| {
        *middle = start.clone();
        middle.hop(&messages[1]);
    };
    let mut add = |op: Op, work| cases.add(op, n, who, variant, work);
    let hop = |middle: &mut Middle, step: usize| middle.hop(black_box(&messages[step + 2]));
    add(Op::Hop(Format::Delta), Work::in_rounds(ROUND, start.clone(), restart, hop));

    let decode = |middle: &mut Middle, step: usize| {
        black_box(
            middle.receiver.decode(black_box(&messages[step + 2])).expect("the next one of the stream"),
        );
    };
    add(Op::Decode(Format::Delta), Work::in_rounds(ROUND, start.clone(), restart, decode));

    let encode = |middle: &mut Middle, step: usize| {
        middle.out.clear();
        middle.sender.encode(black_box(&vectors[step + 2]), &mut middle.out).expect("vectors of one table");
    };
    let restart = |middle: &mut Middle| {
        *middle = start.clone();
        middle.sender.encode(&vectors[1], &mut middle.out).expect("vectors of one table");
    };
    add(Op::Encode(Format::Delta), Work::in_rounds(ROUND, start.clone(), restart, encode));
}

/// What a sender knows before each message. The first member is the receiver, whose entry no other raises.
fn upstream(data: &'static Data) -> Vec<VectorTimestamp> {
    let mut vector = Named::of(data, &data.counters).0.timestamp().clone();
    let mut others = data.names[1..].iter().cycle();
    let mut next = || {
        let before = vector.clone();
        for name in others.by_ref().take(CHANGES) {
            let mut clock = VectorClock::resuming(name, vector.clone());
            clock.tick();
            vector = clock.timestamp().clone();
        }
        before
    };
    (0..ROUND + 2).map(|_| next()).collect()
}
