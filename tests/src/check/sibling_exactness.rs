//! C1, sibling exactness: a read returns exactly the versions that no visible write supersedes.
//!
//! `returned == { o in V : no p in V with o in context(p) }`, where `V` is what the station shows of the key and the
//! context is what the *client* of `p` had read. So nothing is missing, superseded, invented, doubled or resurrected;
//! names of one request with one value are one version; revision and conflict say what the set says; and a receipt
//! names what stood beside the write when it became visible, and with several copies whatever it met elsewhere.

use std::collections::{BTreeMap, HashMap};

use super::Property;
use super::finding::{Verdict, broken};
use super::known::{Known, Truth};
use super::names::{KeyId, StationId, WriteId};
use super::told::{Entry, Receipt, Version};

/// The ids of conflicts met so far: one id for one set of siblings, at every station.
#[derive(Debug, Default)]
pub(super) struct SiblingExactness {
    siblings_by_id: HashMap<String, Vec<WriteId>>,
    id_by_siblings: HashMap<Vec<WriteId>, String>,
}

fn wrong(text: String) -> Verdict {
    broken(Property::SiblingExactness, text)
}

pub(super) fn sorted(mut writes: Vec<WriteId>) -> Vec<WriteId> {
    writes.sort_unstable();
    writes.dedup();
    writes
}

/// Groups of names that are one version: of one request, with one value.
fn versions_of(known: &Known, siblings: &[WriteId]) -> Vec<Vec<WriteId>> {
    let mut groups: BTreeMap<_, Vec<WriteId>> = BTreeMap::new();
    for write in siblings {
        let Some(Truth { request, value, .. }) = known.truth(*write) else { continue };
        groups.entry((*request, *value)).or_default().push(*write);
    }
    groups.into_values().map(sorted).collect()
}

/// How many versions these siblings are.
fn versions_count(known: &Known, siblings: &[WriteId]) -> usize {
    if siblings.len() < 2 { siblings.len() } else { versions_of(known, siblings).len() }
}

/// What a version says of itself has to be what its client sent.
fn version(known: &Known, at: StationId, key: KeyId, version: &Version) -> Verdict {
    version.names.iter().try_for_each(|name| as_sent(known, at, (*name, key), version))?;
    let told = sorted(version.context.clone());
    if version.names.iter().any(|name| sorted(known.context(*name).to_vec()) == told) {
        return Ok(());
    }
    let own = version.names.first().map_or(String::new(), |name| known.names.list(known.context(*name)));
    let (station, told) = (known.station_text(at), known.names.list(&told));
    let shown = known.names.list(&version.names);
    wrong(format!("{station} says that {shown} supersedes {told}; its client had read {own}"))
}

/// Key, value and request of a returned write are those that its client sent.
fn as_sent(known: &Known, at: StationId, (name, key): (WriteId, KeyId), version: &Version) -> Verdict {
    let returned = || format!("{} returned {}", known.station_text(at), known.text(name));
    let Some(truth) = known.truth(name) else {
        return wrong(format!("{}, which no client's write ever became: a phantom", returned()));
    };
    if truth.key != key {
        let (asked, own) = (known.names.key_text(key), known.names.key_text(truth.key));
        return wrong(format!("{} for key {asked}; it was written to {own}", returned()));
    }
    if truth.value != version.value {
        let (own, told) = (truth.value, version.value);
        return wrong(format!("{} with value {told}; its client wrote {own}", returned()));
    }
    if truth.request != version.request {
        let (own, told) = (truth.request, version.request);
        let (own, told) = (known.names.request_text(own), known.names.request_text(told));
        return wrong(format!("{} as of request {told}; it is of {own}", returned()));
    }
    Ok(())
}

/// No write is named twice in one answer.
fn no_duplicate(known: &Known, at: StationId, entry: &Entry<'_>) -> Verdict {
    let mut names = entry.names();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let (station, text) = (known.station_text(at), known.text(pair[0]));
            wrong(format!("{station} returned {text} twice in one answer"))
        }
        None => Ok(()),
    }
}

/// Why a write must not be in an answer.
fn surplus(known: &Known, at: StationId, key: KeyId, write: WriteId) -> String {
    let (station, text) = (known.station_text(at), known.text(write));
    let writes = known.station(at).key(key).map_or(&[][..], |view| &view.writes);
    match writes.iter().find(|later| known.context(**later).contains(&write)) {
        Some(later) => {
            let by = known.text(*later);
            format!(
                "{station} returned {text}, although it shows {by}, whose client had read and superseded it"
            )
        }
        None => format!("{station} returned {text}, which is not visible there"),
    }
}

/// The returned names are the siblings, or some of them if the answer is a part.
fn exact(known: &Known, at: StationId, key: KeyId, entry: &Entry<'_>) -> Verdict {
    let expected = sorted(known.station(at).siblings(key).to_vec());
    let returned = sorted(entry.names());
    if expected == returned {
        return Ok(());
    }
    if let Some(write) = returned.iter().find(|write| expected.binary_search(write).is_err()) {
        return wrong(surplus(known, at, key, *write));
    }
    let missing = expected.iter().find(|write| returned.binary_search(write).is_err());
    match missing {
        Some(missing) if entry.is_complete || returned.is_empty() => {
            let (station, text) = (known.station_text(at), known.text(*missing));
            let (all, told) = (known.names.list(&expected), known.names.list(&returned));
            wrong(format!(
                "{station} did not return {text}, which no visible write supersedes: expected {all}, got {told}"
            ))
        }
        _ => Ok(()),
    }
}

/// Names of one request with one value are one version, others are not.
fn grouped(known: &Known, at: StationId, entry: &Entry<'_>) -> Verdict {
    let expected = versions_of(known, &entry.names());
    for version in &entry.versions {
        let told = sorted(version.names.clone());
        if !expected.contains(&told) {
            let (station, told) = (known.station_text(at), known.names.list(&told));
            let all: Vec<String> = expected.iter().map(|group| known.names.list(group)).collect();
            return wrong(format!(
                "{station} returned {told} as one version; by request and value they are {}",
                all.join(", ")
            ));
        }
    }
    Ok(())
}

/// Every version is what its client sent, once, and the names of one version are together.
pub(super) fn as_clients_sent(known: &Known, at: StationId, key: KeyId, entry: &Entry<'_>) -> Verdict {
    no_duplicate(known, at, entry)?;
    entry.versions.iter().try_for_each(|told| version(known, at, key, told))?;
    if entry.is_complete { grouped(known, at, entry) } else { Ok(()) }
}

impl SiblingExactness {
    /// An answer of a station of which it is known what it shows.
    pub(super) fn entry(&mut self, known: &Known, at: StationId, key: KeyId, entry: &Entry<'_>) -> Verdict {
        as_clients_sent(known, at, key, entry)?;
        exact(known, at, key, entry)?;
        revision(known, at, key, entry)?;
        self.conflict(known, at, key, entry)
    }

    /// A conflict is reported if and only if there is more than one version, under one id for these siblings.
    fn conflict(&mut self, known: &Known, at: StationId, key: KeyId, entry: &Entry<'_>) -> Verdict {
        let siblings = known.station(at).siblings(key);
        if siblings.len() < 2 && entry.conflict.is_none() {
            return Ok(());
        }
        let (station, list) = (known.station_text(at), known.names.list(siblings));
        let is_conflict = versions_count(known, siblings) > 1;
        let Some(id) = entry.conflict.filter(|_| is_conflict) else {
            return match entry.conflict {
                Some(id) => wrong(format!("{station} reports a conflict {id} with one version, {list}")),
                None if is_conflict => wrong(format!("{station} reports no conflict among {list}")),
                None => Ok(()),
            };
        };
        let siblings = sorted(siblings.to_vec());
        let others = self.siblings_by_id.entry(id.to_owned()).or_insert_with(|| siblings.clone());
        if *others != siblings {
            let others = known.names.list(others);
            return wrong(format!("{station} calls the conflict {list} {id}, which is that of {others}"));
        }
        let other = self.id_by_siblings.entry(siblings).or_insert_with(|| id.to_owned());
        if other != id {
            return wrong(format!("{station} calls the conflict {list} {id}; it was called {other} before"));
        }
        Ok(())
    }
}

fn revision(known: &Known, at: StationId, key: KeyId, entry: &Entry<'_>) -> Verdict {
    let count = known.station(at).key(key).map_or(0, |view| view.writes.len() as u64);
    if entry.revision == count {
        return Ok(());
    }
    let (station, key, told) = (known.station_text(at), known.names.key_text(key), entry.revision);
    wrong(format!("{station} gives key {key} revision {told}; it shows {count} writes of it"))
}

/// A station says that it knows nothing of a key.
pub(super) fn nothing(known: &Known, at: StationId, key: KeyId) -> Verdict {
    let writes = known.station(at).key(key).map_or(&[][..], |view| &view.writes);
    if writes.is_empty() {
        return Ok(());
    }
    let (station, key) = (known.station_text(at), known.names.key_text(key));
    wrong(format!("{station} says that {key} was never written; it shows {}", known.names.list(writes)))
}

/// A receipt's context is what its client had read.
pub(super) fn receipt_context(known: &Known, at: StationId, receipt: &Receipt) -> Verdict {
    let (told, own) = (sorted(receipt.context.clone()), sorted(known.context(receipt.write).to_vec()));
    if told == own {
        return Ok(());
    }
    let (station, text) = (known.station_text(at), known.text(receipt.write));
    let (told, own) = (known.names.list(&told), known.names.list(&own));
    wrong(format!("{station} says that {text} superseded {told}; its client had read {own}"))
}

/// A receipt names the other siblings of the moment when the write became visible.
pub(super) fn receipt_beside(known: &Known, at: StationId, receipt: &Receipt) -> Verdict {
    let Some(own) = known.truth(receipt.write) else { return Ok(()) };
    let is_other = |write: &WriteId| {
        known.truth(*write).is_some_and(|truth| (truth.request, truth.value) != (own.request, own.value))
    };
    let siblings = known.station(at).siblings_when_shown(own.key, receipt.write);
    // A name that fell with its twin at once has met nothing.
    let stood = siblings.contains(&receipt.write);
    let expected = sorted(siblings.into_iter().filter(|sibling| stood && is_other(sibling)).collect());
    let told = sorted(receipt.beside.clone());
    // Whoever waited for copies, or asks again, is told what the write met elsewhere, and later.
    let waited = known.awaited.contains(&own.request);
    let may_meet = |write: &WriteId| {
        let other = known.truth(*write);
        is_other(write) && other.is_some_and(|other| other.key == own.key) && !own.context.contains(write)
    };
    let more = waited && told.iter().all(|write| expected.contains(write) || may_meet(write));
    if told == expected || (more && expected.iter().all(|write| told.contains(write))) {
        return Ok(());
    }
    let (station, text) = (known.station_text(at), known.text(receipt.write));
    let (told, expected) = (known.names.list(&told), known.names.list(&expected));
    wrong(format!("{station} says that {told} stood beside {text} when it became visible; it was {expected}"))
}

/// A conflict that has changed since the client read it is not resolved.
pub(super) fn unchanged(
    known: &Known,
    at: StationId,
    key: KeyId,
    read: &[WriteId],
    write: WriteId,
) -> Verdict {
    let (read, now) = (sorted(read.to_vec()), sorted(known.station(at).siblings(key).to_vec()));
    if read == now {
        return Ok(());
    }
    let (station, text) = (known.station_text(at), known.text(write));
    let (read, now) = (known.names.list(&read), known.names.list(&now));
    wrong(format!("{station} resolved a conflict by {text} whose client had read {read}; it is {now} by now"))
}

/// A station's status counts its conflicts.
pub(super) fn conflicts_count(known: &Known, at: StationId, told: u64) -> Verdict {
    let keys = known.station(at).keys().iter();
    let count = keys.filter(|view| versions_count(known, &view.siblings) > 1).count() as u64;
    if told == count {
        return Ok(());
    }
    let name = known.station_text(at);
    wrong(format!("{name} counts {told} conflicts; by what it shows there are {count}"))
}

/// A conflict is reported if and only if the answer has more than one version.
pub(super) fn reported_conflict(known: &Known, at: StationId, entry: &Entry<'_>) -> Verdict {
    if entry.conflict.is_some() == (entry.versions.len() > 1) {
        return Ok(());
    }
    let (name, list) = (known.station_text(at), known.names.list(&entry.names()));
    let told = if entry.conflict.is_some() { "a conflict" } else { "no conflict" };
    wrong(format!("{name} returned {list} and reports {told}"))
}
