//! Who knows what: members in slots, vectors of counters over them.

mod compact;
mod lanes;
mod membership;
mod named_vector;
mod replica_vector;
mod repr;
#[cfg(feature = "serde")]
mod serde;
mod simd;
mod varint;
mod version_vector;

pub use compact::{CompactError, OtherMembers, VectorReceiver, VectorSender};
pub use membership::{MEMBERS_MAX, Membership, MembershipRefused, Slot};
pub use named_vector::VectorTimestamp;
pub(crate) use named_vector::check_counter;
pub use varint::VarintError;
pub use version_vector::{NotContiguous, SlotExhausted, VECTOR_ENTRIES_MAX, VersionVector};
