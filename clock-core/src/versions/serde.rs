//! Version vectors of replicas on a wire of serde's: one canonical form, bounded while it is read.

use core::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::membership::Membership;
use super::version_vector::{VECTOR_ENTRIES_MAX, VersionVector};
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;
use alloc::vec::Vec;

impl Serialize for VersionVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// One canonical form: replicas strictly ascending, every entry between 1 and [`MAX_COUNTER`].
impl<'de> Deserialize<'de> for VersionVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = VersionVector;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "at most {VECTOR_ENTRIES_MAX} vector entries, replicas strictly ascending, values 1 to {MAX_COUNTER}"
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<VersionVector, A::Error> {
        let (mut replicas, mut counters) = (Vec::<ReplicaId>::new(), Vec::new());
        while let Some((replica, seq)) = sequence.next_element::<(ReplicaId, u64)>()? {
            let ascending = replicas.last().is_none_or(|last| *last < replica);
            if !ascending || seq == 0 || seq > MAX_COUNTER {
                return Err(de::Error::custom(format_args!(
                    "vector entry {replica} = {seq}: expected ascending replicas and 1 to {MAX_COUNTER}"
                )));
            }
            if replicas.len() == VECTOR_ENTRIES_MAX {
                return Err(de::Error::invalid_length(VECTOR_ENTRIES_MAX + 1, &self));
            }
            replicas.push(replica);
            counters.push(seq);
        }
        Ok(VersionVector::from_lanes(Membership::of_ascending(replicas, 1), &counters))
    }
}
