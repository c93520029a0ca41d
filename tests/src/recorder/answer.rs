//! What stations answer, as a history has it.

use clock_core::wire::{Copies, EntryView, Receipt, StatusView, Terms};
use clock_core::{Dot, VersionVector};

use crate::history::{Answer, ValueDigest, Version};
use crate::processes::FOUR;

pub(super) fn written(receipt: &Receipt) -> Answer {
    Answer::Written {
        dot: receipt.dot.clone(),
        lamport: receipt.lamport,
        hlc: receipt.hlc.as_packed(),
        wall_ms: receipt.wall_ms,
        vector: last_events(&receipt.vector),
        context: receipt.context.clone(),
        beside: receipt.concurrent_with.clone(),
        outcome: Some(receipt.outcome.as_str().to_owned()),
        durable_on: receipt.durable_on.clone(),
    }
}

pub(super) fn entry(entry: &EntryView, seen: Option<Vec<Dot>>) -> Answer {
    let versions = entry.versions.iter().map(|version| Version {
        dots: version.dots.clone(),
        value: ValueDigest::of_version(version.kind, &version.value),
        context: version.context.clone(),
        request: version.request,
    });
    Answer::Entry {
        revision: entry.revision,
        conflict: entry.conflict.map(|conflict| conflict.to_string()),
        versions: versions.collect(),
        complete: usize::try_from(entry.versions_total).is_ok_and(|total| total == entry.versions.len()),
        seen,
    }
}

pub(super) fn status(status: &StatusView) -> Answer {
    Answer::Status {
        vector: last_events(&status.durable),
        lamport: status.lamport,
        conflicts: status.conflicts,
    }
}

pub(super) fn last_events(vector: &VersionVector) -> Vec<Dot> {
    vector.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq }).collect()
}

/// How many copies the terms ask for; a majority is that of the reference cluster.
pub(super) fn copies(terms: &Terms) -> Option<u16> {
    match terms.copies {
        Copies::Count(1) => None,
        Copies::Count(w) => Some(w),
        Copies::Majority => u16::try_from(FOUR.len() / 2 + 1).ok(),
    }
}
