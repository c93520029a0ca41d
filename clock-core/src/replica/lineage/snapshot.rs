//! Keys as of a frontier: what a station that has exactly these events shows of them.
//!
//! Nothing but the events decides, so every station that has them gives the same answer, also long after it has moved
//! on; and a snapshot of many keys may be read in parts.

use super::twins::{Operated, twin_read};
use super::{ANSWER_BYTES_MAX, Log, Placed, answer_bytes};
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::{Dot, Key};
use crate::replica::{ConflictId, Lsn};
use crate::versions::VersionVector;
use crate::wire::{HistoryEntry, Presence, Response, SnapshotEntry, SnapshotVersion};

/// As many of the keys as an answer holds, at least one.
pub(super) fn snapshot<L: Log>(
    log: &L,
    keys: &[Key],
    at: &VersionVector,
    upto: Lsn,
) -> Result<Response, L::Error> {
    let (mut entries, mut bytes, mut answered) = (Vec::new(), 0, 0);
    for key in keys {
        let (revision, mut current) = versions_at(log, key, at, upto)?;
        bytes += current.iter().map(|(_, event)| answer_bytes(event)).sum::<usize>();
        if bytes > ANSWER_BYTES_MAX && answered > 0 {
            break;
        }
        answered += 1;
        if revision > 0 {
            current.sort_by(|(_, left), (_, right)| left.dot.cmp(&right.dot));
            entries.push(entry(key.clone(), revision, current));
        }
    }
    Ok(Response::Snapshot { at: at.clone(), entries, answered })
}

/// How many writes the key had, and those that no other of them supersedes.
fn versions_at<L: Log>(
    log: &L,
    key: &Key,
    at: &VersionVector,
    upto: Lsn,
) -> Result<(u64, Vec<Placed>), L::Error> {
    let (mut revision, mut current) = (0, Vec::<Placed>::new());
    let mut read = Vec::new();
    for placed in log.of_key(key, Lsn(0))? {
        let (lsn, event) = placed?;
        if lsn > upto {
            break;
        }
        if at.covers(&event.dot) || planted(Bug::SnapshotFrontierIgnored) {
            revision += 1;
            let is_read = |known: &mut Placed| event.context.binary_search(&known.1.dot).is_ok();
            read.extend(current.extract_if(.., is_read).map(|(_, known)| Operated::of(&known)));
            current.push((lsn, event));
        }
    }
    let mut standing = Vec::with_capacity(current.len());
    for (lsn, event) in current {
        if twin_read(log, &event, &read)?.is_none() {
            standing.push((lsn, event));
        }
    }
    Ok((revision, standing))
}

/// The versions in full as long as an answer holds them; `versions_total` says if it did not.
fn entry(key: Key, revision: u64, current: Vec<Placed>) -> SnapshotEntry {
    let is_live = current.iter().any(|(_, event)| !event.body.is_tombstone());
    let presence = if is_live { Presence::Live } else { Presence::Deleted };
    let dots: Vec<Dot> = current.iter().map(|(_, event)| event.dot.clone()).collect();
    let mut versions = Vec::<(Vec<Dot>, Lsn, WriteEvent)>::new();
    for (lsn, event) in current {
        // One write that was taken at two stations is one version with two names (rule 9).
        let same = |(_, _, known): &&mut (Vec<Dot>, Lsn, WriteEvent)| {
            known.request == event.request && known.body == event.body
        };
        match versions.iter_mut().find(same) {
            Some((names, ..)) => names.push(event.dot),
            None => versions.push((vec![event.dot.clone()], lsn, event)),
        }
    }
    let conflict = (versions.len() > 1).then(|| ConflictId::of(&dots));
    let versions_total = u32::try_from(versions.len()).unwrap_or(u32::MAX);
    let mut bytes = 0;
    let fitting = versions.into_iter().take_while(|(_, _, event)| {
        let fits = bytes <= ANSWER_BYTES_MAX;
        bytes += answer_bytes(event);
        fits
    });
    let versions = fitting
        .map(|(dots, lsn, event)| SnapshotVersion { dots, entry: HistoryEntry::new(lsn.0, event) })
        .collect();
    SnapshotEntry { key, revision, conflict, presence, versions_total, versions }
}
