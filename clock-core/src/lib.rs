//! Logical clocks, causality, the wire format and the replica: pure code, no I/O and no clock reads.

mod causality;
mod clocks;
#[cfg(feature = "sim")]
mod sim;

pub use causality::{Ordering, compare_entries};
pub use clocks::{
    Clock, ClockError, CounterExhausted, DEFAULT_MAX_DRIFT_MS, HybridClock, HybridError, HybridNodeClock,
    HybridTimestamp, LamportClock, LamportJump, MAX_COUNTER, MAX_JUMP, MAX_WALL_MS, ManualTime, MergeRefused,
    TimeSource, Timestamp, VectorClock, VectorNodeClock,
};
#[cfg(feature = "sim")]
pub use sim::{
    BusError, ClusterNode, Conflict, Event, EventId, Fact, HOLD_BACK_MAX, MAX_MESSAGE_BYTES,
    MAX_PAYLOAD_BYTES, Message, MessageBus, RECIPIENT_CAPACITY, Refusal, SubmitError,
};
