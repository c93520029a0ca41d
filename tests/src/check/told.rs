//! Answers with their names as numbers.

use super::counts::Counts;
use super::known::{Known, Stamps};
use super::names::{DotAt, KeyId, RequestIndex, StationId, WriteId};
use crate::history::{self, Answer, ValueDigest};

/// A receipt.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) write: WriteId,
    pub(super) stamps: Stamps,
    pub(super) vector: Vec<DotAt>,
    pub(super) context: Vec<WriteId>,
    pub(super) beside: Vec<WriteId>,
    pub(super) outcome: Outcome,
    pub(super) durable_on: Vec<StationId>,
}

/// How durable a write is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Local,
    Committed,
    Indeterminate,
    /// Nothing that a station says.
    Other,
}

/// Keys as of a frontier.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    pub(super) at: Counts,
    pub(super) entries: Vec<(KeyId, Entry<'a>)>,
    pub(super) answered: u32,
}

/// One version in an answer.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) names: Vec<WriteId>,
    pub(super) value: ValueDigest,
    pub(super) context: Vec<WriteId>,
    pub(super) request: RequestIndex,
}

/// The versions of a key.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) revision: u64,
    pub(super) conflict: Option<&'a str>,
    pub(super) versions: Vec<Version>,
    pub(super) is_complete: bool,
    /// Every write of the key that the station had, if the harness looked.
    pub(super) seen: Option<Vec<WriteId>>,
}

/// What a station says that it has.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) vector: Vec<DotAt>,
    pub(super) lamport: u64,
    pub(super) conflicts: u64,
}

/// An answer.
#[derive(Debug)]
pub(super) enum Told<'a> {
    Written(Receipt),
    Entry(Entry<'a>),
    Nothing,
    Snapshot(Snapshot<'a>),
    Status(Status),
}

impl Told<'_> {
    /// What whoever got this answer has seen by it.
    pub(super) fn shown(&self, known: &Known) -> Counts {
        let mut shown = Counts::default();
        match self {
            Self::Written(receipt) => receipt.vector.iter().for_each(|dot| shown.raise(*dot)),
            Self::Entry(entry) => entry.names().iter().for_each(|name| shown.raise(known.dot(*name))),
            Self::Snapshot(snapshot) => shown.merge(&snapshot.at),
            Self::Status(status) => status.vector.iter().for_each(|dot| shown.raise(*dot)),
            Self::Nothing => {}
        }
        shown
    }
}

impl Entry<'_> {
    /// Every name of every version.
    pub(super) fn names(&self) -> Vec<WriteId> {
        self.versions.iter().flat_map(|version| version.names.iter().copied()).collect()
    }
}

impl Outcome {
    fn named(name: Option<&str>) -> Self {
        match name {
            None | Some("local") => Self::Local,
            Some("committed") => Self::Committed,
            Some("indeterminate") => Self::Indeterminate,
            Some(_) => Self::Other,
        }
    }
}

fn snapshot_entry<'a>(known: &mut Known, entry: &'a history::SnapshotEntry) -> (KeyId, Entry<'a>) {
    let versions = entry.versions.iter().map(|version| Version::of(known, version)).collect();
    let told = Entry {
        revision: entry.revision,
        conflict: entry.conflict.as_deref(),
        versions,
        is_complete: entry.complete,
        seen: None,
    };
    (known.names.key(&entry.key), told)
}

impl Version {
    fn of(known: &mut Known, version: &history::Version) -> Self {
        Self {
            names: known.names.writes(&version.dots),
            value: version.value,
            context: known.names.writes(&version.context),
            request: known.names.request(&version.request),
        }
    }
}

impl<'a> Told<'a> {
    pub(super) fn of(known: &mut Known, answer: &'a Answer) -> Self {
        let told = match answer {
            Answer::Written { dot, lamport, hlc, wall_ms, vector, context, beside, outcome, durable_on } => {
                Self::Written(Receipt {
                    write: known.names.write(dot),
                    stamps: Stamps { lamport: *lamport, hlc: *hlc, wall_ms: *wall_ms },
                    vector: vector.iter().map(|dot| known.names.dot(dot)).collect(),
                    context: known.names.writes(context),
                    beside: known.names.writes(beside),
                    outcome: Outcome::named(outcome.as_deref()),
                    durable_on: durable_on.iter().map(|node| known.names.station(node)).collect(),
                })
            }
            Answer::Entry { revision, conflict, versions, complete, seen } => Self::Entry(Entry {
                revision: *revision,
                conflict: conflict.as_deref(),
                versions: versions.iter().map(|version| Version::of(known, version)).collect(),
                is_complete: *complete,
                seen: seen.as_ref().map(|seen| known.names.writes(seen)),
            }),
            Answer::Snapshot { at, entries, answered } => {
                let frontier = known.counts(at);
                let entry = |entry| snapshot_entry(known, entry);
                let entries = entries.iter().map(entry).collect();
                Self::Snapshot(Snapshot { at: frontier, entries, answered: *answered })
            }
            Answer::Unknown => Self::Nothing,
            Answer::Status { vector, lamport, conflicts } => Self::Status(Status {
                vector: vector.iter().map(|dot| known.names.dot(dot)).collect(),
                lamport: *lamport,
                conflicts: *conflicts,
            }),
        };
        known.make_room();
        told
    }
}
