//! What one write was: its past, and its place among the writes of its key.

use std::collections::{BTreeMap, BTreeSet};

use super::ancestors::built_on;
use super::twins::{Operated, twin_read, vector_of};
use super::{Log, find, listed, unknown};
use crate::id::{Dot, Key};
use crate::replica::Lsn;
use crate::wire::{HistoryEntry, Response, WhyView};

pub(super) fn why<L: Log>(log: &L, dot: &Dot, upto: Lsn) -> Result<Response, L::Error> {
    let Some((lsn, event)) = find(log, dot, upto)? else { return Ok(unknown(dot)) };
    let contexts = contexts_of(log, &event.key, upto)?;
    let before = built_on(&contexts, [dot.clone()]);
    let after = built_after(log, &event.key, upto, dot)?;
    let is_neither = |other: &&Dot| !before.contains(*other) && !after.contains(*other);
    let concurrent: Vec<Dot> = contexts.keys().filter(is_neither).cloned().collect();
    let superseding = contexts.iter().filter(|(_, context)| context.contains(dot)).map(|(by, _)| by.clone());
    let mut superseding: Vec<Dot> = superseding.collect();
    // It fell with a twin: whoever superseded that one has read this write, under its other name.
    let twin = match superseding.is_empty() {
        true => twin_read(log, &event, &read_names(log, &event.key, upto, &contexts)?)?,
        false => None,
    };
    if let Some(twin) = &twin {
        superseding.extend(contexts.iter().filter(|(_, read)| read.contains(twin)).map(|(by, _)| by.clone()));
    }
    let (superseded_by, more_superseding) = listed(superseding);
    let (concurrent_with, more_concurrent) = listed(concurrent);
    let (built_on, more_before) = listed(nearest_first(&contexts, dot));
    Ok(Response::Why(WhyView {
        key: event.key.clone(),
        vector: vector_of(log, dot)?,
        is_current: superseded_by.is_empty(),
        entry: HistoryEntry::new(lsn.0, event),
        superseded_by,
        concurrent_with,
        built_on,
        is_cut: more_superseding || more_concurrent || more_before,
    }))
}

/// The write, and everything of its key that was built on it. Log order is causal: one walk forward is enough.
fn built_after<L: Log>(log: &L, key: &Key, upto: Lsn, dot: &Dot) -> Result<BTreeSet<Dot>, L::Error> {
    let mut after = BTreeSet::from([dot.clone()]);
    for placed in log.of_key(key, Lsn(0))? {
        let (lsn, event) = placed?;
        if lsn <= upto && event.context.iter().any(|read| after.contains(read)) {
            after.insert(event.dot);
        }
    }
    Ok(after)
}

/// The names of the key that somebody has read and superseded.
fn read_names<L: Log>(
    log: &L,
    key: &Key,
    upto: Lsn,
    contexts: &BTreeMap<Dot, Vec<Dot>>,
) -> Result<Vec<Operated>, L::Error> {
    let read: BTreeSet<&Dot> = contexts.values().flatten().collect();
    let mut names = Vec::new();
    for placed in log.of_key(key, Lsn(0))? {
        let (lsn, event) = placed?;
        if lsn <= upto && read.contains(&event.dot) {
            names.push(Operated::of(&event));
        }
    }
    Ok(names)
}

/// What each write of the key had read.
fn contexts_of<L: Log>(log: &L, key: &Key, upto: Lsn) -> Result<BTreeMap<Dot, Vec<Dot>>, L::Error> {
    let mut contexts = BTreeMap::new();
    for placed in log.of_key(key, Lsn(0))? {
        let (lsn, event) = placed?;
        if lsn <= upto {
            contexts.insert(event.dot, event.context);
        }
    }
    Ok(contexts)
}

/// What a write was built on, step by step.
fn nearest_first(contexts: &BTreeMap<Dot, Vec<Dot>>, dot: &Dot) -> Vec<Dot> {
    let (mut seen, mut order, mut step) = (BTreeSet::new(), Vec::new(), vec![dot.clone()]);
    while !step.is_empty() {
        let read = step.iter().filter_map(|dot| contexts.get(dot)).flatten();
        step = read.filter(|dot| seen.insert((*dot).clone())).cloned().collect();
        order.extend(step.iter().cloned());
    }
    order
}
