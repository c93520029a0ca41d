//! Siblings on a wire of serde's: the context, then `[(dot, value), …]`; one canonical form, bounded while it is read.
//!
//! Dots ascend strictly and are covered by the context, so what was read is a state that writes and joins can lead to as
//! far as its dots go. What a peer sent is still a claim: [`Siblings::try_merge`] is where it is judged.
//!
//! Invariant: what is written can be read.

use core::fmt;
use core::marker::PhantomData;

use alloc::vec::Vec;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer, ser};

use super::context::Context;
use super::siblings::{SIBLINGS_MAX, Siblings};
use super::version_vector::VECTOR_ENTRIES_MAX;
use crate::id::Dot;

/// An error if the context has more than [`VECTOR_ENTRIES_MAX`] servers: such a state, which only an unchecked
/// [`merge`](Siblings::merge) leads to, could not be read again. The values are always few enough.
impl<V: Serialize> Serialize for Siblings<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let server_count = self.context().vector().len();
        if server_count > VECTOR_ENTRIES_MAX {
            return Err(ser::Error::custom(format_args!(
                "a past of {server_count} servers: at most {VECTOR_ENTRIES_MAX} are written"
            )));
        }
        (self.context(), self.as_slice()).serialize(serializer)
    }
}

/// At most [`SIBLINGS_MAX`] values of each server in the context, in the canonical form. How large a value may be is up
/// to its own form.
impl<'de, V: Deserialize<'de>> Deserialize<'de> for Siblings<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(2, SiblingsVisitor(PhantomData))
    }
}

struct SiblingsVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for SiblingsVisitor<V> {
    type Value = Siblings<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a context and the values that it covers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Siblings<V>, A::Error> {
        let context: Context = sequence.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let values = Values { context: &context, value: PhantomData };
        let values =
            sequence.next_element_seed(values)?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
        Ok(Siblings::of_parts(context, values))
    }
}

/// Reads values whose dots a context covers, which bounds how many there can be.
struct Values<'a, V> {
    context: &'a Context,
    value: PhantomData<V>,
}

impl<'de, V: Deserialize<'de>> DeserializeSeed<'de> for Values<'_, V> {
    type Value = Vec<(Dot, V)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Values<'_, V> {
    type Value = Vec<(Dot, V)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "values by ascending dot, at most {SIBLINGS_MAX} of each server in the context")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::<(Dot, V)>::new();
        let mut count_of_server = 0;
        while let Some((dot, value)) = sequence.next_element::<(Dot, V)>()? {
            let last = values.last().map(|(last, _)| last);
            if last.is_some_and(|last| *last >= dot) || !self.context.covers(&dot) {
                return Err(de::Error::custom("siblings: expected ascending dots that the context covers"));
            }
            let is_same_server = last.is_some_and(|last| last.replica == dot.replica);
            count_of_server = if is_same_server { count_of_server + 1 } else { 1 };
            if count_of_server > SIBLINGS_MAX {
                return Err(de::Error::invalid_length(values.len() + 1, &self));
            }
            values.push((dot, value));
        }
        Ok(values)
    }
}
