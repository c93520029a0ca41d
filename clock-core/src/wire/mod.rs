//! Bytes between stations, and between a client and its station. Everything read here is hostile until proven
//! otherwise: limits are enforced before allocation, every length against the bytes that are there.
//!
//! Layers, outermost first: [`frame`] cuts and checks frames by hand, [`message`] says what a frame means,
//! `codec` is the one place that knows the serialiser, [`EncodedEvent`] is a write that travels and is stored as
//! the very bytes its origin made. The byte tables are drawn in docs/protocol.md.

mod bounded;
mod client;
mod codec;
mod event_bytes;
mod field_path;
pub mod frame;
pub mod message;

pub use client::{
    AppliedView, Choice, ConflictView, EntryView, HistoryEntry, LinkView, Notice, Outcome, Receipt, Request,
    RequestError, Response, SiblingSummary, StatusView, VersionView, WriteContext,
};
pub use codec::CodecError;
pub(crate) use event_bytes::EVENT_BYTES_MAX;
pub use event_bytes::{EncodedEvent, EventError};
