//! A write as bytes: made once by its origin, then relayed and stored unchanged.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | format version, 1 |
//! | 1 | 4 | header length, big-endian |
//! | 5 | 4 | body length, big-endian |
//! | 9 | | header: dot, clocks, delta, context, key, request, kind |
//! | | | body: the raw bytes of the value |
//! | | 4 | CRC32C of all before it, big-endian |
//!
//! The header decodes without the body, so an event whose body a station cannot understand is still ordered,
//! stored and relayed.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::codec::{self, CodecError};
use crate::bugs::{Bug, planted};
use crate::clocks::{HybridTimestamp, MAX_COUNTER};
use crate::event::{BODY_BYTES_MAX, Body, BodyKind, CONTEXT_DOTS_MAX, WriteEvent};
use crate::id::{Dot, Key, ReplicaId, RequestId};
use crate::versions::VECTOR_ENTRIES_MAX;

const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 9;
const CHECKSUM_BYTES: usize = 4;
/// A context of [`CONTEXT_DOTS_MAX`] dots and a full vector of long names.
const HEADER_BYTES_MAX: usize = 192 * 1024;
/// Largest encoded event.
pub(crate) const EVENT_BYTES_MAX: usize = PREFIX_BYTES + HEADER_BYTES_MAX + BODY_BYTES_MAX + CHECKSUM_BYTES;

/// Why bytes are no event. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Cut short, or longer than its lengths say.
    #[error("event of {bytes} bytes: its lengths add up to {expected}")]
    Size {
        /// How many bytes there are.
        bytes: usize,
        /// How many the prefix announces.
        expected: usize,
    },
    /// A format this build does not know.
    #[error("event format {0}: expected {VERSION}")]
    Version(u8),
    /// The bytes were damaged in storage or on the way.
    #[error("event checksum {got:08x}: expected {expected:08x}")]
    Checksum {
        /// Computed over the bytes.
        expected: u32,
        /// Carried by them.
        got: u32,
    },
    /// The header is malformed.
    #[error(transparent)]
    Header(#[from] CodecError),
    /// A field has a value that no station mints.
    #[error("event {dot}: {field} is out of range")]
    Field {
        /// Which event.
        dot: Box<Dot>,
        /// Which field.
        field: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    dot: Dot,
    lamport: u64,
    hlc: HybridTimestamp,
    wall_ms: u64,
    #[serde(deserialize_with = "super::bounded::list::<_, _, VECTOR_ENTRIES_MAX>")]
    delta: Vec<(ReplicaId, u64)>,
    #[serde(deserialize_with = "super::bounded::list::<_, _, CONTEXT_DOTS_MAX>")]
    context: Vec<Dot>,
    key: Key,
    request: RequestId,
    kind: BodyKind,
}

/// The bytes of one write. Cheap to clone; not yet trusted until [`decode`](Self::decode) accepted them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEvent {
    bytes: Bytes,
}

impl EncodedEvent {
    /// Wraps bytes from a frame or from storage.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { bytes }
    }

    /// Encodes a write.
    ///
    /// # Errors
    /// [`EventError`] if it is an event that [`decode`](Self::decode) would refuse.
    pub fn encode(event: &WriteEvent) -> Result<Self, EventError> {
        let header = codec::encode("event header", &header_of(event))?;
        let body = &event.body.bytes;
        let size = PREFIX_BYTES + header.len() + body.len() + CHECKSUM_BYTES;
        let lengths = (u32::try_from(header.len()), u32::try_from(body.len()));
        let (Ok(header_bytes), Ok(body_bytes)) = lengths else { return Err(too_large(size)) };
        if header.len() > HEADER_BYTES_MAX || body.len() > BODY_BYTES_MAX {
            return Err(too_large(size));
        }
        let mut bytes = BytesMut::with_capacity(size);
        bytes.put_u8(VERSION);
        bytes.put_u32(header_bytes);
        bytes.put_u32(body_bytes);
        bytes.put_slice(&header);
        bytes.put_slice(body);
        bytes.put_u32(crc32c::crc32c(&bytes));
        let encoded = Self { bytes: bytes.freeze() };
        // What nobody could read must never be minted, and the limits of reading are written down once.
        encoded.decode()?;
        Ok(encoded)
    }

    /// The same event in memory of its own: cut out of a frame, it would keep the whole frame alive.
    pub(crate) fn detached(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes) }
    }

    /// The bytes as they travel and are stored.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The carried checksum: with the dot, it tells two contents of one dot apart.
    pub fn checksum(&self) -> u32 {
        self.bytes.last_chunk().map_or(0, |tail| u32::from_be_bytes(*tail))
    }

    /// Checks everything and reads the write.
    ///
    /// # Errors
    /// [`EventError`] names the first thing that is wrong.
    pub fn decode(&self) -> Result<WriteEvent, EventError> {
        let (header_bytes, body_bytes) = self.lengths()?;
        let end = self.bytes.len() - CHECKSUM_BYTES;
        let expected = crc32c::crc32c(&self.bytes[..end]);
        if self.checksum() != expected && !planted(Bug::EventChecksumIgnored) {
            return Err(EventError::Checksum { expected, got: self.checksum() });
        }
        let body = self.bytes.slice(PREFIX_BYTES + header_bytes..PREFIX_BYTES + header_bytes + body_bytes);
        let header = codec::decode("event header", &self.bytes[PREFIX_BYTES..PREFIX_BYTES + header_bytes])?;
        validated(header, body)
    }

    fn lengths(&self) -> Result<(usize, usize), EventError> {
        let bytes = self.bytes.len();
        let mut prefix = &self.bytes[..bytes.min(PREFIX_BYTES)];
        if prefix.len() < PREFIX_BYTES {
            return Err(EventError::Size { bytes, expected: PREFIX_BYTES });
        }
        let version = prefix.get_u8();
        if version != VERSION {
            return Err(EventError::Version(version));
        }
        let mut length = || usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
        let (header_bytes, body_bytes) = (length(), length());
        let expected = header_bytes.saturating_add(body_bytes).saturating_add(PREFIX_BYTES + CHECKSUM_BYTES);
        if bytes != expected || header_bytes > HEADER_BYTES_MAX || body_bytes > BODY_BYTES_MAX {
            return Err(EventError::Size { bytes, expected });
        }
        Ok((header_bytes, body_bytes))
    }
}

fn too_large(bytes: usize) -> EventError {
    EventError::Size { bytes, expected: EVENT_BYTES_MAX }
}

fn header_of(event: &WriteEvent) -> Header {
    Header {
        dot: event.dot.clone(),
        lamport: event.lamport,
        hlc: event.hlc,
        wall_ms: event.wall_ms,
        delta: event.delta.clone(),
        context: event.context.clone(),
        key: event.key.clone(),
        request: event.request,
        kind: event.body.kind,
    }
}

/// What a station never mints is refused: zero or huge counters, lists that are not strictly ascending, an entry
/// for itself in its own delta, its own dot in its own context.
fn validated(header: Header, body: Bytes) -> Result<WriteEvent, EventError> {
    let in_range = |counter: u64| (1..=MAX_COUNTER).contains(&counter);
    let delta_ok = header.delta.is_sorted_by(|left, right| left.0 < right.0)
        && header.delta.iter().all(|(replica, seq)| in_range(*seq) && *replica != header.dot.replica);
    let context_ok = header.context.is_sorted_by(|left, right| left < right)
        && header.context.iter().all(|dot| in_range(dot.seq) && *dot != header.dot);
    let checks = [
        ("sequence", in_range(header.dot.seq)),
        ("lamport time", in_range(header.lamport)),
        ("delta", delta_ok),
        ("context", context_ok),
    ];
    if let Some((field, _)) = checks.into_iter().find(|(_, ok)| !ok) {
        return Err(EventError::Field { dot: Box::new(header.dot), field });
    }
    let Header { dot, lamport, hlc, wall_ms, delta, context, key, request, kind } = header;
    let body = Body { kind, bytes: body };
    Ok(WriteEvent { dot, lamport, hlc, wall_ms, delta, context, key, request, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = concat!(
        "010000003f0000000f077061636966696301020709fd0068e5cf8b010000010861746c616e746963",
        "0203010861746c616e74696302030f4d53532d31372f617474697475646505c866726f6d20746865",
        "20667574757265422500bc",
    );

    fn event() -> WriteEvent {
        WriteEvent {
            dot: "pacific.00000001:2".parse().unwrap(),
            lamport: 7,
            hlc: HybridTimestamp::from_packed(9),
            wall_ms: 1_700_000_000_000,
            delta: vec![("atlantic.00000002".parse().unwrap(), 3)],
            context: vec!["atlantic.00000002:3".parse().unwrap()],
            key: Key::new("MSS-17/attitude").unwrap(),
            request: RequestId(5),
            body: Body { kind: BodyKind(200), bytes: Bytes::from_static(b"from the future") },
        }
    }

    #[test]
    fn an_event_survives_its_bytes_even_with_an_unknown_body() {
        let encoded = EncodedEvent::encode(&event()).unwrap();
        assert_eq!(EncodedEvent::from_bytes(encoded.as_bytes().clone()).decode(), Ok(event()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let encoded = EncodedEvent::encode(&event()).unwrap();
        let bytes = encoded.as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(EncodedEvent::from_bytes(damaged.into()).decode().is_err(), "bit {bit} went unnoticed");
        }
        for end in 0..bytes.len() {
            assert!(
                EncodedEvent::from_bytes(bytes.slice(..end)).decode().is_err(),
                "cut at {end} went unnoticed"
            );
        }
    }

    /// Stored events and events of other stations outlive this build: their bytes may change only with the version.
    #[test]
    fn the_bytes_of_an_event_never_change() {
        let encoded = EncodedEvent::encode(&event()).unwrap();
        let hex: String = encoded.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
    }

    #[test]
    fn what_no_station_mints_is_refused() {
        let refused = |change: fn(&mut WriteEvent), field: &'static str| {
            let mut event = event();
            change(&mut event);
            let error = EncodedEvent::encode(&event).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        };
        refused(|event| event.dot.seq = MAX_COUNTER + 1, "sequence");
        refused(|event| event.lamport = u64::MAX, "lamport time");
        refused(|event| event.delta[0].1 = u64::MAX, "delta");
        refused(|event| event.delta[0].0 = event.dot.replica.clone(), "delta");
        refused(|event| event.context.push(event.context[0].clone()), "context");
        refused(|event| event.context = vec![event.dot.clone()], "context");
    }
}
