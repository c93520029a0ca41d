//! C5 for receipts: as many disks have a write as its receipt says, and of two committed writes that did not know each
//! other at least one receipt names the other.

use std::collections::HashMap;

use super::Property;
use super::finding::{Verdict, broken};
use super::known::{Known, Question};
use super::names::{KeyId, RequestIndex, StationId, WriteId};
use super::sibling_exactness::sorted;
use super::told::{Outcome, Receipt};

/// A committed write, and what its receipt named beside it.
#[derive(Debug)]
struct Committed {
    write: WriteId,
    beside: Vec<WriteId>,
}

/// Writes that were committed on a majority at the first attempt.
#[derive(Debug, Default)]
pub(super) struct Copies {
    committed: HashMap<KeyId, Vec<Committed>>,
    /// The number of the line at which a disk lost something last.
    lost_at: u64,
}

fn wrong(text: String) -> Verdict {
    broken(Property::Durability, text)
}

/// A receipt for an operation that wanted so many copies. `is_observed`: the harness sees the disks.
pub(super) fn told(known: &Known, at: StationId, w: usize, receipt: &Receipt) -> Verdict {
    let (name, text) = (known.station_text(at), known.text(receipt.write));
    if receipt.durable_on.is_empty() && receipt.outcome == Outcome::Local {
        // A history from before receipts said so.
        return Ok(());
    }
    let is_known = match receipt.outcome {
        Outcome::Local => w == 1,
        Outcome::Committed | Outcome::Indeterminate => w > 1,
        Outcome::Other => false,
    };
    if !is_known {
        let outcome = receipt.outcome;
        return wrong(format!("{name} says that {text} is {outcome:?}; {w} copies were asked for"));
    }
    let mut stations = receipt.durable_on.clone();
    stations.sort_unstable_by_key(|station| station.0);
    stations.dedup();
    if !stations.contains(&at) || (receipt.outcome == Outcome::Committed && stations.len() < w) {
        let count = stations.len();
        return wrong(format!("{name} says that {text} is committed on {w} stations, and names {count}"));
    }
    durable(known, at, receipt.write, &receipt.durable_on)
}

/// Each station that is said to have a write durably had it on its disk.
pub(super) fn durable(known: &Known, at: StationId, write: WriteId, on: &[StationId]) -> Verdict {
    if !known.station(at).is_observed {
        return Ok(());
    }
    let held = &known.write(write).held_by;
    match on.iter().find(|station| !held.contains(station)) {
        None => Ok(()),
        Some(without) => {
            let (name, without) = (known.station_text(at), known.station_text(*without));
            wrong(format!("{name} says that {} is durable on {without}: it never was", known.text(write)))
        }
    }
}

impl Copies {
    /// A write is committed for its client. Only a first attempt is looked at: what a retry met, it met as another name.
    pub(super) fn committed(
        &mut self,
        known: &Known,
        at: StationId,
        question: Question,
        (w, receipt): (usize, &Receipt),
    ) -> Verdict {
        let (Question::Write(request, 0), Some(truth)) = (question, known.truth(receipt.write)) else {
            return Ok(());
        };
        let is_majority = w > known.stations().count() / 2;
        let is_first = known.station_of(receipt.write) == at && asked_once(known, request);
        // A copy that was counted may have been lost since, and with it the meeting.
        let is_first = is_first && known.ask(request, 0).begun > self.lost_at;
        if receipt.outcome != Outcome::Committed || !is_majority || !is_first {
            return Ok(());
        }
        let new = Committed { write: receipt.write, beside: receipt.beside.clone() };
        let others = self.committed.entry(truth.key).or_default();
        let is_alone = |request: RequestIndex| asked_once(known, request);
        let still = others
            .iter()
            .filter(|other| known.truth(other.write).is_some_and(|truth| is_alone(truth.request)));
        for other in still {
            met(known, at, &new, other)?;
        }
        others.push(new);
        Ok(())
    }

    /// Disks have lost something: who would have told of a meeting may no longer know.
    pub(super) fn forget(&mut self, line: u64) {
        self.committed.clear();
        self.lost_at = line;
    }
}

fn asked_once(known: &Known, request: RequestIndex) -> bool {
    known.request(request).asks.len() == 1
}

/// At least one of the two knows of the other, or of what superseded it.
fn met(known: &Known, at: StationId, new: &Committed, other: &Committed) -> Verdict {
    let (new_line, other_line) = (line_of(known, new.write), line_of(known, other.write));
    let knows = |one: &Committed, line: &[WriteId]| {
        line.contains(&one.write) || one.beside.iter().any(|write| line.contains(write))
    };
    if knows(new, &other_line) || knows(other, &new_line) {
        return Ok(());
    }
    let (name, new, other) = (known.station_text(at), known.text(new.write), known.text(other.write));
    wrong(format!(
        "{name} says that {new} is committed, as {other} is; neither receipt names the other write, or one that superseded it"
    ))
}

/// A write and everything that superseded it, or one of those, step by step, with all their names.
fn line_of(known: &Known, first: WriteId) -> Vec<WriteId> {
    let Some(key) = known.truth(first).map(|truth| truth.key) else { return vec![first] };
    let of_key: Vec<WriteId> = known
        .writes()
        .filter(|(_, write)| write.truth.as_ref().is_some_and(|truth| truth.key == key))
        .map(|(id, _)| id)
        .collect();
    let (mut line, mut at) = (vec![first], 0);
    while let Some(read) = line.get(at).copied() {
        at += 1;
        for write in &of_key {
            let follows = known.context(*write).contains(&read) || known.is_twin(*write, read);
            if follows && !line.contains(write) {
                line.push(*write);
            }
        }
    }
    sorted(line)
}
