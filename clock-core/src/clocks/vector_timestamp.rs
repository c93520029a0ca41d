//! TEMPORARY: a stand-in with the interface of the dense vector, to be dropped when that arrives.

use super::{MergeRefused, VectorClock};
use crate::causality::{Ordering, compare_entries};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

/// The entries of a vector clock at one moment: immutable, cheap to copy, equal exactly when the entries are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VectorTimestamp(Arc<BTreeMap<String, u64>>);

impl VectorTimestamp {
    /// The timestamp of having seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A timestamp of these entries; zeros are left out, of duplicates the larger counts.
    ///
    /// # Errors
    /// [`MergeRefused::CounterTooLarge`] if a counter is above [`MAX_COUNTER`](crate::MAX_COUNTER).
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, u64)>) -> Result<Self, MergeRefused> {
        VectorClock::restored("", entries).map(|clock| clock.timestamp())
    }

    /// How many events of `node` lie in the past; 0 for a node never heard of.
    #[must_use]
    pub fn get(&self, node: &str) -> u64 {
        self.0.get(node).copied().unwrap_or(0)
    }

    /// The entries in ascending order of node id, without zeros.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(node, counter)| (node.as_str(), *counter))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing lies in the past.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How this timestamp relates to the other under happens-before.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_entries(self.entries(), other.entries())
    }

    /// Whether everything in the other's past is in this one's too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.entries().all(|(node, counter)| counter <= self.get(node))
    }
}

impl VectorClock {
    /// What lies in the past now; later ticks do not change it.
    #[must_use]
    pub fn timestamp(&self) -> VectorTimestamp {
        VectorTimestamp(Arc::new(self.entries().map(|(node, counter)| (node.to_owned(), counter)).collect()))
    }

    /// Adds the past of a timestamp that a peer sent. Not an event of its own.
    ///
    /// # Errors
    /// [`MergeRefused`]. The clock is unchanged.
    pub fn try_observe(&mut self, remote: &VectorTimestamp) -> Result<(), MergeRefused> {
        self.check_merge(remote.entries())?;
        for (node, counter) in remote.entries() {
            self.raise(node, counter);
        }
        Ok(())
    }
}
