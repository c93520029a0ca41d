//! Dots and vectors in JSON: the serde form of the core with a format that names its fields and escapes its text.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::promises::{hold_dot, hold_vector};

/// An entry takes at least 46 bytes of JSON and 64 in memory with its name, in lists that grew by doubling; escaped text
/// and a refused name are copied.
const LIMIT: Limit = Limit { constant_bytes: 2048, bytes_per_byte: 8 };

/// [`clock_core::Dot`], and with it `NodeId`, `Incarnation` and `ReplicaId`.
pub static DOT_JSON: Decoder =
    Decoder { name: "dot_json", check: dot_json, limit: LIMIT, input_bytes_max: 1024 };
/// [`clock_core::VersionVector`].
pub static VECTOR_JSON: Decoder =
    Decoder { name: "vector_json", check: vector_json, limit: LIMIT, input_bytes_max: 16 * 1024 };

fn dot_json(meter: &Meter, data: &[u8]) -> Outcome {
    round_trip(meter, data, hold_dot)
}

fn vector_json(meter: &Meter, data: &[u8]) -> Outcome {
    round_trip(meter, data, hold_vector)
}

/// White space and escapes differ, so the bytes need not come back; the value must.
pub(crate) fn round_trip<T>(meter: &Meter, data: &[u8], promise: fn(&T)) -> Outcome
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let Ok(value) = meter.decode(data.len(), || serde_json::from_slice::<T>(data)) else {
        return Outcome::Refused;
    };
    promise(&value);
    let encoded = serde_json::to_vec(&value).expect("a decoded value encodes");
    let again = serde_json::from_slice::<T>(&encoded).expect("an encoded value decodes");
    assert_eq!(again, value, "the value changed on the way");
    Outcome::Accepted
}
