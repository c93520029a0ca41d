//! Answers with their names as numbers.

use super::known::{Known, Stamps};
use super::names::{DotAt, RequestIndex, WriteId};
use crate::history::{self, Answer, ValueDigest};

/// A receipt.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) write: WriteId,
    pub(super) stamps: Stamps,
    pub(super) vector: Vec<DotAt>,
    pub(super) context: Vec<WriteId>,
    pub(super) beside: Vec<WriteId>,
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
    Snapshot,
    Status(Status),
}

impl Entry<'_> {
    /// Every name of every version.
    pub(super) fn names(&self) -> Vec<WriteId> {
        self.versions.iter().flat_map(|version| version.names.iter().copied()).collect()
    }
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
            Answer::Written { dot, lamport, hlc, wall_ms, vector, context, beside, .. } => {
                Self::Written(Receipt {
                    write: known.names.write(dot),
                    stamps: Stamps { lamport: *lamport, hlc: *hlc, wall_ms: *wall_ms },
                    vector: vector.iter().map(|dot| known.names.dot(dot)).collect(),
                    context: known.names.writes(context),
                    beside: known.names.writes(beside),
                })
            }
            Answer::Entry { revision, conflict, versions, complete, seen } => Self::Entry(Entry {
                revision: *revision,
                conflict: conflict.as_deref(),
                versions: versions.iter().map(|version| Version::of(known, version)).collect(),
                is_complete: *complete,
                seen: seen.as_ref().map(|seen| known.names.writes(seen)),
            }),
            Answer::Snapshot { .. } => Self::Snapshot,
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
