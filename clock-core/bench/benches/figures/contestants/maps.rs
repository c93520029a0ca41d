//! What one writes without a crate: a map from names to counters.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use clock_bench::case::{Cases, Who};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;
use crate::vector::{self, Vector};
use crate::wire;

/// The two maps of the standard library, as far as a clock needs them.
trait Map: FromIterator<(String, u64)> + Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    const NAME: &'static str;
    const ORDERS: usize;
    fn counter(&self, name: &str) -> Option<u64>;
    fn counter_mut(&mut self, name: &str) -> Option<&mut u64>;
    fn insert(&mut self, name: &str, counter: u64);
    fn entries(&self) -> impl Iterator<Item = (&String, &u64)>;
}

macro_rules! map {
    ($map:ident, $orders:literal) => {
        impl Map for $map<String, u64> {
            const NAME: &'static str = stringify!($map);
            const ORDERS: usize = $orders;

            fn counter(&self, name: &str) -> Option<u64> {
                self.get(name).copied()
            }

            fn counter_mut(&mut self, name: &str) -> Option<&mut u64> {
                self.get_mut(name)
            }

            fn insert(&mut self, name: &str, counter: u64) {
                $map::insert(self, name.to_owned(), counter);
            }

            fn entries(&self) -> impl Iterator<Item = (&String, &u64)> {
                self.iter()
            }
        }
    };
}

map!(BTreeMap, 1);
map!(HashMap, 8);

struct Clock<M>(M, String);

impl<M: Map> Vector for Clock<M> {
    const ORDERS: usize = M::ORDERS;
    type Relation = Option<Ordering>;
    type Arrival<'a> = &'a Self;
    type Snapshot = M;
    type Event = (String, u64, M);

    fn of(data: &Data, counters: &[u64]) -> Self {
        Self(data.names.iter().cloned().zip(counters.iter().copied()).collect(), data.names[0].clone())
    }

    fn fresh(&self) -> Self {
        Self(self.0.clone(), self.1.clone())
    }

    fn tick(&mut self) {
        match self.0.counter_mut(&self.1) {
            Some(counter) => *counter += 1,
            None => self.0.insert(&self.1, 1),
        }
    }

    fn compare(&self, other: &Self) -> Option<Ordering> {
        let is_within = |left: &M, right: &M| {
            left.entries().all(|(name, counter)| right.counter(name).unwrap_or(0) >= *counter)
        };
        match (is_within(&self.0, &other.0), is_within(&other.0, &self.0)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }

    fn is(relation: &Option<Ordering>, expected: Option<Ordering>) -> bool {
        *relation == expected
    }

    fn arrival(&self) -> &Self {
        self
    }

    fn merge(&mut self, arrival: &Self) {
        for (name, counter) in arrival.0.entries() {
            match self.0.counter_mut(name) {
                Some(own) => *own = (*own).max(*counter),
                None => self.0.insert(name, *counter),
            }
        }
    }

    fn receive(&mut self, arrived: Self) {
        self.merge(&arrived);
    }

    fn snapshot(&self) -> M {
        self.0.clone()
    }

    fn event(&mut self) -> Self::Event {
        self.tick();
        (self.1.clone(), self.0.counter(&self.1).unwrap_or(0), self.snapshot())
    }

    fn happened_before((name, counter, _): &Self::Event, (_, _, past): &Self::Event) -> bool {
        past.counter(name) >= Some(*counter)
    }

    fn counter(&self, data: &Data, index: usize) -> u64 {
        self.0.counter(&data.names[index]).unwrap_or(0)
    }
}

pub(crate) fn add(cases: &mut Cases, data: &'static Data) {
    add_with::<BTreeMap<String, u64>>(cases, data);
    add_with::<HashMap<String, u64>>(cases, data);
}

fn add_with<M: Map>(cases: &mut Cases, data: &'static Data) {
    vector::add::<Clock<M>>(cases, Who::Plain, M::NAME, data);
    let own = |decoded| Clock(decoded, String::new());
    wire::add::<Clock<M>, _>(cases, (Who::Plain, M::NAME), true, data, |clock| &clock.0, own);
}
