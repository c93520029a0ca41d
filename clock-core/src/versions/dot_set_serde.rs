//! Dot sets on a wire of serde's: one canonical form, bounded while it is read.
//!
//! A sequence of `(replica, [(first, upto), …])`: replicas strictly ascending, each with at least one run; runs
//! ascending with a hole between each two; the prefix is simply a first run that starts at 1. A set has exactly one such
//! form, and everything else is refused: a run that touches the one before is a second spelling of a single run.
//!
//! Invariant: what is written can be read. A set above the limits is an error when it is written.

use core::fmt;

use alloc::vec::Vec;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer, ser};

use super::dot_range::DotRange;
use super::dot_set::{DOT_RANGES_MAX, DotSet};
use super::runs::{Run, Runs};
use super::version_vector::VECTOR_ENTRIES_MAX;
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;

/// An error above the limits with which a set is read: better not stored than stored and never read.
impl Serialize for DotSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.check_size().map_err(ser::Error::custom)?;
        serializer.collect_seq(self.by_replica().collect::<Vec<_>>())
    }
}

/// `(replica, first, upto)`.
impl Serialize for DotRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.replica(), self.first(), self.upto()).serialize(serializer)
    }
}

/// As [`DotRange::new`] takes it.
impl<'de> Deserialize<'de> for DotRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (replica, first, upto) = Deserialize::deserialize(deserializer)?;
        Self::new(replica, first, upto).map_err(de::Error::custom)
    }
}

impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let runs: Vec<(u64, u64)> = self.iter().map(|run| (run.first, run.upto)).collect();
        serializer.collect_seq(runs)
    }
}

/// At most [`VECTOR_ENTRIES_MAX`] replicas and [`DOT_RANGES_MAX`] ranges, in the canonical form.
impl<'de> Deserialize<'de> for DotSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SetVisitor)
    }
}

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RunsVisitor)
    }
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = DotSet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "at most {VECTOR_ENTRIES_MAX} replicas, strictly ascending, with at most {DOT_RANGES_MAX} ranges in all"
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<DotSet, A::Error> {
        let (mut replicas, mut range_count) = (Vec::<(ReplicaId, Runs)>::new(), 0);
        while let Some((replica, runs)) = sequence.next_element::<(ReplicaId, Runs)>()? {
            if replicas.last().is_some_and(|(last, _)| *last >= replica) || runs.is_empty() {
                return Err(de::Error::custom(format_args!(
                    "dots of {replica}: expected ascending replicas, each with at least one range"
                )));
            }
            range_count += runs.len();
            if replicas.len() == VECTOR_ENTRIES_MAX || range_count > DOT_RANGES_MAX {
                return Err(de::Error::invalid_length(range_count, &self));
            }
            replicas.push((replica, runs));
        }
        Ok(DotSet::of_replicas(replicas))
    }
}

struct RunsVisitor;

impl<'de> Visitor<'de> for RunsVisitor {
    type Value = Runs;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {DOT_RANGES_MAX} ranges within 1 to {MAX_COUNTER}, ascending and apart")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Runs, A::Error> {
        let mut runs = Runs::default();
        while let Some((first, upto)) = sequence.next_element::<(u64, u64)>()? {
            if runs.len() == DOT_RANGES_MAX {
                return Err(de::Error::invalid_length(DOT_RANGES_MAX + 1, &self));
            }
            if first == 0 || upto > MAX_COUNTER || !runs.append(Run { first, upto }) {
                return Err(de::Error::custom(format_args!(
                    "range {first} to {upto}: expected 1 to {MAX_COUNTER}, ascending and apart"
                )));
            }
        }
        Ok(runs)
    }
}
