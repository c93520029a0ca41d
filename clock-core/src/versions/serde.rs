//! Version vectors of replicas on a wire of serde's: one canonical form, bounded while it is read.

use core::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{self, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use super::membership::Membership;
use super::version_vector::{VECTOR_ENTRIES_MAX, VersionVector};
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;
use alloc::vec::Vec;

/// At most [`VECTOR_ENTRIES_MAX`] entries: what could not be read back is not written.
impl Serialize for VersionVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.len() > VECTOR_ENTRIES_MAX {
            let message =
                format_args!("a vector of {} entries: at most {VECTOR_ENTRIES_MAX} are written", self.len());
            return Err(ser::Error::custom(message));
        }
        // With its length: the wire format needs to know it first, and a filtered iterator does not.
        let mut sequence = serializer.serialize_seq(Some(self.len()))?;
        for entry in self.iter() {
            sequence.serialize_element(&entry)?;
        }
        sequence.end()
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    fn vector(count: usize) -> VersionVector {
        let entry = |index| (format!("station-{index:05}.00000001").parse().unwrap(), index as u64 + 1);
        (0..count).map(entry).collect()
    }

    fn read(json: &str) -> Result<VersionVector, String> {
        serde_json::from_str(json).map_err(|error| format!("{error}"))
    }

    #[test]
    fn what_is_written_reads_back_up_to_the_limit() {
        for count in [0, 1, 8, 9, VECTOR_ENTRIES_MAX] {
            let json = serde_json::to_string(&vector(count)).unwrap();
            assert_eq!(serde_json::from_str::<VersionVector>(&json).unwrap(), vector(count));
        }
        let refusal = serde_json::to_string(&vector(VECTOR_ENTRIES_MAX + 1)).unwrap_err();
        assert_eq!(format!("{refusal}"), "a vector of 1025 entries: at most 1024 are written");
    }

    #[test]
    fn a_vector_has_one_form() {
        let entry = |name: &str, seq: &str| format!("[{{\"node\":\"{name}\",\"incarnation\":1}},{seq}]");
        let list = |entries: &[(&str, &str)]| {
            let entries: alloc::vec::Vec<String> =
                entries.iter().map(|(name, seq)| entry(name, seq)).collect();
            format!("[{}]", entries.join(","))
        };
        assert_eq!(
            format!("{}", read(&list(&[("a", "1"), ("b", "2")])).unwrap()),
            "{a.00000001: 1, b.00000001: 2}"
        );
        for (entries, objection) in [
            (vec![("b", "1"), ("a", "1")], "expected ascending"),
            (vec![("a", "1"), ("a", "1")], "expected ascending"),
            (vec![("a", "0")], "1 to 9223372036854775807"),
            (vec![("a", "9223372036854775808")], "1 to 9223372036854775807"),
            (vec![("a b", "1")], "node name"),
        ] {
            let refusal = read(&list(&entries)).unwrap_err();
            assert!(refusal.contains(objection), "{entries:?}: {refusal}");
        }
        let too_many: alloc::vec::Vec<String> =
            (0..=VECTOR_ENTRIES_MAX).map(|index| entry(&format!("n{index:05}"), "1")).collect();
        assert!(read(&format!("[{}]", too_many.join(","))).unwrap_err().contains("invalid length 1025"));
    }

    /// A name is refused by its length before it is copied out of the input, and an event 0 or beyond the range by name.
    #[test]
    fn a_dot_on_the_wire_is_held_to_its_limits() {
        let dot = |name: &str, seq: &str| {
            let json = format!("{{\"replica\":{{\"node\":\"{name}\",\"incarnation\":1}},\"seq\":{seq}}}");
            serde_json::from_str::<crate::Dot>(&json).map_err(|error| format!("{error}"))
        };
        assert!(dot("a", "1").is_ok() && dot("a", "9223372036854775807").is_ok());
        assert!(dot("a", "0").unwrap_err().contains("sequence 0"));
        assert!(dot("a", "9223372036854775808").unwrap_err().contains("sequence 9223372036854775808"));
        assert!(dot(&"n".repeat(65), "1").unwrap_err().contains("invalid length 65"));
    }
}
