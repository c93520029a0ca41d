//! The crate crdts: a `BTreeMap` from actors to counters. Its merge uses up what it merges.

use std::cmp::Ordering;

use ::crdts::{CmRDT, CvRDT, Dot, VClock};
use clock_bench::case::{Cases, Who};

use crate::data::Data;
use crate::ids::Id;
use crate::vector::{self, Vector};
use crate::wire;

struct Clock<K: Id>(VClock<K>, K);

impl<K: Id> Vector for Clock<K> {
    type Relation = Option<Ordering>;
    type Arrival<'a> = VClock<K>;
    type Snapshot = VClock<K>;
    type Event = (Dot<K>, VClock<K>);

    fn of(data: &Data, counters: &[u64]) -> Self {
        let dots = K::all(data).into_iter().zip(counters.iter().copied()).collect();
        Self(VClock { dots }, K::at(data, 0))
    }

    fn fresh(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }

    fn tick(&mut self) {
        self.0.apply(self.0.inc(self.1.clone()));
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }

    fn is(relation: &Option<Ordering>, expected: Option<Ordering>) -> bool {
        *relation == expected
    }

    fn arrival(&self) -> VClock<K> {
        self.0.clone()
    }

    fn merge(&mut self, arrival: VClock<K>) {
        CvRDT::merge(&mut self.0, arrival);
    }

    fn receive(&mut self, arrived: Self) {
        CvRDT::merge(&mut self.0, arrived.0);
    }

    fn snapshot(&self) -> VClock<K> {
        self.0.clone()
    }

    fn event(&mut self) -> Self::Event {
        self.tick();
        (self.0.dot(self.1.clone()), self.snapshot())
    }

    fn happened_before((dot, _): &Self::Event, (_, past): &Self::Event) -> bool {
        past.get(&dot.actor) >= dot.counter
    }

    fn counter(&self, data: &Data, index: usize) -> u64 {
        self.0.get(&K::at(data, index))
    }
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    add_with::<u32>(cases, data);
    add_with::<String>(cases, data);
}

fn add_with<K: Id>(cases: &mut Cases, data: &'static Data) {
    vector::add::<Clock<K>>(cases, Who::Crdts, K::NAME, data);
    wire::add::<Clock<K>, _>(
        cases,
        (Who::Crdts, K::NAME),
        K::IS_NAME,
        data,
        |clock| &clock.0,
        |decoded| {
            // A receiver has its own id at hand; an id that is not used costs next to nothing.
            Clock(decoded, K::unused())
        },
    );
}
