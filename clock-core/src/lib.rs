//! Order without agreement on time: logical clocks, causality, and the replica that is built on them.
//!
//! The promise of this crate: it is deterministic, does no I/O, and without the feature `system-time` it never reads a
//! clock. Time, bytes and randomness come in as arguments; what is to be done goes out as values. So a daemon, a test
//! and a simulator run the same code. The feature adds two sources of time to pass in, and nothing here passes them.
//!
//! **New to logical clocks? Read the [`guide`]**: which clock answers which question, and what each cannot tell.
//!
//! Layers, each usable without the next:
//!
//! - **Clocks**: [`LamportClock`], [`VectorClock`] with its [`EventStamp`], [`HybridClock`], and the four-way [`Ordering`].
//!   [`Clock`] is where a clock is plugged into a node, [`TimeSource`] where physical time is.
//! - **What copies contain**: [`Membership`] and [`VersionVector`]; [`Dot`] and [`DotSet`]; [`Siblings`] with their
//!   [`Context`], for the values of a key; [`Stability`], for what may be forgotten. [`VectorSender`] sends vectors as deltas.
//! - **Causality in messages** (feature `headers`): [`headers`] carries it through HTTP, Kafka and JSON, for services in
//!   any language, and sorts and deduplicates what arrives.
//! - **Quorum writes**: [`quorum`] counts the durable copies of a write, and keeps *unknown* apart from *failed*.
//! - **A simulated network** (feature `sim`): [`MessageBus`] partitions, reorders and loses nothing; [`ClusterNode`]
//!   surfaces concurrent events on it, with any [`Clock`].
//! - **The replica** (feature `replica`): [`replica::Replica`] is one station's catalog behind a single entry point;
//!   [`wire`] is what stations say to each other; [`record`] what they write about.
//!
//! ```
//! use clock_core::{Ordering, VectorClock};
//!
//! let mut pacific = VectorClock::new("pacific");
//! let mut indian_ocean = VectorClock::new("indian_ocean");
//! pacific.tick();
//! indian_ocean.tick();
//! assert_eq!(pacific.compare(&indian_ocean), Ordering::Concurrent);
//!
//! indian_ocean.merge(&pacific);
//! assert_eq!(pacific.compare(&indian_ocean), Ordering::Before);
//! ```

#![cfg_attr(not(any(feature = "std", test)), no_std)]
// The documents speak of the whole crate; they are built with all features.
#![cfg_attr(
    not(all(feature = "headers", feature = "replica", feature = "sim")),
    allow(rustdoc::broken_intra_doc_links)
)]

extern crate alloc;

#[cfg(feature = "sim-bugs")]
pub mod bugs;
#[cfg(not(feature = "sim-bugs"))]
mod bugs;
mod causality;
mod clocks;
#[cfg(feature = "replica")]
mod event;
pub mod guide;
#[cfg(feature = "headers")]
pub mod headers;
mod id;
pub mod quorum;
#[cfg(feature = "replica")]
pub mod record;
#[cfg(feature = "replica")]
pub mod replica;
#[cfg(feature = "sim")]
mod sim;
mod versions;
#[cfg(feature = "replica")]
pub mod wire;

pub use causality::{Ordering, compare_entries};
pub use clocks::{
    CachedTime, Clock, ClockError, CounterExhausted, DEFAULT_MAX_DRIFT_MS, DEFAULT_MAX_WALL_JUMP_MS,
    EventStamp, HybridClock, HybridError, HybridNodeClock, HybridSource, HybridStamp, HybridTimestamp,
    InvalidHybrid, InvalidStamp, JumpDetector, JumpingTime, LEASE_MS, LamportClock, LamportExhausted,
    LamportJump, LamportRefused, LeaseError, LeasedHybridClock, MAX_COUNTER, MAX_JUMP, MAX_WALL_MS,
    ManualTime, MergeRefused, REFUSED_PEERS_MAX, ReceiveRefused, RefusalLog, Refused, SkewedTime, TimeSource,
    Timestamp, VectorClock, VectorNodeClock, WallJump,
};
#[cfg(feature = "system-time")]
pub use clocks::{CoarseTime, ExactTime};
#[cfg(feature = "replica")]
pub use event::{BODY_BYTES_MAX, Body, BodyKind, CONTEXT_DOTS_MAX, WriteEvent};
pub use id::{Dot, Incarnation, InvalidId, NODE_BYTES_MAX, NodeId, ReplicaId};
#[cfg(feature = "replica")]
pub use id::{KEY_BYTES_MAX, Key, RequestId};
#[cfg(feature = "sim")]
pub use sim::{
    BusError, ClusterNode, Conflict, Event, EventId, Fact, HOLD_BACK_MAX, MAX_MESSAGE_BYTES,
    MAX_PAYLOAD_BYTES, Message, MessageBus, RECIPIENT_CAPACITY, Refusal, SubmitError,
};
pub use versions::{
    AckRefused, AdvanceRefused, CONTEXT_BYTES_MAX, CompactError, Context, ContextFromTheFuture,
    DOT_RANGES_MAX, DotRange, DotRangeRefused, DotSet, InvalidContext, MEMBERS_MAX, Membership,
    MembershipRefused, OtherMembers, RetireRefused, Retirement, SIBLINGS_MAX, Siblings, SiblingsRefused,
    Slot, SlotExhausted, Stability, TooManySiblings, TranslateRefused, Translation, VECTOR_ENTRIES_MAX,
    VarintError, VectorReceiver, VectorSender, VectorTimestamp, VersionVector,
};
