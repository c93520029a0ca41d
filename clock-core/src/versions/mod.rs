//! Who knows what: members in slots, vectors of counters over them, and sets of events.

mod assemble;
mod checked_merge;
mod compact;
mod context;
mod dot_range;
mod dot_set;
#[cfg(feature = "serde")]
mod dot_set_serde;
mod lanes;
mod membership;
mod named_vector;
#[cfg(feature = "headers")]
mod refill;
mod replica_vector;
mod repr;
mod retirement;
mod runs;
#[cfg(feature = "serde")]
mod serde;
mod siblings;
#[cfg(feature = "serde")]
mod siblings_serde;
mod simd;
mod stability;
pub(crate) mod varint;
mod version_vector;

pub use compact::{CompactError, OtherMembers, VectorReceiver, VectorSender};
pub use context::{CONTEXT_BYTES_MAX, Context, InvalidContext};
pub use dot_range::{DotRange, DotRangeRefused};
pub use dot_set::{DOT_RANGES_MAX, DotSet};
pub use membership::{MEMBERS_MAX, Membership, MembershipRefused, Slot};
pub use named_vector::VectorTimestamp;
pub use replica_vector::AdvanceRefused;
pub use retirement::{RetireRefused, Retirement, TranslateRefused, Translation};
pub use siblings::{ContextFromTheFuture, SIBLINGS_MAX, Siblings, SiblingsRefused, TooManySiblings};
pub use stability::{AckRefused, Stability};
pub use varint::VarintError;
pub use version_vector::{SlotExhausted, VECTOR_ENTRIES_MAX, VersionVector};
