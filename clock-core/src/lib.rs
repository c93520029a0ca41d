//! Logical clocks, causality, the wire format and the replica: pure code, no I/O and no clock reads.

mod causality;
mod clocks;
#[cfg(feature = "replica")]
mod event;
#[cfg(feature = "replica")]
mod id;
#[cfg(feature = "replica")]
pub mod record;
#[cfg(feature = "replica")]
pub mod replica;
#[cfg(feature = "sim")]
mod sim;
#[cfg(feature = "replica")]
pub mod wire;

pub use causality::{Ordering, compare_entries};
pub use clocks::{
    Clock, ClockError, CounterExhausted, DEFAULT_MAX_DRIFT_MS, HybridClock, HybridError, HybridNodeClock,
    HybridTimestamp, LamportClock, LamportJump, MAX_COUNTER, MAX_JUMP, MAX_WALL_MS, ManualTime, MergeRefused,
    TimeSource, Timestamp, VectorClock, VectorNodeClock,
};
#[cfg(feature = "replica")]
pub use clocks::{NotContiguous, VECTOR_ENTRIES_MAX, VersionVector};
#[cfg(feature = "replica")]
pub use event::{BODY_BYTES_MAX, Body, BodyKind, CONTEXT_DOTS_MAX, WriteEvent};
#[cfg(feature = "replica")]
pub use id::{
    Dot, Incarnation, InvalidId, KEY_BYTES_MAX, Key, ReplicaId, RequestId, STATION_BYTES_MAX, StationId,
};
#[cfg(feature = "sim")]
pub use sim::{
    BusError, ClusterNode, Conflict, Event, EventId, Fact, HOLD_BACK_MAX, MAX_MESSAGE_BYTES,
    MAX_PAYLOAD_BYTES, Message, MessageBus, RECIPIENT_CAPACITY, Refusal, SubmitError,
};
