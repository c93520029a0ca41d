//! The sending end.

use alloc::vec::Vec;
use core::fmt;

use super::OtherMembers;
use super::end::End;
use crate::id::ReplicaId;
use crate::versions::{Membership, VersionVector};

/// The sending end of a stream of vectors.
#[derive(Clone, Debug)]
pub struct VectorSender<K = ReplicaId> {
    end: End<K>,
    /// Whether the receiver has our base.
    is_established: bool,
}

impl<K: Ord + Clone + fmt::Display> VectorSender<K> {
    /// A sender of vectors over these members. Its first message is a whole vector.
    #[must_use]
    pub fn new(members: &Membership<K>) -> Self {
        Self { end: End::new(members), is_established: false }
    }

    /// Makes the next message a whole vector: after a reconnect, or when the receiver says it lost the base.
    pub fn reset(&mut self) {
        self.is_established = false;
    }

    /// Appends the vector's encoding: a delta where the receiver has the base and few entries rose, else the whole vector.
    ///
    /// # Errors
    /// [`OtherMembers`] if the vector is not over the sender's members, in the same slots.
    pub fn encode(&mut self, vector: &VersionVector<K>, out: &mut Vec<u8>) -> Result<(), OtherMembers> {
        if !self.end.is_over(vector.members()) {
            return Err(OtherMembers);
        }
        if self.is_established {
            self.end.find_changes(vector);
            if self.end.is_delta_worth_it() {
                self.end.encode_delta(out);
                self.end.apply_changes();
                return Ok(());
            }
        }
        self.end.encode_whole(vector, out);
        self.end.replace_base(vector.used_lanes());
        self.is_established = true;
        Ok(())
    }
}
