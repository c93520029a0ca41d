//! Causality in JSON: inside of a user's document, and as a whole event.

use clock_core::headers::{EncodeError, TracedEvent, json};
use serde_json::Value;

use super::{INPUT_BYTES_MAX, SMALL_MULTIPLE};
use crate::allocation::Meter;
use crate::decoder::{Decoder, Outcome};
use crate::promises::{hold_node, hold_trace};

/// The `_causality` of a document, an event as a document, and a Lamport time. Parsing the document is the user's.
pub static DOCUMENT_JSON: Decoder = Decoder {
    name: "document_json",
    check: document,
    limit: SMALL_MULTIPLE,
    input_bytes_max: INPUT_BYTES_MAX,
};
/// An event by the serde form of its struct.
pub static EVENT_JSON: Decoder =
    Decoder { name: "event_json", check: event, limit: SMALL_MULTIPLE, input_bytes_max: INPUT_BYTES_MAX };

fn document(meter: &Meter, data: &[u8]) -> Outcome {
    let value = serde_json::from_slice::<Value>(data).unwrap_or_default();
    let extracted = meter.decode(data.len(), || value.as_object().map(json::extract));
    let event = meter.decode(data.len(), || json::event_from_value(&value));
    let lamport = meter.decode(data.len(), || json::lamport_from_value(&value));
    let trace = extracted.and_then(Result::ok);
    if let (Some(trace), Some(user)) = (&trace, value.as_object()) {
        hold_trace(trace);
        let mut again = user.clone();
        if let Some(replaced) = sent(json::replace(trace, &mut again), trace.causality.entries()) {
            assert_eq!(replaced.as_ref(), user.get(json::CAUSALITY_KEY), "what was there before");
            assert_eq!(json::extract(&again).as_ref(), Ok(trace), "the causality changed on the way");
        }
    }
    if let Ok(event) = &event {
        assert_eq!(Some(event.trace()), trace.as_ref(), "an event's causality is its document's");
        if let Some(again) = sent(json::event_to_value(event), event.causality().entries()) {
            assert_eq!(json::event_from_value(&again).as_ref(), Ok(event), "the event changed on the way");
        }
    }
    if let Ok(lamport) = &lamport {
        hold_node(lamport.node());
        let entries = [(lamport.node().as_str(), lamport.time())];
        if let Some(again) = sent(json::lamport_to_value(lamport), entries.into_iter()) {
            assert_eq!(json::lamport_from_value(&again).as_ref(), Ok(lamport), "the time changed on the way");
        }
    }
    Outcome::of(trace.is_some() || lamport.is_ok())
}

/// What was read can be sent again, but for numbers that JSON's readers round, which are refused by name.
fn sent<'a, T>(
    written: Result<T, EncodeError>,
    mut entries: impl Iterator<Item = (&'a str, u64)>,
) -> Option<T> {
    let is_rounded = entries.any(|(_, counter)| counter > json::JSON_COUNTER_MAX);
    match written {
        Ok(value) => {
            assert!(!is_rounded, "a number above 2^53 was written");
            Some(value)
        }
        Err(EncodeError::AboveJson { .. }) if is_rounded => None,
        Err(other) => panic!("what was read can be sent: {other}"),
    }
}

fn event(meter: &Meter, data: &[u8]) -> Outcome {
    let Ok(event) = meter.decode(data.len(), || serde_json::from_slice::<TracedEvent>(data)) else {
        return Outcome::Refused;
    };
    hold_trace(event.trace());
    let is_rounded = event.causality().entries().any(|(_, counter)| counter > json::JSON_COUNTER_MAX);
    match serde_json::to_vec(&event) {
        Ok(again) => {
            assert!(!is_rounded, "a number above 2^53 was written");
            let back: TracedEvent = serde_json::from_slice(&again).expect("what was written can be read");
            assert_eq!(back, event, "the event changed on the way");
        }
        Err(refusal) => assert!(is_rounded, "what was read can be sent: {refusal}"),
    }
    Outcome::Accepted
}
