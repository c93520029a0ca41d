//! Stations into which nobody looks: what their answers alone prove.
//!
//! A history of real processes has no lines about disks and about what a station shows, so what a station *told* takes
//! their place: a write that it acknowledged or returned is there from then on, also after `kill -9`, until a `lost`
//! line of that station (which may name nothing, if nobody knows what was lost). Answers travel, so an answer is held
//! to what had been told before its question was asked, no more.
//!
//! Proved here: nothing is invented (C1), returned beside what supersedes it, or after that was told (C1); what was told
//! before is returned, or superseded by something returned (C3, and C5 for what was acknowledged before the process
//! was killed); a station's own context has all that it had told (C1); a vector has all that its station had told
//! (C9); in the read-back every station returns the same (C4), and every acknowledged write is returned or superseded
//! (C6). A client that roams with a token keeps the four session guarantees (C3, `roaming`). Where the harness looked behind an answer (`seen`), it is exact (C1), and the log is closed (C2).
//!
//! Not proved: what a write of which no client ever learned the context supersedes. Where a chain of contexts comes to
//! such a write, it may have superseded anything.

mod learn;
mod roaming;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::roaming::Roaming;
use super::Property;
use super::finding::{Verdict, broken};
use super::known::{Known, Operation};
use super::names::{KeyId, StationId, WriteId};
use super::sibling_exactness::{self, sorted};
use super::told::{Entry, Status};

/// What a station told of one key: each write with the number of the line that told it.
#[derive(Debug, Default, Clone)]
struct ToldOfKey {
    writes: BTreeMap<WriteId, u64>,
    /// What those supersede, by which, and since when.
    superseded: HashMap<WriteId, (WriteId, u64)>,
    /// The largest revision, and since when.
    revisions: Vec<(u64, u64)>,
}

/// What a station told.
#[derive(Debug, Default)]
struct ToldByStation {
    keys: BTreeMap<KeyId, ToldOfKey>,
    /// When its process ended last.
    stopped: u64,
}

/// What all stations told.
#[derive(Debug, Default)]
pub(super) struct Outside {
    stations: Vec<ToldByStation>,
    /// What the first station returned of a key in the read-back.
    read_back: HashMap<KeyId, (StationId, Vec<WriteId>)>,
    /// What clients were told that roam with a token.
    pub(super) roaming: Roaming,
}

/// The first target that neither is a start nor superseded by one, directly or by a chain of contexts.
pub(super) fn uncovered(
    known: &Known,
    starts: &[WriteId],
    targets: impl Iterator<Item = WriteId>,
) -> Option<WriteId> {
    let mut missing: BTreeSet<WriteId> = targets.collect();
    let mut met: BTreeSet<WriteId> = BTreeSet::new();
    let mut ahead: Vec<WriteId> = starts.to_vec();
    while let Some(write) = ahead.pop() {
        if missing.is_empty() || !met.insert(write) {
            continue;
        }
        missing.remove(&write);
        let truth = known.truth(write).filter(|truth| truth.knows_context)?;
        ahead.extend(&truth.context);
        if !starts.contains(&write) {
            // It was read and superseded, and other names of the same write fell with it.
            let names = known.request(truth.request).writes.iter();
            ahead.extend(names.filter(|other| known.is_twin(**other, write)));
        }
    }
    missing.first().copied()
}

impl ToldOfKey {
    /// What had been told before this line.
    fn before(&self, begun: u64) -> impl Iterator<Item = WriteId> {
        self.writes.iter().filter(move |(_, since)| **since < begun).map(|(write, _)| *write)
    }
}

impl Outside {
    fn at(&mut self, at: StationId) -> &mut ToldByStation {
        if self.stations.len() <= at.0 {
            self.stations.resize_with(at.0 + 1, ToldByStation::default);
        }
        &mut self.stations[at.0]
    }

    fn of_key(&mut self, at: StationId, key: KeyId) -> &mut ToldOfKey {
        self.at(at).keys.entry(key).or_default()
    }

    /// Something was taken from a station's disk.
    pub(super) fn lost(&mut self, at: StationId) {
        *self.at(at) = ToldByStation::default();
        self.roaming.lost();
    }

    /// A station's process ended.
    pub(super) fn stopped(&mut self, at: StationId, line: u64) {
        self.at(at).stopped = line;
    }

    /// From now on these writes of a key are known to be there.
    fn tell(&mut self, known: &Known, (at, key): (StationId, KeyId), writes: &[WriteId], line: u64) {
        let told = self.of_key(at, key);
        for write in writes {
            told.writes.entry(*write).or_insert(line);
            for read in known.context(*write) {
                told.superseded.entry(*read).or_insert((*write, line));
            }
        }
    }

    /// The versions of a key, of which it is known by now what each one is.
    pub(super) fn entry(
        &mut self,
        known: &Known,
        (operation, key): (Operation, KeyId),
        entry: &Entry<'_>,
        (line, is_read_back): (u64, bool),
    ) -> Verdict {
        let (at, begun) = (operation.station, operation.begun);
        let returned = sorted(entry.names());
        not_dominated(known, at, &returned)?;
        self.not_resurrected(known, (at, key), &returned, begun)?;
        self.revision(known, (at, key), entry, (begun, line))?;
        if entry.is_complete {
            sibling_exactness::reported_conflict(known, at, entry)?;
            self.nothing_missing(known, (at, key), &returned, begun)?;
        }
        if let Some(seen) = &entry.seen {
            closed(known, at, seen)?;
            exact(known, at, entry, seen)?;
        }
        if is_read_back && entry.is_complete {
            all_acknowledged(known, at, key, &returned)?;
            self.same_everywhere(known, (at, key), &returned)?;
        }
        self.tell(known, (at, key), &returned, line);
        Ok(())
    }

    /// A station says that it knows nothing of a key.
    pub(super) fn nothing(
        &mut self,
        known: &Known,
        (operation, key): (Operation, KeyId),
        is_read_back: bool,
    ) -> Verdict {
        self.nothing_missing(known, (operation.station, key), &[], operation.begun)?;
        if is_read_back { all_acknowledged(known, operation.station, key, &[]) } else { Ok(()) }
    }

    /// What had been told of the key before is returned, or superseded by something returned.
    fn nothing_missing(
        &mut self,
        known: &Known,
        (at, key): (StationId, KeyId),
        returned: &[WriteId],
        begun: u64,
    ) -> Verdict {
        let stopped = self.at(at).stopped;
        let told = self.of_key(at, key);
        let Some(missing) = uncovered(known, returned, told.before(begun)) else { return Ok(()) };
        let came_back = told.writes.get(&missing).is_some_and(|since| *since < stopped);
        let (name, text, list) = (known.station_text(at), known.text(missing), known.names.list(returned));
        let text = format!("{name} returned {list}, without {text}, which it had told of before");
        match known.write(missing).is_acked && came_back {
            true => broken(Property::Durability, format!("{text}, and then it was restarted")),
            false => broken(Property::Session, text),
        }
    }

    /// Nothing is returned after something that supersedes it was told.
    fn not_resurrected(
        &mut self,
        known: &Known,
        (at, key): (StationId, KeyId),
        returned: &[WriteId],
        begun: u64,
    ) -> Verdict {
        let superseded = &self.of_key(at, key).superseded;
        let by =
            |write: &WriteId| Some((*write, superseded.get(write).filter(|(_, since)| *since < begun)?.0));
        let Some((write, by)) = returned.iter().find_map(by) else { return Ok(()) };
        let (name, text, by) = (known.station_text(at), known.text(write), known.text(by));
        let text = format!("{name} returned {text}, although it had told of {by}, whose client had read it");
        broken(Property::SiblingExactness, text)
    }

    /// A key's revision never goes down.
    fn revision(
        &mut self,
        known: &Known,
        (at, key): (StationId, KeyId),
        entry: &Entry<'_>,
        (begun, line): (u64, u64),
    ) -> Verdict {
        let revisions = &mut self.of_key(at, key).revisions;
        let before =
            revisions.iter().rev().find(|(since, _)| *since < begun).map_or(0, |(_, before)| *before);
        if entry.revision < before {
            let (name, key, now) = (known.station_text(at), known.names.key_text(key), entry.revision);
            let list = known.names.list(&entry.names());
            let text = format!("{name} gives key {key} revision {now} and {list}; it had given {before}");
            return broken(Property::Session, text);
        }
        if revisions.last().is_none_or(|(_, last)| *last < entry.revision) {
            revisions.push((line, entry.revision));
        }
        Ok(())
    }

    /// In the read-back every station returns the same.
    fn same_everywhere(
        &mut self,
        known: &Known,
        (at, key): (StationId, KeyId),
        returned: &[WriteId],
    ) -> Verdict {
        let first = self.read_back.entry(key).or_insert_with(|| (at, returned.to_vec()));
        if first.1 == returned {
            return Ok(());
        }
        let (name, other) = (known.station_text(at), known.station_text(first.0));
        let (here, there) = (known.names.list(returned), known.names.list(&first.1));
        let key = known.names.key_text(key);
        broken(Property::Convergence, format!("{name} returns {here} for {key}, {other} returns {there}"))
    }

    /// A status covers all that the station had told of.
    pub(super) fn status(&mut self, known: &Known, operation: Operation, status: &Status) -> Verdict {
        let covers = |write: &WriteId| {
            let dot = known.dot(*write);
            status.vector.iter().any(|last| last.replica == dot.replica && last.seq >= dot.seq)
        };
        let at = operation.station;
        let keys = self.at(at).keys.values();
        let mut told = keys.flat_map(|told| told.before(operation.begun));
        let Some(missing) = told.find(|write| !covers(write)) else { return Ok(()) };
        let (name, text) = (known.station_text(at), known.text(missing));
        broken(Property::Session, format!("the status of {name} lacks {text}, which it had told of before"))
    }
}

/// No version is returned beside one whose client had read it.
fn not_dominated(known: &Known, at: StationId, returned: &[WriteId]) -> Verdict {
    for later in returned {
        if let Some(read) = known.context(*later).iter().find(|read| returned.contains(read)) {
            let (name, text, by) = (known.station_text(at), known.text(*read), known.text(*later));
            let text = format!("{name} returned {text} beside {by}, whose client had read and superseded it");
            return broken(Property::SiblingExactness, text);
        }
    }
    Ok(())
}

/// A log that has a write has what its client had read of the key.
fn closed(known: &Known, at: StationId, seen: &[WriteId]) -> Verdict {
    let key_of = |write: WriteId| known.truth(write).map(|truth| truth.key);
    for write in seen {
        let mut read = known.context(*write).iter().filter(|read| key_of(**read) == key_of(*write));
        if let Some(missing) = read.find(|read| !seen.contains(read)) {
            let (name, text, missing) = (known.station_text(at), known.text(*write), known.text(*missing));
            let text = format!("{name} has {text} without {missing}, which its client had read");
            return broken(Property::CausalClosure, text);
        }
    }
    Ok(())
}

/// The answer is what all writes that the station had make it, as far as it is known what they supersede.
fn exact(known: &Known, at: StationId, entry: &Entry<'_>, seen: &[WriteId]) -> Verdict {
    let wrong =
        |text: String| broken(Property::SiblingExactness, format!("{} {text}", known.station_text(at)));
    let returned = sorted(entry.names());
    if let Some(surplus) = returned.iter().find(|write| !seen.contains(write)) {
        return wrong(format!("returned {}, which its log does not have", known.text(*surplus)));
    }
    if entry.revision != seen.len() as u64 {
        let (told, all) = (entry.revision, known.names.list(seen));
        return wrong(format!("gives revision {told}; its log has {all}"));
    }
    let superseding = |write: &WriteId| seen.iter().find(|later| known.context(**later).contains(write));
    if let Some((write, by)) = returned.iter().find_map(|write| Some((write, superseding(write)?))) {
        let (text, by) = (known.text(*write), known.text(*by));
        return wrong(format!("returned {text}, although its log has {by}, whose client had read it"));
    }
    let all_known = seen.iter().all(|write| known.truth(*write).is_some_and(|truth| truth.knows_context));
    // A name may fall with another name of the same write; whether it has to cannot be told from outside.
    let may_fall = |write: &WriteId| {
        seen.iter().any(|twin| twin != write && known.is_twin(*twin, *write) && superseding(twin).is_some())
    };
    let stands =
        |write: &&WriteId| superseding(write).is_none() && !returned.contains(write) && !may_fall(write);
    match seen.iter().find(stands).filter(|_| all_known && entry.is_complete) {
        Some(missing) => {
            let (text, told) = (known.text(*missing), known.names.list(&returned));
            wrong(format!(
                "did not return {text}, which its log has and nothing there supersedes, but {told}"
            ))
        }
        None => Ok(()),
    }
}

/// Every acknowledged write of the key is returned, or superseded by something returned.
fn all_acknowledged(known: &Known, at: StationId, key: KeyId, returned: &[WriteId]) -> Verdict {
    let of_key = |write: &WriteId| known.truth(*write).is_some_and(|truth| truth.key == key);
    let acked = known.writes().filter(|(_, write)| write.is_acked && !write.was_lost).map(|(id, _)| id);
    let Some(missing) = uncovered(known, returned, acked.filter(of_key)) else { return Ok(()) };
    let (name, text) = (known.station_text(at), known.text(missing));
    let told = known.names.list(returned);
    let text =
        format!("{name} returned {told}, without {text}, which was acknowledged and nobody superseded");
    broken(Property::NoLostUpdate, text)
}
