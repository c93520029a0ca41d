//! Causality in text headers: HTTP, and the ASCII metadata of gRPC.
//!
//! ```
//! use clock_core::headers::text_headers;
//! use clock_core::VectorTimestamp;
//! use std::collections::HashMap;
//!
//! let known = VectorTimestamp::from_entries([("svc-a", 3), ("svc-b", 1)])?;
//! let mut headers: HashMap<String, String> = HashMap::new();
//! text_headers::inject_vector(&known, &mut headers)?;
//! assert_eq!(headers["X-Causality-Vector"], "svc-a=3,svc-b=1");
//! assert_eq!(text_headers::extract_vector(&headers)?, Some(known));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::{String, ToString};

use super::carrier::{HeaderCarrier, label, list, single_text};
use super::text::{decode_lamport, decode_vector, encode_vector_into};
use super::{EncodeError, EventId, EventType, ExtractError, Field, LamportTimestamp, Trace};
use crate::versions::VectorTimestamp;

/// Writes the three headers of an event.
///
/// # Errors
/// [`EncodeError`]; the carrier is as it was unless it refused.
pub fn inject<C: HeaderCarrier<Value = str>>(trace: &Trace, carrier: &mut C) -> Result<(), EncodeError> {
    if !trace.event_type.as_str().is_ascii() {
        return Err(EncodeError::NotAscii { event_type: trace.event_type.to_string() });
    }
    inject_vector(&trace.causality, carrier)?;
    carrier.set(Field::EventId.text_name(), trace.event_id.as_str())?;
    carrier.set(Field::EventType.text_name(), trace.event_type.as_str())
}

/// Reads the three headers of an event; none if there are none of them, as with a sender that tracks nothing.
///
/// # Errors
/// [`ExtractError`].
pub fn extract<C: HeaderCarrier<Value = str>>(carrier: &C) -> Result<Option<Trace>, ExtractError> {
    let event_id = label(carrier, Field::EventId.text_name(), EventId::new)?;
    let event_type = label(carrier, Field::EventType.text_name(), EventType::new)?;
    Trace::of_headers(event_id, event_type, extract_vector(carrier)?, Field::text_name)
}

/// Writes what the sender knew, for a call that is no event.
///
/// # Errors
/// [`EncodeError`]; the carrier is as it was unless it refused.
pub fn inject_vector<C: HeaderCarrier<Value = str>>(
    vector: &VectorTimestamp,
    carrier: &mut C,
) -> Result<(), EncodeError> {
    let mut value = String::new();
    encode_vector_into(vector, &mut value)?;
    carrier.set(Field::Vector.text_name(), &value)
}

/// Reads what the sender knew, if it says. Several headers are one list.
///
/// # Errors
/// [`ExtractError`].
pub fn extract_vector<C: HeaderCarrier<Value = str>>(
    carrier: &C,
) -> Result<Option<VectorTimestamp>, ExtractError> {
    let Some(value) = list(carrier, Field::Vector.text_name())? else { return Ok(None) };
    Ok(Some(decode_vector(&value)?))
}

/// Writes a Lamport time.
///
/// # Errors
/// [`EncodeError::CarrierRefused`].
pub fn inject_lamport<C: HeaderCarrier<Value = str>>(
    lamport: &LamportTimestamp,
    carrier: &mut C,
) -> Result<(), EncodeError> {
    carrier.set(Field::Lamport.text_name(), &lamport.to_string())
}

/// Reads the sender's Lamport time, if it says.
///
/// # Errors
/// [`ExtractError`].
pub fn extract_lamport<C: HeaderCarrier<Value = str>>(
    carrier: &C,
) -> Result<Option<LamportTimestamp>, ExtractError> {
    let Some(value) = single_text(carrier, Field::Lamport.text_name())? else { return Ok(None) };
    Ok(Some(decode_lamport(value)?))
}
