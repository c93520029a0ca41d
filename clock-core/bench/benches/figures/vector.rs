//! What a vector must be able to do to take part, and the cases that follow for all of them alike.

use std::cmp::Ordering;
use std::hint::black_box;

use clock_bench::case::{Cases, Format, Op, Who};
use clock_bench::work::Work;

use crate::data::Data;

/// A contestant. The first member of the data is the one whose clock it is.
pub(crate) trait Vector: Send + Sync + Sized + 'static {
    /// In how many orders its entries are looked at: where a random seed decides, a comparison that ends early is fast or
    /// slow by luck, so the mean of several vectors counts.
    const ORDERS: usize = 1;
    /// What [`compare`](Self::compare) answers, untranslated.
    type Relation;
    /// What [`merge`](Self::merge) takes: a reference, or a vector to be used up.
    type Arrival<'a>;
    /// What [`snapshot`](Self::snapshot) makes.
    type Snapshot: Send;

    /// What of an event is kept for [`happened_before`](Self::happened_before).
    type Event;

    /// The counters are those of the data, or above in less than all places.
    fn of(data: &Data, counters: &[u64]) -> Self;
    /// As it is, perhaps after a tick, in an allocation of its own.
    fn fresh(&self) -> Self;
    fn tick(&mut self);
    fn compare(&self, other: &Self) -> Self::Relation;
    /// `None` is concurrent.
    fn is(relation: &Self::Relation, expected: Option<Ordering>) -> bool;
    fn arrival(&self) -> Self::Arrival<'_>;
    fn merge(&mut self, arrival: Self::Arrival<'_>);
    /// As [`merge`](Self::merge), of a vector that was just decoded and is needed no more.
    fn receive(&mut self, arrived: Self);
    fn snapshot(&self) -> Self::Snapshot;
    fn event(&mut self) -> Self::Event;
    /// Whether an event lies in the past of another one, by what the crate offers for it; a comparison of whole vectors
    /// only where it offers nothing else.
    fn happened_before(event: &Self::Event, other: &Self::Event) -> bool;
    /// The counter of a member, for checks.
    fn counter(&self, data: &Data, index: usize) -> u64;
}

/// Most bytes of states that are used one after the other: they are to stay in the nearest cache.
const BATCH_BYTES_MAX: usize = 32 * 1024;

pub(crate) fn batch(entries: usize) -> usize {
    (BATCH_BYTES_MAX / (entries * size_of::<u64>() + 64)).clamp(4, 64)
}

/// Lives as long as the program: cases of a run are never taken back.
pub(crate) fn keep<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// All that does not leave the process.
pub(crate) fn add<V: Vector>(cases: &mut Cases, who: Who, variant: &str, data: &'static Data) {
    let n = data.entries();
    check::<V>(data);
    add_compares::<V>(cases, who, variant, data);
    add_happened_before::<V>(cases, who, variant, data);
    let template: &V = keep(V::of(data, &data.counters));
    let fresh = || template.fresh();

    let mut clock = fresh();
    cases.add(Op::Tick, n, who, variant, Work::repeated(move || black_box(&mut clock).tick()));
    cases.add(Op::Tick, n, who, variant, Work::on_two_states(fresh, V::tick));

    let other: &V = keep(V::of(data, &data.half_raised(3)));
    let state = move || (fresh(), Some(other.arrival()));
    let merge = |(clock, arrival): &mut (V, Option<V::Arrival<'_>>)| {
        if let Some(arrival) = arrival.take() {
            clock.merge(arrival);
        }
    };
    cases.add(Op::Merge, n, who, variant, Work::on_fresh(batch(n), state, merge));

    add_snapshots::<V>(cases, who, variant, template, n);
}

/// Nobody takes a snapshot to drop it at once, and where a snapshot is an atomic count that would measure how the
/// processor stalls on reading back what it has not stored yet. So they are kept for a while.
fn add_snapshots<V: Vector>(cases: &mut Cases, who: Who, variant: &str, template: &'static V, n: usize) {
    let own = || (template.fresh(), Kept::default());
    let snapshot = |(clock, kept): &mut (V, Kept<V::Snapshot>)| kept.add(clock.snapshot());
    let mut state = own();
    cases.add(Op::Snapshot, n, who, variant, Work::repeated(move || snapshot(black_box(&mut state))));
    cases.add(Op::Snapshot, n, who, variant, Work::on_two_states(own, snapshot));

    let of_shared = move |kept: &mut Kept<V::Snapshot>| kept.add(black_box(template).snapshot());
    cases.add(Op::SharedSnapshot, n, who, variant, Work::on_two_states(Kept::default, of_shared));

    let stamp = |(clock, kept): &mut (V, Kept<V::Snapshot>)| {
        clock.tick();
        kept.add(clock.snapshot());
    };
    let mut state = own();
    cases.add(Op::Stamp, n, who, variant, Work::repeated(move || stamp(black_box(&mut state))));
    cases.add(Op::Stamp, n, who, variant, Work::on_two_states(own, stamp));
}

/// How many snapshots are kept.
const KEPT: usize = 64;

/// The latest snapshots; the oldest makes room.
struct Kept<T> {
    snapshots: [Option<T>; KEPT],
    next: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { snapshots: [const { None }; KEPT], next: 0 }
    }
}

impl<T> Kept<T> {
    fn add(&mut self, snapshot: T) {
        self.snapshots[self.next % KEPT] = Some(snapshot);
        self.next += 1;
    }
}

fn add_happened_before<V: Vector>(cases: &mut Cases, who: Who, variant: &str, data: &'static Data) {
    let (mut clock, mut later) = (V::of(data, &data.counters), V::of(data, &data.raised(&[data.last()])));
    let event = clock.event();
    later.merge(clock.arrival());
    let later = later.event();
    assert!(V::happened_before(&event, &later) && !V::happened_before(&later, &event));
    let happened_before = move || V::happened_before(black_box(&event), black_box(&later));
    cases.add(Op::HappenedBefore, data.entries(), who, variant, Work::repeated(happened_before));
}

fn add_compares<V: Vector>(cases: &mut Cases, who: Who, variant: &str, data: &'static Data) {
    let last = data.last();
    let relations: [(Op, &[usize], &[usize]); 4] = [
        (Op::CompareEqual, &[], &[]),
        (Op::CompareBefore, &[], &[last]),
        (Op::CompareConcurrent, &[0], &[last]),
        (Op::CompareConcurrentAtEnd, &[last - 1], &[last]),
    ];
    for (op, left, right) in relations {
        let pair = || (V::of(data, &data.raised(left)), V::of(data, &data.raised(right)));
        let pairs: Vec<(V, V)> = (0..V::ORDERS).map(|_| pair()).collect();
        let mut next = 0;
        let compare = move || {
            if V::ORDERS > 1 {
                next = (next + 1) % V::ORDERS;
            }
            let (left, right) = &pairs[next];
            black_box(left).compare(black_box(right))
        };
        cases.add(op, data.entries(), who, variant, Work::repeated(compare));
    }
}

/// Who answers wrongly is not measured.
fn check<V: Vector>(data: &Data) {
    let of = |raised: &[usize]| V::of(data, &data.raised(raised));
    let relation = |left: &[usize], right: &[usize]| of(left).compare(&of(right));
    assert!(V::is(&relation(&[], &[]), Some(Ordering::Equal)));
    assert!(V::is(&relation(&[], &[data.last()]), Some(Ordering::Less)));
    assert!(V::is(&relation(&[0], &[data.last()]), None));
    let (mut clock, other) = (of(&[]), V::of(data, &data.half_raised(3)));
    clock.merge(other.arrival());
    assert_eq!(clock.counter(data, 1), data.counters[1] + 3, "a merge takes the larger counter");
    let before = clock.counter(data, 0);
    clock.tick();
    assert_eq!(clock.counter(data, 0), before + 1, "a tick counts one");
}

/// What a vector becomes on the wire: bytes, or text for who writes strings. Used again, so that it grows once.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) text: String,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.text.len()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.text.clear();
    }
}

/// Encode, decode, and the hop. `encode` appends to an empty buffer.
pub(crate) fn add_wire<V: Vector>(
    cases: &mut Cases,
    (who, variant): (Who, &str),
    data: &'static Data,
    format: Format,
    encode: impl Fn(&V, &mut Buffer) + Copy + 'static,
    decode: impl Fn(&Buffer) -> V + Copy + 'static,
) {
    let n = data.entries();
    let message = keep(Buffer::default());
    let vector = V::of(data, &data.half_raised(3));
    encode(&vector, message);
    let message: &Buffer = message;
    let is_same = V::is(&decode(message).compare(&vector), Some(Ordering::Equal));
    assert!(is_same, "{who} {variant} {format} decodes to something else");
    cases.add_size(format, n, (who, variant), message.len());

    let mut out = Buffer::default();
    let encode_again = move || {
        out.clear();
        encode(black_box(&vector), black_box(&mut out));
    };
    cases.add(Op::Encode(format), n, who, variant, Work::repeated(encode_again));
    cases.add(Op::Decode(format), n, who, variant, Work::repeated(move || decode(black_box(message))));

    let mut out = Buffer::default();
    let hop = move |clock: &mut V| {
        clock.receive(decode(black_box(message)));
        clock.tick();
        out.clear();
        encode(clock, black_box(&mut out));
    };
    let template = V::of(data, &data.counters);
    let fresh = move || template.fresh();
    cases.add(Op::Hop(format), n, who, variant, Work::on_fresh(batch(n), fresh, hop));
}
