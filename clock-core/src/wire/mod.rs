//! Bytes between stations, and between a client and its station. Everything read here is hostile until proven
//! otherwise: limits are enforced before allocation, every length against the bytes that are there.
//!
//! Layers, outermost first: [`frame`] cuts and checks frames by hand, [`message`] says what a frame means,
//! `codec` is the one place that knows the serialiser, [`EncodedEvent`] is a write that travels and is stored as
//! the very bytes its origin made. The byte tables are drawn in docs/protocol.md.

mod bounded;
mod codec;
mod event_bytes;
mod field_path;
pub mod frame;
mod lineage_view;
pub mod message;
mod request;
mod request_error;
mod response;
mod view;

pub use codec::CodecError;
pub(crate) use event_bytes::EVENT_BYTES_MAX;
pub use event_bytes::{EncodedEvent, EventError};
pub use lineage_view::{ImpactView, StationImpact, WhyView};
pub use request::{
    BATCH_WRITES_MAX, Change, Choice, Copies, DEADLINE_MS_MAX, InvalidCopies, Request, SNAPSHOT_KEYS_MAX,
    Terms, Write, WriteContext,
};
pub use request_error::RequestError;
pub use response::{Outcome, Receipt, Response};
pub use view::{
    AppliedView, ConflictView, EntryView, HistoryEntry, LinkView, Notice, Presence, SUMMARY_VALUE_BYTES_MAX,
    SiblingSummary, SnapshotEntry, SnapshotVersion, StatusView, VersionView,
};
