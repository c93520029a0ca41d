//! The clocks of this product: the front door by names, and vectors of replicas by slots.
//!
//! All vectors of a size share one table of members, as those of clocks that talk to each other do.

use std::cmp::Ordering as Std;
use std::hint::black_box;
use std::sync::OnceLock;

use clock_bench::case::{Cases, Op, Who};
use clock_bench::work::Work;
use clock_core::{EventStamp, Ordering, ReplicaId, Slot, VectorClock, VectorTimestamp, VersionVector};

use crate::data::Data;
use crate::vector::{self, Vector, batch, keep};

fn is(actual: Ordering, expected: Option<Std>) -> bool {
    let expected = match expected {
        Some(Std::Equal) => Ordering::Equal,
        Some(Std::Less) => Ordering::Before,
        Some(Std::Greater) => Ordering::After,
        None => Ordering::Concurrent,
    };
    actual == expected
}

/// What everybody starts from, so that the members are shared.
#[derive(Default)]
pub(crate) struct Bases {
    named: OnceLock<VectorTimestamp>,
    replicas: OnceLock<VersionVector>,
}

pub(crate) struct Named(pub(crate) VectorClock);

impl Vector for Named {
    type Relation = Ordering;
    type Arrival<'a> = &'a Self;
    type Snapshot = VectorTimestamp;
    type Event = EventStamp;

    fn of(data: &Data, counters: &[u64]) -> Self {
        let entries = |of: fn((&u64, &u64)) -> bool| {
            let pairs = data.counters.iter().zip(counters);
            let chosen = data.names.iter().zip(pairs).filter(move |(_, pair)| of(*pair));
            chosen.map(|(name, (_, counter))| (name.as_str(), *counter))
        };
        let of = |entries| VectorTimestamp::from_entries(entries).expect("counters in range");
        let base = data.bases.named.get_or_init(|| {
            let all = data.names.iter().map(String::as_str).zip(data.counters.iter().copied());
            VectorTimestamp::from_entries(all).expect("counters in range")
        });
        let mut clock = VectorClock::resuming(&data.names[0], base.clone());
        clock.merge(&VectorClock::resuming(&data.names[0], of(entries(|(base, counter)| counter > base))));
        Self(clock).fresh()
    }

    fn fresh(&self) -> Self {
        let mut copy = self.0.clone();
        copy.tick();
        Self(copy)
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.compare(&other.0)
    }

    fn is(relation: &Ordering, expected: Option<Std>) -> bool {
        is(*relation, expected)
    }

    fn arrival(&self) -> &Self {
        self
    }

    fn merge(&mut self, arrival: &Self) {
        self.0.merge(&arrival.0);
    }

    fn receive(&mut self, arrived: Self) {
        self.0.merge(&arrived.0);
    }

    fn snapshot(&self) -> VectorTimestamp {
        self.0.timestamp().clone()
    }

    fn event(&mut self) -> EventStamp {
        self.0.stamp().expect("counters are far from their end")
    }

    fn happened_before(event: &EventStamp, other: &EventStamp) -> bool {
        event.happened_before(other)
    }

    fn counter(&self, data: &Data, index: usize) -> u64 {
        self.0.get(&data.names[index])
    }
}

struct Slots(VersionVector, Slot);

impl Vector for Slots {
    type Relation = Ordering;
    type Arrival<'a> = &'a Self;
    type Snapshot = VersionVector;
    type Event = (Slot, u64, VersionVector);

    fn of(data: &Data, counters: &[u64]) -> Self {
        let all = |counters: &[u64]| replicas(data).zip(counters.to_vec());
        let base = data.bases.replicas.get_or_init(|| all(&data.counters).collect());
        let mut vector = base.clone();
        let raised = all(counters).zip(&data.counters).filter(|((_, counter), base)| counter > *base);
        vector.merge(&raised.map(|(entry, _)| entry).collect());
        let own = vector.members().slot(&replica(data, 0)).expect("the first member is one");
        Self(vector, own).fresh()
    }

    fn fresh(&self) -> Self {
        let mut copy = Self(self.0.clone(), self.1);
        copy.tick();
        copy
    }

    fn tick(&mut self) {
        let _number = black_box(self.0.tick(self.1));
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.compare(&other.0)
    }

    fn is(relation: &Ordering, expected: Option<Std>) -> bool {
        is(*relation, expected)
    }

    fn arrival(&self) -> &Self {
        self
    }

    fn merge(&mut self, arrival: &Self) {
        self.0.merge(&arrival.0);
    }

    fn receive(&mut self, arrived: Self) {
        self.0.merge(&arrived.0);
    }

    fn snapshot(&self) -> VersionVector {
        self.0.clone()
    }

    fn event(&mut self) -> Self::Event {
        self.tick();
        (self.1, self.0.at(self.1), self.snapshot())
    }

    fn happened_before((slot, counter, _): &Self::Event, (_, _, past): &Self::Event) -> bool {
        past.at(*slot) >= *counter
    }

    fn counter(&self, data: &Data, index: usize) -> u64 {
        self.0.upto(&replica(data, index))
    }
}

fn replicas(data: &Data) -> impl Iterator<Item = ReplicaId> {
    (0..data.entries()).map(|index| replica(data, index))
}

fn replica(data: &Data, index: usize) -> ReplicaId {
    format!("{}.00000001", data.names[index]).parse().expect("a name and an incarnation")
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    vector::add::<Named>(cases, Who::Ours, "VectorClock", data);
    vector::add::<Slots>(cases, Who::OurVectors, "VersionVector", data);
    add_own_snapshot(cases, data);
    add_checked_merge(cases, data);
}

/// What nobody else can: a clock and its snapshot are one allocation until the next tick.
fn add_own_snapshot(cases: &mut Cases, data: &'static Data) {
    let clock = Named::of(data, &data.counters).0;
    let snapshot = clock.clone();
    let compare = move || black_box(&clock).compare(black_box(&snapshot));
    cases.add(Op::CompareSnapshot, data.entries(), Who::Ours, "VectorClock", Work::repeated(compare));
}

/// The merge for what a peer sent: no entry may jump, and our own may not rise at all. No peer checks anything.
fn add_checked_merge(cases: &mut Cases, data: &'static Data) {
    let template: &Named = keep(Named::of(data, &data.counters));
    let other: &Named = keep(Named::of(data, &data.half_raised(3)));
    let merge = |clock: &mut Named| clock.0.try_merge(&other.0);
    let work = Work::on_fresh(batch(data.entries()), || template.fresh(), merge);
    cases.add(Op::MergeChecked, data.entries(), Who::Ours, "VectorClock::try_merge", work);
}
