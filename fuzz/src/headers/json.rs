//! Causality in JSON: inside of a user's document, and as a whole event.

use clock_core::headers::{TracedEvent, json};
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
        let replaced = json::replace(trace, &mut again).expect("what was read can be sent");
        assert_eq!(replaced.as_ref(), user.get(json::CAUSALITY_KEY), "what was there before");
        assert_eq!(json::extract(&again).as_ref(), Ok(trace), "the causality changed on the way");
    }
    if let Ok(event) = &event {
        assert_eq!(Some(event.trace()), trace.as_ref(), "an event's causality is its document's");
        let again = json::event_to_value(event).expect("what was read can be sent");
        assert_eq!(json::event_from_value(&again).as_ref(), Ok(event), "the event changed on the way");
    }
    if let Ok(lamport) = &lamport {
        hold_node(lamport.node());
        let again = json::lamport_to_value(lamport);
        assert_eq!(json::lamport_from_value(&again).as_ref(), Ok(lamport), "the time changed on the way");
    }
    Outcome::of(trace.is_some() || lamport.is_ok())
}

fn event(meter: &Meter, data: &[u8]) -> Outcome {
    crate::json::round_trip(meter, data, |event: &TracedEvent| hold_trace(event.trace()))
}
