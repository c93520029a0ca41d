//! What happened after a write: everything that may have been influenced by it.
//!
//! Log order is a linear extension of causality, so one walk forward is enough. An event has the write in its past if an
//! earlier event of the same author had, or if its delta or its context brought the write in.

use std::collections::{BTreeMap, BTreeSet};

use super::{LISTED_MAX, Log, find, listed, unknown};
use crate::event::WriteEvent;
use crate::id::{Dot, Key, ReplicaId};
use crate::replica::Lsn;
use crate::wire::{ImpactView, Response, StationImpact};

/// What the walk has found so far.
struct Walk {
    dot: Dot,
    key: Key,
    /// Whoever has it in their past: the first event, and how many.
    authors: BTreeMap<ReplicaId, (Dot, u64)>,
    /// Writes of the same key that were built on it, itself included.
    built_on_it: BTreeSet<Dot>,
    same_key: Vec<Dot>,
    keys: Vec<Key>,
    keys_seen: BTreeSet<Key>,
}

pub(super) fn impact<L: Log>(log: &L, dot: &Dot, upto: Lsn) -> Result<Response, L::Error> {
    let Some((lsn, event)) = find(log, dot, upto)? else { return Ok(unknown(dot)) };
    let mut walk = Walk {
        dot: dot.clone(),
        key: event.key,
        authors: BTreeMap::new(),
        built_on_it: BTreeSet::from([dot.clone()]),
        same_key: Vec::new(),
        keys: Vec::new(),
        keys_seen: BTreeSet::new(),
    };
    for placed in log.from(lsn.next())? {
        let (lsn, event) = placed?;
        if lsn > upto {
            break;
        }
        walk.take(&event);
    }
    Ok(Response::Impact(walk.view()))
}

impl Walk {
    fn take(&mut self, event: &WriteEvent) {
        if !self.has_it(event) {
            return;
        }
        let first = || (event.dot.clone(), 0);
        self.authors.entry(event.dot.replica.clone()).or_insert_with(first).1 += 1;
        let is_built_on_it =
            event.key == self.key && event.context.iter().any(|dot| self.built_on_it.contains(dot));
        if is_built_on_it {
            self.built_on_it.insert(event.dot.clone());
            self.same_key.push(event.dot.clone());
        }
        if self.keys_seen.len() <= LISTED_MAX && self.keys_seen.insert(event.key.clone()) {
            self.keys.push(event.key.clone());
        }
    }

    fn has_it(&self, event: &WriteEvent) -> bool {
        let brought =
            |(replica, seq): &(ReplicaId, u64)| *replica == self.dot.replica && *seq >= self.dot.seq;
        event.dot.replica == self.dot.replica && event.dot.seq > self.dot.seq
            || self.authors.contains_key(&event.dot.replica)
            || event.delta.iter().any(brought)
            || event.context.contains(&self.dot)
    }

    fn view(self) -> ImpactView {
        let events = self.authors.values().map(|(_, events)| events).sum();
        let stations = self.authors.into_iter().map(|(replica, (first, events))| StationImpact {
            station: replica.node,
            first,
            events,
        });
        let (stations, more_stations) = listed(stations);
        let (same_key, more_same) = listed(self.same_key);
        let (keys, more_keys) = listed(self.keys);
        let is_cut = more_stations || more_same || more_keys;
        ImpactView { key: self.key, same_key, stations, events, keys, is_cut }
    }
}
