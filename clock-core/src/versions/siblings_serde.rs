//! Siblings on a wire of serde's: the context, then `[(dot, value), …]`; one canonical form, bounded while it is read.
//!
//! Dots ascend strictly and are covered by the context, so what was read is a state that writes and joins can lead to as
//! far as its dots go. What a peer sent is still a claim: [`Siblings::try_merge`] is where it is judged.

use core::fmt;
use core::marker::PhantomData;

use alloc::vec::Vec;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::context::Context;
use super::siblings::{SIBLINGS_MAX, Siblings};
use crate::id::Dot;

impl<V: Serialize> Serialize for Siblings<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.context(), self.as_slice()).serialize(serializer)
    }
}

/// At most [`SIBLINGS_MAX`] values, in the canonical form. How large a value may be is up to its own form.
impl<'de, V: Deserialize<'de>> Deserialize<'de> for Siblings<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (context, Values(values)) = <(Context, Values<V>)>::deserialize(deserializer)?;
        Self::of_parts(context, values)
            .ok_or_else(|| de::Error::custom("siblings: expected ascending dots that the context covers"))
    }
}

struct Values<V>(Vec<(Dot, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Values<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ValuesVisitor(PhantomData))
    }
}

struct ValuesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for ValuesVisitor<V> {
    type Value = Values<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {SIBLINGS_MAX} values with their dots")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Values<V>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            if values.len() == SIBLINGS_MAX {
                return Err(de::Error::invalid_length(SIBLINGS_MAX + 1, &self));
            }
            values.push(value);
        }
        Ok(Values(values))
    }
}
