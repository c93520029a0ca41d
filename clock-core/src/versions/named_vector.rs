//! Vectors whose members are named by plain strings: what a service sends along with a message.

use alloc::sync::Arc;
use core::fmt;

use super::membership::Slot;
use super::version_vector::VersionVector;
use crate::clocks::{MAX_COUNTER, MergeRefused};

/// What an event knew of, by name of node: an immutable vector. A copy costs one increment.
pub type VectorTimestamp = VersionVector<Arc<str>>;

impl VectorTimestamp {
    /// A timestamp of these entries; zeros are left out, of duplicates the larger counts.
    ///
    /// # Errors
    /// [`MergeRefused::CounterTooLarge`] if a counter is above [`MAX_COUNTER`].
    pub fn from_entries<'a>(entries: impl IntoIterator<Item = (&'a str, u64)>) -> Result<Self, MergeRefused> {
        let checked = entries.into_iter().map(|(node, counter)| {
            check_counter(node, counter)?;
            Ok((Arc::from(node), counter))
        });
        Ok(Self::of_unordered(checked.collect::<Result<_, _>>()?))
    }

    /// The counter of a node; 0 for one never heard of.
    #[must_use]
    pub fn get(&self, node: &str) -> u64 {
        self.upto(node)
    }

    /// The entries in ascending order of names, without zeros.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.iter().map(|(node, counter)| (&**node, counter))
    }

    /// The slot of a node, which becomes a member if it is none.
    pub(crate) fn admit_named(&mut self, node: &str) -> Slot {
        match self.members().slot(node) {
            Some(slot) => slot,
            None => self.admit(node, |node| Arc::from(node)),
        }
    }

    pub(crate) fn raise(&mut self, node: &str, counter: u64) {
        self.raise_with(node, counter, |node| Arc::from(node));
    }
}

/// `{svc-a: 3, svc-b: 1}`.
impl fmt::Display for VectorTimestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, (node, counter)) in self.entries().enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            write!(formatter, "{node}: {counter}")?;
        }
        formatter.write_str("}")
    }
}

fn check_counter(node: &str, incoming: u64) -> Result<(), MergeRefused> {
    if incoming <= MAX_COUNTER {
        return Ok(());
    }
    Err(MergeRefused::CounterTooLarge { node_id: node.into(), incoming, limit: MAX_COUNTER })
}
