//! C9, clocks: they tell happens-before as it was.
//!
//! - Lamport: a write's is above that of every write in its past.
//! - Vector: a receipt's is exactly the write's past and the write itself, no more and no less. So one vector is below
//!   another if and only if the one write happened before the other.
//! - Hybrid: among the writes of one replica it strictly grows, over restarts and over wall clocks that step back; it is
//!   never behind the wall clock, unless that one jumped further than a clock follows.
//!
//! Only acknowledged writes show their clocks, hence only those are compared. A receipt can come long after later ones,
//! so all pairs are looked at once more when the history ends.

use std::collections::BTreeMap;

use super::Property;
use super::counts::Counts;
use super::finding::{Verdict, broken};
use super::known::{Known, Stamps};
use super::names::{DotAt, ReplicaIndex, StationId, WriteId};
use super::told::{Receipt, Status};

/// Bits of the counter in a hybrid timestamp, below the milliseconds.
const COUNTER_BITS: u32 = 20;
/// How far ahead a wall clock may jump and be followed: 366 days.
const JUMP_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// The writes of each replica whose receipts have been seen, by sequence.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    receipted: Vec<BTreeMap<u64, WriteId>>,
}

fn wrong(text: String) -> Verdict {
    broken(Property::Clocks, text)
}

/// The vector of a receipt is the write's past and itself.
fn vector(known: &Known, at: StationId, write: WriteId, told: &[DotAt]) -> Verdict {
    let Some(past) = known.past(write) else { return Ok(()) };
    let mut expected = past.clone();
    expected.raise(known.dot(write));
    exact_vector(known, at, (&known.text(write), &expected), told)
}

/// A vector in an answer has exactly these writes.
fn exact_vector(known: &Known, at: StationId, (of, expected): (&str, &Counts), told: &[DotAt]) -> Verdict {
    let mut stated = Counts::default();
    told.iter().for_each(|dot| stated.raise(*dot));
    let name = known.station_text(at);
    if let Some(missing) = stated.first_missing(expected) {
        let missing = known.names.dot_text(missing);
        return wrong(format!(
            "the vector of {of}, as {name} tells it, lacks {missing}, which happened before"
        ));
    }
    if let Some(surplus) = expected.first_missing(&stated) {
        let surplus = known.names.dot_text(surplus);
        return wrong(format!(
            "the vector of {of}, as {name} tells it, has {surplus}, which did not happen before"
        ));
    }
    if stated.entries().count() != told.len() {
        return wrong(format!("the vector of {of}, as {name} tells it, names a replica twice"));
    }
    Ok(())
}

/// The hybrid time is not behind the wall clock.
fn not_behind_the_wall(known: &Known, write: WriteId, stamps: Stamps) -> Verdict {
    let hlc_ms = stamps.hlc >> COUNTER_BITS;
    // A clock does not follow a wall that jumped further than the limit; it counts on, a little above its last.
    let was_followed = stamps.wall_ms <= hlc_ms.saturating_add(JUMP_MAX_MS);
    if hlc_ms >= stamps.wall_ms || !was_followed {
        return Ok(());
    }
    let (text, wall_ms) = (known.text(write), stamps.wall_ms);
    wrong(format!(
        "the hybrid time of {text}, {hlc_ms} ms, is behind the wall clock of its origin, {wall_ms} ms"
    ))
}

/// `later` happened after `earlier`.
fn in_order(known: &Known, earlier: WriteId, later: WriteId) -> Verdict {
    let (Some(before), Some(after)) = (known.write(earlier).stamps, known.write(later).stamps) else {
        return Ok(());
    };
    let (first, second) = (known.text(earlier), known.text(later));
    if before.lamport >= after.lamport {
        let (before, after) = (before.lamport, after.lamport);
        return wrong(format!(
            "{second} happened after {first}, but its Lamport time is {after}, not above {before}"
        ));
    }
    let is_same_replica = known.dot(earlier).replica == known.dot(later).replica;
    if is_same_replica && before.hlc >= after.hlc {
        let (before, after) = (before.hlc, after.hlc);
        return wrong(format!(
            "{second} happened after {first} at one replica, but its hybrid time is {after}, not above {before}"
        ));
    }
    Ok(())
}

impl Clocks {
    fn of(&self, replica: ReplicaIndex) -> Option<&BTreeMap<u64, WriteId>> {
        self.receipted.get(replica.0)
    }

    /// The last write of the replica up to here whose receipt has been seen.
    fn last_upto(&self, dot: DotAt) -> Option<WriteId> {
        self.of(dot.replica)?.range(..=dot.seq).next_back().map(|(_, write)| *write)
    }

    fn first_after(&self, dot: DotAt) -> Option<WriteId> {
        self.of(dot.replica)?.range(dot.seq + 1..).next().map(|(_, write)| *write)
    }

    /// A dot is used again because no station knows its first write any more: nor its clocks, nor those of what came
    /// after it.
    pub(super) fn forget_from(&mut self, known: &Known, dot: DotAt) {
        let is_after = |write: &WriteId| known.past(*write).is_some_and(|past| past.covers(dot));
        for receipted in &mut self.receipted {
            receipted.retain(|_, write| known.dot(*write) != dot && !is_after(write));
        }
    }

    /// A receipt; its clocks are known already.
    pub(super) fn receipt(&mut self, known: &Known, at: StationId, receipt: &Receipt) -> Verdict {
        let write = receipt.write;
        vector(known, at, write, &receipt.vector)?;
        not_behind_the_wall(known, write, receipt.stamps)?;
        self.after_its_past(known, write)?;
        self.first_after(known.dot(write)).map_or(Ok(()), |later| in_order(known, write, later))?;
        let DotAt { replica, seq } = known.dot(write);
        if self.receipted.len() <= replica.0 {
            self.receipted.resize_with(replica.0 + 1, BTreeMap::new);
        }
        self.receipted[replica.0].insert(seq, write);
        Ok(())
    }

    /// Per replica the clocks grow, so the last write of each replica in the past stands for all of them.
    fn after_its_past(&self, known: &Known, write: WriteId) -> Verdict {
        let dot = known.dot(write);
        let own = DotAt { seq: dot.seq - 1, ..dot };
        let past = known.past(write).into_iter().flat_map(Counts::entries);
        past.filter(|last| last.replica != dot.replica)
            .chain([own])
            .filter_map(|last| self.last_upto(last))
            .try_for_each(|earlier| in_order(known, earlier, write))
    }

    /// The history has ended: every pair once more, for receipts that came late.
    pub(super) fn end(&self, known: &Known) -> Verdict {
        let all = self.receipted.iter().flat_map(BTreeMap::values);
        all.copied().try_for_each(|write| self.after_its_past(known, write))
    }
}

/// Two receipts of one write say the same.
pub(super) fn same_stamps(known: &Known, at: StationId, write: WriteId, told: Stamps) -> Verdict {
    let Some(before) = known.write(write).stamps else { return Ok(()) };
    let clocks = |stamps: Stamps| (stamps.lamport, stamps.hlc, stamps.wall_ms);
    if clocks(before) == clocks(told) {
        return Ok(());
    }
    let (name, text) = (known.station_text(at), known.text(write));
    wrong(format!(
        "{name} tells the clocks of {text} as {told:?}; an earlier receipt told them as {before:?}"
    ))
}

/// A station's status has exactly what it shows, and a Lamport time not below that of anything it shows.
pub(super) fn status(known: &Known, at: StationId, status: &Status) -> Verdict {
    let station = known.station(at);
    exact_vector(known, at, ("what it shows", &station.visible), &status.vector)?;
    let lamport = |write: &WriteId| known.write(*write).stamps.map(|stamps| (stamps.lamport, *write));
    match station.shown().iter().filter_map(lamport).max() {
        Some((lamport, write)) if lamport > status.lamport => {
            let (name, text, told) = (known.station_text(at), known.text(write), status.lamport);
            wrong(format!("{name} has Lamport time {told}, and shows {text} with {lamport}"))
        }
        _ => Ok(()),
    }
}
