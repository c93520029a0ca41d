//! Causality inside of a JSON document: a `_causality` field beside the user's own.
//!
//! `{"_causality":{"event_id":"event-123","event_type":"order.created","vector":{"order-service":1}},"order_id":42}`
//!
//! A document that already has such a field is not written over unless asked for ([`replace`]). Counters
//! above 2^53 are not written, for JavaScript reads them inexactly. A parsed document has lost repeated keys
//! already, and with them a node that came twice in a vector: [`extract_str`] reads the text itself and
//! refuses it.
//!
//! ```
//! use clock_core::headers::json;
//!
//! let order = r#"{"_causality":{"event_id":"ev-1","event_type":"order.created","vector":{"orders":1}},"total":42}"#;
//! let trace = json::extract_str(order)?;
//! assert_eq!(trace.causality.get("orders"), 1);
//! let mut answer = serde_json::Map::new();
//! json::inject(&trace, &mut answer)?;
//! assert_eq!(json::extract(&answer)?, trace);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

use super::charset::is_node_name;
use super::entries::check_sendable;
use super::{
    ENTRIES_MAX, EncodeError, EventId, EventType, Expected, LamportTimestamp, Malformed, Trace, TracedEvent,
};
use crate::clocks::MAX_COUNTER;
use crate::id::NodeId;
use crate::versions::VectorTimestamp;

/// The key that causality has in a document.
pub const CAUSALITY_KEY: &str = "_causality";

/// Largest counter that is written: 2^53. Up to it every integer is a number of JavaScript's.
pub const JSON_COUNTER_MAX: u64 = 1 << 53;

const EVENT_ID: &str = "_causality.event_id";
const EVENT_TYPE: &str = "_causality.event_type";
const VECTOR: &str = "_causality.vector";
const PAYLOAD: &str = "payload";

/// Adds causality to a document.
///
/// # Errors
/// [`InjectError`]; the document is as it was.
pub fn inject(trace: &Trace, document: &mut Map<String, Value>) -> Result<(), InjectError> {
    if document.contains_key(CAUSALITY_KEY) {
        return Err(InjectError::KeyTaken);
    }
    document.insert(CAUSALITY_KEY.to_string(), causality(trace)?);
    Ok(())
}

/// Adds causality to a document in place of what it had under the key, which is returned.
///
/// # Errors
/// [`EncodeError`]; the document is as it was.
pub fn replace(trace: &Trace, document: &mut Map<String, Value>) -> Result<Option<Value>, EncodeError> {
    Ok(document.insert(CAUSALITY_KEY.to_string(), causality(trace)?))
}

/// Reads the causality of a parsed document; other fields are the user's. Of a repeated key the parser has
/// kept one: read what others send by [`extract_str`].
///
/// # Errors
/// [`JsonError`].
pub fn extract(document: &Map<String, Value>) -> Result<Trace, JsonError> {
    let causality = document.get(CAUSALITY_KEY).ok_or(JsonError::Absent)?;
    let causality = object(Some(causality), CAUSALITY_KEY)?;
    let event_id = EventId::new(text(causality.get("event_id"), EVENT_ID)?);
    let event_type = EventType::new(text(causality.get("event_type"), EVENT_TYPE)?);
    Ok(Trace {
        event_id: event_id.map_err(|malformed| malformed.within(EVENT_ID))?,
        event_type: event_type.map_err(|malformed| malformed.within(EVENT_TYPE))?,
        causality: vector(object(causality.get("vector"), VECTOR)?)?,
    })
}

/// Reads the causality of a document from its text. Keys that come twice are refused, in the vector and
/// beside it; other fields are passed over.
///
/// # Errors
/// [`JsonError::Absent`] or [`JsonError::Unreadable`].
pub fn extract_str(document: &str) -> Result<Trace, JsonError> {
    let refused =
        |error: serde_json::Error| JsonError::Unreadable { line: error.line(), column: error.column() };
    let ObjectOf(DocumentIn { causality }) = serde_json::from_str(document).map_err(refused)?;
    let ObjectOf(CausalityIn { event_id, event_type, vector }) = causality.ok_or(JsonError::Absent)?;
    Ok(Trace { event_id, event_type, causality: vector })
}

#[derive(Deserialize)]
struct DocumentIn {
    #[serde(rename = "_causality", default, deserialize_with = "present")]
    causality: Option<ObjectOf<CausalityIn>>,
}

#[derive(Deserialize)]
struct CausalityIn {
    event_id: EventId,
    event_type: EventType,
    vector: VectorTimestamp,
}

/// A null is there, and is no object.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A struct that is written with its keys; serde reads one from an array as well.
struct ObjectOf<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for ObjectOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = ObjectOf<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ObjectOf<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(ObjectOf)
    }
}

/// A whole event as a document: its causality, and its payload as an array of numbers. Its time is left out:
/// peers have none in this form.
///
/// # Errors
/// [`EncodeError`].
pub fn event_to_value(event: &TracedEvent) -> Result<Value, EncodeError> {
    let mut document = Map::new();
    replace(event.trace(), &mut document)?;
    document.insert(PAYLOAD.to_string(), event.payload().into());
    Ok(Value::Object(document))
}

/// Reads a whole event from a document.
///
/// # Errors
/// [`JsonError`].
pub fn event_from_value(document: &Value) -> Result<TracedEvent, JsonError> {
    let document = object(Some(document), "document")?;
    Ok(TracedEvent::new(extract(document)?, payload(document.get(PAYLOAD))?))
}

/// A Lamport time as `{"node_id":"order-svc","time":42}`.
///
/// # Errors
/// [`EncodeError::AboveJson`].
pub fn lamport_to_value(lamport: &LamportTimestamp) -> Result<Value, EncodeError> {
    check_counter(lamport.node().as_str(), lamport.time())?;
    let mut value = Map::new();
    value.insert("node_id".to_string(), lamport.node().as_str().into());
    value.insert("time".to_string(), lamport.time().into());
    Ok(Value::Object(value))
}

/// Reads a Lamport time.
///
/// # Errors
/// [`JsonError`].
pub fn lamport_from_value(value: &Value) -> Result<LamportTimestamp, JsonError> {
    let value = object(Some(value), "lamport")?;
    let node = NodeId::new(text(value.get("node_id"), "node_id")?);
    let node = node.map_err(|_illegal| Malformed::new("node_id", 0, 0, Expected::NodeName))?;
    let time = value.get("time").and_then(Value::as_u64);
    let time = time.ok_or(JsonError::Missing { path: "time", expected: "an unsigned integer" })?;
    let refused = |_too_large| Malformed::new("time", 0, 0, Expected::CounterInRange).into();
    LamportTimestamp::new(node, time).map_err(refused)
}

/// Keys in ascending order, so that the bytes are canonical even where the map keeps insertion order.
fn causality(trace: &Trace) -> Result<Value, EncodeError> {
    check_vector(&trace.causality)?;
    let vector = trace.causality.entries().map(|(node, counter)| (node.to_string(), counter.into()));
    let mut causality = Map::new();
    causality.insert("event_id".to_string(), trace.event_id.as_str().into());
    causality.insert("event_type".to_string(), trace.event_type.as_str().into());
    causality.insert("vector".to_string(), Value::Object(vector.collect()));
    Ok(Value::Object(causality))
}

/// Whether a receiver would accept this vector, and read the numbers that it was sent.
pub(super) fn check_vector(vector: &VectorTimestamp) -> Result<(), EncodeError> {
    check_sendable(vector)?;
    vector.entries().try_for_each(|(node, counter)| check_counter(node, counter))
}

pub(super) fn check_counter(node: &str, counter: u64) -> Result<(), EncodeError> {
    if counter > JSON_COUNTER_MAX {
        return Err(EncodeError::AboveJson { node: node.to_string(), counter });
    }
    Ok(())
}

fn vector(entries: &Map<String, Value>) -> Result<VectorTimestamp, JsonError> {
    if entries.len() > ENTRIES_MAX {
        return Err(Malformed::new(VECTOR, ENTRIES_MAX, 0, Expected::FewerEntries).into());
    }
    let mut counters = BTreeMap::new();
    for (place, (node, counter)) in entries.iter().enumerate() {
        let counter = entry(node, counter).map_err(|expected| Malformed::new(VECTOR, place, 0, expected))?;
        counters.insert(node.as_str(), counter);
    }
    let refused = |_refused| Malformed::new(VECTOR, 0, 0, Expected::CounterInRange).into();
    VectorTimestamp::from_entries(counters).map_err(refused)
}

fn entry(node: &str, counter: &Value) -> Result<u64, Expected> {
    if !is_node_name(node.as_bytes()) {
        return Err(Expected::NodeName);
    }
    match counter.as_u64() {
        Some(counter @ 0..=MAX_COUNTER) => Ok(counter),
        Some(_) => Err(Expected::CounterInRange),
        None => Err(Expected::Counter),
    }
}

fn payload(value: Option<&Value>) -> Result<Vec<u8>, JsonError> {
    let missing = JsonError::Missing { path: PAYLOAD, expected: "an array of numbers" };
    let numbers = value.and_then(Value::as_array).ok_or(missing)?;
    let byte = |(place, number): (usize, &Value)| {
        let byte = number.as_u64().and_then(|number| u8::try_from(number).ok());
        byte.ok_or_else(|| Malformed::new(PAYLOAD, place, 0, Expected::Byte).into())
    };
    numbers.iter().enumerate().map(byte).collect()
}

fn object<'a>(value: Option<&'a Value>, path: &'static str) -> Result<&'a Map<String, Value>, JsonError> {
    value.and_then(Value::as_object).ok_or(JsonError::Missing { path, expected: "an object" })
}

fn text<'a>(value: Option<&'a Value>, path: &'static str) -> Result<&'a str, JsonError> {
    value.and_then(Value::as_str).ok_or(JsonError::Missing { path, expected: "a string" })
}

/// Why causality was not added to a document, which is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InjectError {
    /// The document has a `_causality` already: the user's own, or that of an event it arrived with, which
    /// [`replace`] puts aside.
    #[error("the document already has a {CAUSALITY_KEY}")]
    KeyTaken,
    /// The vector cannot be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a document's causality was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The document has no `_causality`: it was sent by someone who does not track it.
    #[error("the document has no {CAUSALITY_KEY}")]
    Absent,
    /// The text is no JSON, or its `_causality` is not legal.
    #[error("line {line}, column {column}: not a document with a legal {CAUSALITY_KEY}")]
    Unreadable {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A value is not there, or is of another type.
    #[error("{path}: expected {expected}")]
    Missing {
        /// Where it should be.
        path: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A value is there and is not legal.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}
