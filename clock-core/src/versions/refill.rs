//! A received vector, which is filled again and again in the same memory.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::membership::Membership;
use super::named_vector::VectorTimestamp;

impl VectorTimestamp {
    /// All counters 0, over these members.
    pub(crate) fn restart(&mut self, members: &Membership<Arc<str>>) {
        match self.members().is_same(members) {
            true => self.lanes_mut().fill(0),
            false => *self = Self::over(members),
        }
    }

    /// By slot, a place for each member; to be set to at most [`MAX_COUNTER`](crate::MAX_COUNTER).
    #[inline]
    pub(crate) fn lanes_mut(&mut self) -> &mut [u64] {
        self.repr.lanes_mut()
    }

    /// Adds entries of nodes that are no members yet, each once.
    pub(crate) fn add_unknown(&mut self, mut unknown: Vec<(Arc<str>, u64)>) {
        unknown.retain(|(_, counter)| *counter != 0);
        if unknown.is_empty() {
            return;
        }
        unknown.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let known = self.repr.lanes().iter().copied().take(self.members().len());
        let lanes: Vec<u64> = known.chain(unknown.iter().map(|(_, counter)| *counter)).collect();
        let members = self.members().extended(unknown.into_iter().map(|(node, _)| node));
        *self = Self::from_lanes(members, &lanes);
    }
}
