//! C9, clocks: they tell happens-before as it was.
//!
//! - Lamport: a write's is above that of every write in its past.
//! - Vector: a receipt's is exactly the write's past and the write itself, no more and no less. So one vector is below
//!   another if and only if the one write happened before the other.
//! - Hybrid: among the writes of one replica it strictly grows, over restarts and over wall clocks that step back; it is
//!   never behind the wall clock, unless that one jumped further than a clock follows. Where the harness tells of the
//!   wall clocks: it is never ahead of all that its station's wall has shown by more than the drift bound; and across
//!   stations it grows wherever the earlier one was within the drift bound of the later one's station, at whichever
//!   moment since it may have arrived there.
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
use super::walls::Walls;

/// Bits of the counter in a hybrid timestamp, below the milliseconds.
const COUNTER_BITS: u32 = 20;
/// How far ahead a wall clock may jump and be followed: 366 days.
const JUMP_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// How far ahead of the wall clock a remote timestamp may be and is believed: the default, one minute.
const DRIFT_MAX_MS: u64 = 60_000;

/// The writes of each replica whose receipts have been seen, by sequence.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    receipted: Vec<BTreeMap<u64, WriteId>>,
    /// What the wall clocks can have shown.
    pub(super) walls: Walls,
    /// How many hybrid times of different replicas had to be in order.
    pub(super) compared_across: u64,
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
fn in_order(known: &Known, walls: &Walls, earlier: WriteId, later: WriteId) -> Verdict {
    let (Some(before), Some(after)) = (known.write(earlier).stamps, known.write(later).stamps) else {
        return Ok(());
    };
    let not_above = |clock: &str, before: u64, after: u64| {
        let (first, second) = (known.text(earlier), known.text(later));
        wrong(format!("{second} happened after {first}, but its {clock} time is {after}, not above {before}"))
    };
    if before.lamport >= after.lamport {
        return not_above("Lamport", before.lamport, after.lamport);
    }
    if before.hlc >= after.hlc && has_to_be_above(known, walls, earlier, later) {
        return not_above("hybrid", before.hlc, after.hlc);
    }
    Ok(())
}

/// Whether the hybrid time of `later`, which happened after `earlier`, has to be above that one's: within a replica
/// always, across replicas if the station of the later one cannot but have believed the earlier one.
fn has_to_be_above(known: &Known, walls: &Walls, earlier: WriteId, later: WriteId) -> bool {
    if known.dot(earlier).replica == known.dot(later).replica {
        return true;
    }
    let (before, after) = (known.write(earlier), known.write(later));
    let (Some(first), Some(second), Some(stamps)) = (&before.minting, &after.minting, before.stamps) else {
        return false;
    };
    let at = second.station;
    let least = walls.least_ms(at, first.at_us, second.at_us);
    let (Some(least), Some(most)) = (least, walls.most_ms(at, second.at_us)) else { return false };
    // A wall that jumped so far is not followed, and then nothing is believed.
    let has_jumped = most > least.saturating_add(JUMP_MAX_MS / 2);
    stamps.hlc >> COUNTER_BITS <= least.saturating_add(DRIFT_MAX_MS) && !has_jumped
}

/// The hybrid time is not ahead of all that the station's wall has shown by more than a believed remote one may be.
fn not_ahead_of_the_wall(known: &Known, walls: &Walls, write: WriteId, stamps: Stamps) -> Verdict {
    let Some(minting) = &known.write(write).minting else { return Ok(()) };
    let Some(most) = walls.most_ms(minting.station, minting.at_us) else { return Ok(()) };
    let hlc_ms = stamps.hlc >> COUNTER_BITS;
    // A million events in one millisecond carry into the next.
    if hlc_ms <= most + DRIFT_MAX_MS + 1 {
        return Ok(());
    }
    let text = known.text(write);
    wrong(format!(
        "the hybrid time of {text}, {hlc_ms} ms, is beyond the drift bound of its station's wall, {most} ms at most"
    ))
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
        not_ahead_of_the_wall(known, &self.walls, write, receipt.stamps)?;
        self.after_its_past(known, write)?;
        let across = self.past_of(known, write).filter(|earlier| self.is_across(known, *earlier, write));
        self.compared_across += across.count() as u64;
        let next = self.first_after(known.dot(write));
        next.map_or(Ok(()), |later| in_order(known, &self.walls, write, later))?;
        let DotAt { replica, seq } = known.dot(write);
        if self.receipted.len() <= replica.0 {
            self.receipted.resize_with(replica.0 + 1, BTreeMap::new);
        }
        self.receipted[replica.0].insert(seq, write);
        Ok(())
    }

    /// The last write of each replica in its past: per replica the clocks grow, so that one stands for all of them.
    fn past_of<'a>(&'a self, known: &'a Known, write: WriteId) -> impl Iterator<Item = WriteId> + 'a {
        let dot = known.dot(write);
        let own = DotAt { seq: dot.seq - 1, ..dot };
        let past = known.past(write).into_iter().flat_map(Counts::entries);
        let others = past.filter(move |last| last.replica != dot.replica);
        others.chain([own]).filter_map(|last| self.last_upto(last))
    }

    fn is_across(&self, known: &Known, earlier: WriteId, later: WriteId) -> bool {
        let is_other = known.dot(earlier).replica != known.dot(later).replica;
        is_other && has_to_be_above(known, &self.walls, earlier, later)
    }

    fn after_its_past(&self, known: &Known, write: WriteId) -> Verdict {
        self.past_of(known, write).try_for_each(|earlier| in_order(known, &self.walls, earlier, write))
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
