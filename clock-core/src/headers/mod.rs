//! Causal tracking for services outside the catalog: traced events, and the headers that carry them.
//!
//! A service owns a [`Tracer`]. It [`send`](Tracer::send)s events, which carry what it knew, and
//! [`receive`](Tracer::receive)s those of others. On the way an event is three headers beside the user's
//! payload, in text ([`text_headers`]: HTTP, the ASCII metadata of gRPC), in binary ([`binary_headers`]:
//! Kafka), or a field of a JSON document ([`json`]). The values themselves are made by [`text`], [`msgpack`]
//! and [`positional`].
//!
//! Whoever gets events may drop what is stale and keep what is concurrent ([`Deduplicator`]), put the logs of
//! many services into causal order and see who raced ([`CausalOrder`]), and draw that with ShiViz
//! ([`shiviz`]).
//!
//! ```
//! use clock_core::headers::{CountingSource, EventType, Tracer, text_headers};
//! use clock_core::{NodeId, Ordering};
//! use std::collections::HashMap;
//!
//! let tracer = |name| {
//!     let node = NodeId::new(name)?;
//!     Ok::<_, clock_core::InvalidId>(Tracer::new(node.clone(), CountingSource::after(node, 0)))
//! };
//! let (mut orders, mut billing) = (tracer("orders")?, tracer("billing")?);
//!
//! let order = orders.send(EventType::new("order.created")?, b"42".to_vec(), 0)?;
//! let mut headers: HashMap<String, String> = HashMap::new();
//! text_headers::inject(order.trace(), &mut headers)?;
//! assert_eq!(headers["X-Causality-Vector"], "orders=1");
//!
//! let received = text_headers::extract(&headers)?.expect("the sender tracks causality");
//! billing.receive(&received.causality)?;
//! let invoice = billing.send(EventType::new("invoice.sent")?, Vec::new(), 0)?;
//! assert_eq!(order.compare(&invoice), Ordering::Before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The formats are those of the crate `like-a-clockwork` 0.1.0, so both ends interoperate. What it emits is
//! read; what would corrupt a clock is refused, which is stricter than it is: names outside the charset of
//! [`NodeId`](crate::NodeId), non-canonical numbers, duplicates, trailing bytes, counters above
//! [`MAX_COUNTER`](crate::MAX_COUNTER), anything above a limit below. Each refusal is a [`Malformed`] that
//! names the header, the entry, the byte and what was expected there.
//!
//! Invariants: one encoding is written (entries ascending, no zero, minimal integers), so equal vectors are
//! equal bytes, and it is accepted again; several are read. No input makes a decoder panic or allocate more
//! than a small multiple of its length, but for a [`VectorCodec`], which for a name that the receiver does
//! not know copies the receiver's table of names, whose size is the receiver's own. Nothing here reads a
//! clock or draws randomness.

pub mod binary_headers;
mod carrier;
mod causal_order;
mod charset;
mod codec;
mod cursor;
mod decimal;
mod dedup;
mod display_time;
mod entries;
mod event_id_source;
mod extract_error;
mod field;
#[cfg(test)]
mod golden;
pub mod json;
mod json_event;
mod label;
mod lamport_timestamp;
mod malformed;
pub mod msgpack;
mod pieces;
pub mod positional;
pub mod shiviz;
pub mod text;
pub mod text_headers;
mod traced;
mod tracer;

pub use carrier::{CarrierValue, HeaderCarrier};
pub use causal_order::{
    CausalOrder, Contradiction, FINDINGS_MAX, Gap, LogEntry, Race, SERVICES_MAX, TooManyServices,
};
pub use codec::VectorCodec;
pub use dedup::{Deduplicator, OfferRefused, Offered, Verdict};
pub use display_time::{DisplayTime, TimeText};
pub use event_id_source::{CountingSource, EventIdSource, IdsExhausted, UuidV7Source};
pub use extract_error::ExtractError;
pub use field::Field;
pub use label::{EVENT_ID_BYTES_MAX, EVENT_TYPE_BYTES_MAX, EventId, EventType};
pub use lamport_timestamp::{LamportTimestamp, LamportTooLarge};
pub use malformed::{EncodeError, Expected, Malformed};
pub use traced::{Trace, TracedEvent};
pub use tracer::{ReceiveError, RestoreRefused, SendError, TickError, Tracer};

/// Most entries of a vector in a header: as many as the catalog's own wire format allows.
///
/// An honest vector has an entry per service that ever took part, tens to hundreds.
pub const ENTRIES_MAX: usize = 1024;

/// Most bytes of one header's value: 96 KiB.
///
/// The longest text of [`ENTRIES_MAX`] legal entries, 64 bytes of name and 19 digits each, takes 85 KiB and
/// fits; half would refuse what we emit. Servers and brokers have limits of their own, commonly 8 to 64 KiB.
pub const HEADER_BYTES_MAX: usize = 96 * 1024;
