//! A whole event as serde sees it: the form that `serde_json` gives to the peers' struct.
//!
//! `{"event_type":"order.created","payload":[100,97],"causality":{"clocks":{"svc-a":3}},"event_id":"ev-1",`
//! `"timestamp_utc":null}`, in this order. Unknown fields are passed over. A counter above 2^53 is not
//! written in a form for people, such as JSON, whose readers round it; a time is shown only, and is passed on
//! as it came.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{self, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::display_time::{DisplayTime, TIME_BYTES_MAX};
use super::entries::check_sendable;
use super::json::check_vector;
use super::{
    ENTRIES_MAX, EVENT_ID_BYTES_MAX, EVENT_TYPE_BYTES_MAX, EventId, EventType, Expected, Trace, TracedEvent,
};
use crate::clocks::MAX_COUNTER;
use crate::id::{NodeId, deserialize_text};
use crate::versions::VectorTimestamp;

impl Serialize for TracedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EventOut {
            event_type: self.event_type(),
            payload: self.payload(),
            causality: CausalityOut { clocks: self.causality() },
            event_id: self.event_id(),
            timestamp_utc: self.time(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TracedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let EventIn { event_type, payload, causality, event_id, timestamp_utc } =
            EventIn::deserialize(deserializer)?;
        let trace = Trace { event_id, event_type, causality: causality.clocks };
        Ok(Self::new(trace, payload).with_time(timestamp_utc))
    }
}

#[derive(Serialize)]
#[serde(rename = "TracedEvent")]
struct EventOut<'a> {
    event_type: &'a EventType,
    payload: &'a [u8],
    causality: CausalityOut<'a>,
    event_id: &'a EventId,
    timestamp_utc: Option<&'a DisplayTime>,
}

#[derive(Serialize)]
#[serde(rename = "VectorTimestamp")]
struct CausalityOut<'a> {
    clocks: &'a VectorTimestamp,
}

/// A map from names to counters, ascending and without zeros.
impl Serialize for VectorTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let check = if serializer.is_human_readable() { check_vector } else { check_sendable };
        check(self).map_err(ser::Error::custom)?;
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (node, counter) in self.entries() {
            map.serialize_entry(node, &counter)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(rename = "TracedEvent")]
struct EventIn {
    event_type: EventType,
    payload: Vec<u8>,
    causality: CausalityIn,
    event_id: EventId,
    #[serde(default)]
    timestamp_utc: Option<DisplayTime>,
}

#[derive(Deserialize)]
#[serde(rename = "VectorTimestamp")]
struct CausalityIn {
    clocks: VectorTimestamp,
}

/// Bounded while it is read; a node that comes twice is refused, a zero is dropped.
impl<'de> Deserialize<'de> for VectorTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClocksVisitor)
    }
}

struct ClocksVisitor;

impl<'de> Visitor<'de> for ClocksVisitor {
    type Value = VectorTimestamp;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {ENTRIES_MAX} nodes, each once, with counters from 0 to {MAX_COUNTER}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VectorTimestamp, A::Error> {
        let mut clocks = BTreeMap::new();
        while let Some((node, counter)) = map.next_entry::<NodeId, u64>()? {
            if clocks.len() == ENTRIES_MAX {
                return Err(de::Error::custom(format_args!("expected {}", Expected::FewerEntries)));
            }
            match clocks.entry(node) {
                Entry::Vacant(entry) => entry.insert(counter),
                Entry::Occupied(entry) => {
                    return Err(de::Error::custom(format_args!("{} comes twice in a vector", entry.key())));
                }
            };
        }
        let entries = clocks.iter().map(|(node, counter)| (node.as_str(), *counter));
        VectorTimestamp::from_entries(entries).map_err(de::Error::custom)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, EVENT_ID_BYTES_MAX, Self::new)
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, EVENT_TYPE_BYTES_MAX, Self::new)
    }
}

impl Serialize for DisplayTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for DisplayTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = DisplayTime;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an unsigned number or a text of 1 to {TIME_BYTES_MAX} bytes")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<DisplayTime, E> {
        Ok(DisplayTime::Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DisplayTime, E> {
        DisplayTime::text(text).map_err(E::custom)
    }
}
