//! Building a vector from many entries at once: one table and one allocation, however many there are.

use alloc::vec::Vec;

use super::membership::Membership;
use super::version_vector::VersionVector;

impl<K: Ord + Clone> VersionVector<K> {
    /// A vector of entries in any order; zeros are left out, of duplicates the larger counts. Each counter is at most
    /// [`MAX_COUNTER`](crate::MAX_COUNTER).
    pub(super) fn of_unordered(mut entries: Vec<(K, u64)>) -> Self {
        entries.retain(|(_, counter)| *counter != 0);
        entries.sort_unstable_by(|(left, a), (right, b)| left.cmp(right).then(b.cmp(a)));
        entries.dedup_by(|later, kept| later.0 == kept.0);
        let (ids, counters): (Vec<K>, Vec<u64>) = entries.into_iter().unzip();
        Self::from_lanes(Membership::of_ascending(ids, 1), &counters)
    }
}
