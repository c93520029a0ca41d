//! The crate vclock: a `HashMap` from keys to counters.

use std::cmp::Ordering;
use std::collections::HashMap;

use ::vclock::VClock;
use clock_bench::case::{Cases, Who};

use crate::data::Data;
use crate::ids::Id;
use crate::vector::{self, Vector};
use crate::wire;

struct Clock<K: Id>(VClock<K, u64>, K);

impl<K: Id> Vector for Clock<K> {
    const ORDERS: usize = 8;
    type Relation = Option<Ordering>;
    type Arrival<'a> = &'a Self;
    type Snapshot = VClock<K, u64>;
    type Event = (K, u64, VClock<K, u64>);

    fn of(data: &Data, counters: &[u64]) -> Self {
        let entries: HashMap<K, u64> = K::all(data).into_iter().zip(counters.iter().copied()).collect();
        Self(VClock::from(entries), K::at(data, 0))
    }

    fn fresh(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }

    fn tick(&mut self) {
        self.0.incr(&self.1);
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }

    fn is(relation: &Option<Ordering>, expected: Option<Ordering>) -> bool {
        *relation == expected
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

    fn snapshot(&self) -> VClock<K, u64> {
        self.0.clone()
    }

    fn event(&mut self) -> Self::Event {
        self.tick();
        (self.1.clone(), self.0.get(&self.1).unwrap_or(0), self.snapshot())
    }

    fn happened_before((id, counter, _): &Self::Event, (_, _, past): &Self::Event) -> bool {
        past.get(id) >= Some(*counter)
    }

    fn counter(&self, data: &Data, index: usize) -> u64 {
        self.0.get(&K::at(data, index)).unwrap_or(0)
    }
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    add_with::<u32>(cases, data);
    add_with::<String>(cases, data);
}

fn add_with<K: Id>(cases: &mut Cases, data: &'static Data) {
    vector::add::<Clock<K>>(cases, Who::Vclock, K::NAME, data);
    let own = |decoded| Clock(decoded, K::unused());
    wire::add::<Clock<K>, _>(cases, (Who::Vclock, K::NAME), K::IS_NAME, data, |clock| &clock.0, own);
}
