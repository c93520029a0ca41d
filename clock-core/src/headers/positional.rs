//! Whole values in msgpack, as `rmp_serde::to_vec` writes structs: arrays of the fields in order, without
//! names.
//!
//! | value | bytes |
//! |---|---|
//! | event | array of 5: type, payload (array of numbers), vector, id, time or nil |
//! | vector | array of 1: the map of [`msgpack`] |
//!
//! The header form of a vector is the bare map; this one is only found inside of an event.

use alloc::vec::Vec;

use super::cursor::{Cursor, write_array_len, write_text, write_unsigned};
use super::display_time::TIME_BYTES_MAX;
use super::label::{EVENT_ID_BYTES_MAX, EVENT_TYPE_BYTES_MAX};
use super::msgpack::{self, decode_vector_at};
use super::{DisplayTime, EncodeError, EventId, EventType, Expected, Malformed, Trace, TracedEvent};
use crate::versions::VectorTimestamp;

const EVENT: &str = "msgpack TracedEvent";
const VECTOR: &str = "msgpack VectorTimestamp";
const NIL: u8 = 0xc0;

/// Writes an event behind what `out` holds.
///
/// # Errors
/// [`EncodeError`] if no receiver would accept it; `out` is as it was.
pub fn encode_event_into(event: &TracedEvent, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let payload = event.payload();
    if u32::try_from(payload.len()).is_err() {
        return Err(EncodeError::PayloadTooLong { bytes: payload.len() });
    }
    let mut vector = Vec::new();
    encode_vector_into(event.causality(), &mut vector)?;
    write_array_len(5, out);
    write_text(event.event_type().as_str(), out);
    write_array_len(payload.len(), out);
    for byte in payload {
        write_unsigned(u64::from(*byte), out);
    }
    out.extend_from_slice(&vector);
    write_text(event.event_id().as_str(), out);
    match event.time() {
        None => out.push(NIL),
        Some(DisplayTime::Number(number)) => write_unsigned(*number, out),
        Some(DisplayTime::Text(text)) => write_text(text.as_str(), out),
    }
    Ok(())
}

/// Writes a vector behind what `out` holds.
///
/// # Errors
/// [`EncodeError`] if no receiver would accept it; `out` is as it was.
pub fn encode_vector_into(vector: &VectorTimestamp, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    write_array_len(1, out);
    msgpack::encode_vector_into(vector, out).inspect_err(|_refused| out.truncate(start))
}

/// Reads an event that is all of `bytes`.
///
/// # Errors
/// [`Malformed`].
pub fn decode_event(bytes: &[u8]) -> Result<TracedEvent, Malformed> {
    let mut cursor = Cursor::new(EVENT, bytes);
    array_of(5, &mut cursor)?;
    let event_type = label(&mut cursor, EVENT_TYPE_BYTES_MAX, Expected::EventType, EventType::new)?;
    let payload = payload(&mut cursor)?;
    let causality = vector(&mut cursor)?;
    let event_id = label(&mut cursor, EVENT_ID_BYTES_MAX, Expected::EventId, EventId::new)?;
    let time = time(&mut cursor)?;
    end(&cursor)?;
    Ok(TracedEvent::new(Trace { event_id, event_type, causality }, payload).with_time(time))
}

/// Reads a vector that is all of `bytes`.
///
/// # Errors
/// [`Malformed`], also for a counter above [`MAX_COUNTER`](crate::MAX_COUNTER).
pub fn decode_vector(bytes: &[u8]) -> Result<VectorTimestamp, Malformed> {
    let mut cursor = Cursor::new(VECTOR, bytes);
    let vector = vector(&mut cursor)?;
    end(&cursor)?;
    Ok(vector)
}

fn array_of(elements: u32, cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    let start = cursor.clone();
    match cursor.array_len() {
        Ok(len) if u32::try_from(len) == Ok(elements) => Ok(()),
        Ok(_) | Err(Expected::Array) => Err(start.refuse(Expected::ArrayOf(elements))),
        Err(expected) => Err(start.refuse(expected)),
    }
}

fn vector(cursor: &mut Cursor<'_>) -> Result<VectorTimestamp, Malformed> {
    array_of(1, cursor)?;
    decode_vector_at(cursor)
}

fn end(cursor: &Cursor<'_>) -> Result<(), Malformed> {
    if cursor.remaining() > 0 { Err(cursor.refuse(Expected::End)) } else { Ok(()) }
}

fn label<T>(
    cursor: &mut Cursor<'_>,
    bytes_max: usize,
    expected: Expected,
    check: fn(&str) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    let start = cursor.clone();
    let bytes = cursor.text_bytes(bytes_max, expected).map_err(|expected| start.refuse(expected))?;
    let text = core::str::from_utf8(bytes).map_err(|_broken| start.refuse(Expected::Utf8))?;
    check(text).map_err(|_illegal| start.refuse(expected))
}

/// Grows with the elements that are there, whatever the array claims.
fn payload(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Malformed> {
    let len = cursor.array_len().map_err(|expected| cursor.refuse(expected))?;
    let mut payload = Vec::with_capacity(len.min(cursor.remaining()));
    for _ in 0..len {
        let start = cursor.clone();
        let number = cursor.unsigned().map_err(|expected| match expected {
            Expected::MoreBytes => start.refuse(expected),
            _ => start.refuse(Expected::Byte),
        })?;
        payload.push(u8::try_from(number).map_err(|_wide| start.refuse(Expected::Byte))?);
    }
    Ok(payload)
}

fn time(cursor: &mut Cursor<'_>) -> Result<Option<DisplayTime>, Malformed> {
    if cursor.is_nil().map_err(|expected| cursor.refuse(expected))? {
        return Ok(None);
    }
    match cursor.unsigned() {
        Ok(number) => Ok(Some(DisplayTime::Number(number))),
        Err(Expected::MoreBytes) => Err(cursor.refuse(Expected::MoreBytes)),
        Err(_no_number) => label(cursor, TIME_BYTES_MAX, Expected::TimeOrNone, DisplayTime::text).map(Some),
    }
}
