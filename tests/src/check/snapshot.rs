//! C2 for snapshots: an answer as of a frontier is the fold of exactly the writes in it, whoever gives it and whenever.

use super::Property;
use super::counts::Counts;
use super::finding::{Verdict, broken};
use super::known::Known;
use super::names::{KeyId, StationId, WriteId};
use super::sibling_exactness::{self, sorted};
use super::told::{Entry, Snapshot};

fn wrong(text: String) -> Verdict {
    broken(Property::CausalClosure, text)
}

/// What was asked: keys, and as of what.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) keys: Vec<KeyId>,
    pub(super) at: Option<Counts>,
}

/// An answer of a station of which it is known what it shows.
pub(super) fn answered(known: &Known, at: StationId, asked: &Asked, told: &Snapshot<'_>) -> Verdict {
    let name = known.station_text(at);
    if let Some(missing) = known.station(at).visible.first_missing(&told.at) {
        let missing = known.names.dot_text(missing);
        return wrong(format!("{name} gives a snapshot as of {missing}, which it does not show"));
    }
    if asked.at.as_ref().is_some_and(|asked| *asked != told.at) {
        return wrong(format!("{name} gives a snapshot as of another frontier than it was asked for"));
    }
    let answered = asked.keys.iter().take(usize::try_from(told.answered).unwrap_or(usize::MAX));
    answered.clone().try_for_each(|key| {
        let entry = told.entries.iter().find(|(of, _)| of == key).map(|(_, entry)| entry);
        exact(known, at, (*key, &told.at), entry)
    })?;
    match told.entries.iter().find(|(key, _)| !answered.clone().any(|asked| asked == key)) {
        Some((key, _)) => {
            wrong(format!("{name} gives a snapshot with {}, unasked", known.names.key_text(*key)))
        }
        None => Ok(()),
    }
}

fn exact(
    known: &Known,
    at: StationId,
    (key, frontier): (KeyId, &Counts),
    entry: Option<&Entry<'_>>,
) -> Verdict {
    let writes = known.station(at).key(key).map_or(&[][..], |view| &view.writes);
    let inside: Vec<WriteId> =
        writes.iter().filter(|write| frontier.covers(known.dot(**write))).copied().collect();
    let expected = sorted(standing(known, &inside));
    let (returned, revision) = match entry {
        Some(entry) => {
            sibling_exactness::as_clients_sent(known, at, key, entry)?;
            sibling_exactness::reported_conflict(known, at, entry)?;
            (sorted(entry.names()), entry.revision)
        }
        None => (Vec::new(), 0),
    };
    let is_whole = entry.is_none_or(|entry| entry.is_complete);
    let agrees =
        if is_whole { returned == expected } else { returned.iter().all(|name| expected.contains(name)) };
    if agrees && revision == inside.len() as u64 {
        return Ok(());
    }
    let (name, key) = (known.station_text(at), known.names.key_text(key));
    let (told, own) = (known.names.list(&returned), known.names.list(&expected));
    let count = inside.len();
    wrong(format!(
        "{name} gives {told} and revision {revision} for {key} in a snapshot; the {count} writes of its frontier come to {own}"
    ))
}

/// Of these writes of one key those that none of them supersedes, nor a twin of theirs that lies above all that they
/// supersede.
fn standing(known: &Known, writes: &[WriteId]) -> Vec<WriteId> {
    let is_read = |write: WriteId| writes.iter().any(|later| known.context(*later).contains(&write));
    let read: Vec<WriteId> = writes.iter().filter(|write| is_read(**write)).copied().collect();
    let falls = |write: WriteId| {
        let superseded = known.context(write).iter().map(|read| known.height(*read)).max().unwrap_or(0);
        read.iter().any(|twin| known.is_twin(*twin, write) && superseded < known.height(*twin))
    };
    writes.iter().filter(|write| !read.contains(write) && !falls(**write)).copied().collect()
}
