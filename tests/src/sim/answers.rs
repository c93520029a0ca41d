//! What stations answer, as a history has it.

use clock_core::wire::{EntryView, Receipt, Response, SnapshotVersion, StatusView};
use clock_core::{Dot, VersionVector};

use crate::history::{Answer, SnapshotEntry, ValueDigest, Version};

pub(super) fn answer_of(response: Response) -> Option<Answer> {
    match response {
        Response::Written(receipt) => Some(written(receipt)),
        Response::Entry(entry) => Some(entry_of(entry)),
        Response::Snapshot { at, entries, answered } => {
            let entries = entries.into_iter().map(snapshot_entry).collect();
            Some(Answer::Snapshot { at: upper(&at), entries, answered })
        }
        Response::UnknownKey => Some(Answer::Unknown),
        Response::Status(status) => Some(status_of(&status)),
        _ => None,
    }
}

pub(super) fn written(receipt: Receipt) -> Answer {
    Answer::Written {
        dot: receipt.dot,
        lamport: receipt.lamport,
        hlc: receipt.hlc.as_packed(),
        wall_ms: receipt.wall_ms,
        vector: upper(&receipt.vector),
        context: receipt.context,
        beside: receipt.concurrent_with,
        outcome: Some(receipt.outcome.as_str().to_owned()),
        durable_on: receipt.durable_on,
    }
}

fn entry_of(entry: EntryView) -> Answer {
    let complete = usize::try_from(entry.versions_total) == Ok(entry.versions.len());
    let versions = entry.versions.into_iter().map(|version| Version {
        dots: version.dots,
        value: ValueDigest::of_version(version.kind, &version.value),
        context: version.context,
        request: version.request,
    });
    Answer::Entry {
        revision: entry.revision,
        conflict: entry.conflict.map(|id| id.to_string()),
        versions: versions.collect(),
        complete,
        seen: None,
    }
}

fn status_of(status: &StatusView) -> Answer {
    Answer::Status { vector: upper(&status.durable), lamport: status.lamport, conflicts: status.conflicts }
}

pub(super) fn upper(vector: &VersionVector) -> Vec<Dot> {
    vector.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq }).collect()
}

fn snapshot_entry(entry: clock_core::wire::SnapshotEntry) -> SnapshotEntry {
    let complete = usize::try_from(entry.versions_total) == Ok(entry.versions.len());
    let versions = entry.versions.into_iter().map(|SnapshotVersion { dots, entry }| Version {
        dots,
        value: ValueDigest::of_version(entry.kind, &entry.value),
        context: entry.context,
        request: entry.request,
    });
    SnapshotEntry {
        key: entry.key,
        revision: entry.revision,
        conflict: entry.conflict.map(|id| id.to_string()),
        versions: versions.collect(),
        complete,
    }
}
