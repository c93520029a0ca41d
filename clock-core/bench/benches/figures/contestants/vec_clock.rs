//! The crate `vec_clock`: an array of counters. Whose entry is whose is left to the program, and of events it knows
//! only how to compare whole vectors.

use std::cmp::Ordering;

use ::vec_clock::{CompareState, VecClock, VecTime};
use clock_bench::case::{Cases, Who};

use crate::data::Data;
use crate::vector::{self, Vector};

struct Clock(VecClock<u64>);

impl Vector for Clock {
    type Relation = ::vec_clock::Result<CompareState>;
    type Arrival<'a> = &'a Self;
    type Snapshot = VecTime<u64>;
    type Event = VecTime<u64>;

    fn of(_: &Data, counters: &[u64]) -> Self {
        Self(::vec_clock::new(counters.to_vec(), 0).expect("the own index is in the vector"))
    }

    fn fresh(&self) -> Self {
        Self(::vec_clock::new(self.0.as_slice().to_vec(), 0).expect("the own index is in the vector"))
    }

    fn tick(&mut self) {
        self.0.time();
    }

    fn compare(&self, other: &Self) -> Self::Relation {
        self.0.compare(other.0.as_slice())
    }

    fn is(relation: &Self::Relation, expected: Option<Ordering>) -> bool {
        let state = match expected {
            Some(Ordering::Equal) => CompareState::Same,
            Some(Ordering::Less) => CompareState::Before,
            Some(Ordering::Greater) => CompareState::After,
            None => CompareState::Concurrent,
        };
        relation.as_ref().is_ok_and(|relation| *relation == state)
    }

    fn arrival(&self) -> &Self {
        self
    }

    /// The only merge there is counts an event as well; this is the one without checks.
    fn merge(&mut self, arrival: &Self) {
        self.0.nocheck_time_by(arrival.0.as_slice());
    }

    fn receive(&mut self, arrived: Self) {
        self.0.nocheck_time_by(arrived.0.as_slice());
    }

    fn snapshot(&self) -> VecTime<u64> {
        VecTime::new(self.0.as_slice().to_vec())
    }

    fn event(&mut self) -> Self::Event {
        self.tick();
        self.snapshot()
    }

    fn happened_before(event: &VecTime<u64>, other: &VecTime<u64>) -> bool {
        event.compare(other).is_ok_and(|relation| relation == CompareState::Before)
    }

    fn counter(&self, _: &Data, index: usize) -> u64 {
        self.0.as_slice()[index]
    }
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    vector::add::<Clock>(cases, Who::VecClock, "u64", data);
}
