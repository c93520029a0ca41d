//! Causality in binary headers, as Kafka has them. The vector is msgpack, the rest is UTF-8.
//!
//! Not for gRPC, whose binary metadata asks for keys that end in `-bin`: there,
//! [`text_headers`](super::text_headers) go into the ASCII metadata.
//!
//! ```
//! use clock_core::headers::binary_headers;
//! use clock_core::VectorTimestamp;
//!
//! let known = VectorTimestamp::from_entries([("svc-a", 3)])?;
//! let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
//! binary_headers::inject_vector(&known, &mut headers)?;
//! assert_eq!(headers, [("causality-vc".to_owned(), b"\x81\xa5svc-a\x03".to_vec())]);
//! assert_eq!(binary_headers::extract_vector(&headers)?, Some(known));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::ToString;
use alloc::vec::Vec;

use super::carrier::{HeaderCarrier, label, single, single_text};
use super::msgpack::{decode_vector, encode_vector_into};
use super::text::decode_lamport_as;
use super::{EncodeError, EventId, EventType, ExtractError, Field, LamportTimestamp, Trace};
use crate::versions::VectorTimestamp;

/// Writes the three headers of an event.
///
/// # Errors
/// [`EncodeError`]; the carrier is as it was unless it refused.
pub fn inject<C: HeaderCarrier<Value = [u8]>>(trace: &Trace, carrier: &mut C) -> Result<(), EncodeError> {
    inject_vector(&trace.causality, carrier)?;
    carrier.set(Field::EventId.binary_name(), trace.event_id.as_str().as_bytes())?;
    carrier.set(Field::EventType.binary_name(), trace.event_type.as_str().as_bytes())
}

/// Reads the three headers of an event; none if there are none of them, as with a sender that tracks nothing.
///
/// # Errors
/// [`ExtractError`].
pub fn extract<C: HeaderCarrier<Value = [u8]>>(carrier: &C) -> Result<Option<Trace>, ExtractError> {
    let event_id = label(carrier, Field::EventId.binary_name(), EventId::new)?;
    let event_type = label(carrier, Field::EventType.binary_name(), EventType::new)?;
    Trace::of_headers(event_id, event_type, extract_vector(carrier)?, Field::binary_name)
}

/// Writes what the sender knew, for a message that is no event.
///
/// # Errors
/// [`EncodeError`]; the carrier is as it was unless it refused.
pub fn inject_vector<C: HeaderCarrier<Value = [u8]>>(
    vector: &VectorTimestamp,
    carrier: &mut C,
) -> Result<(), EncodeError> {
    let mut value = Vec::new();
    encode_vector_into(vector, &mut value)?;
    carrier.set(Field::Vector.binary_name(), &value)
}

/// Reads what the sender knew, if it says.
///
/// # Errors
/// [`ExtractError`].
pub fn extract_vector<C: HeaderCarrier<Value = [u8]>>(
    carrier: &C,
) -> Result<Option<VectorTimestamp>, ExtractError> {
    let Some(value) = single(carrier, Field::Vector.binary_name())? else { return Ok(None) };
    Ok(Some(decode_vector(value)?))
}

/// Writes a Lamport time.
///
/// # Errors
/// [`EncodeError::CarrierRefused`].
pub fn inject_lamport<C: HeaderCarrier<Value = [u8]>>(
    lamport: &LamportTimestamp,
    carrier: &mut C,
) -> Result<(), EncodeError> {
    carrier.set(Field::Lamport.binary_name(), lamport.to_string().as_bytes())
}

/// Reads the sender's Lamport time, if it says.
///
/// # Errors
/// [`ExtractError`].
pub fn extract_lamport<C: HeaderCarrier<Value = [u8]>>(
    carrier: &C,
) -> Result<Option<LamportTimestamp>, ExtractError> {
    let name = Field::Lamport.binary_name();
    let Some(value) = single_text(carrier, name)? else { return Ok(None) };
    Ok(Some(decode_lamport_as(name, value)?))
}
