//! What the two vector decoders share: duplicates are refused, and what is left becomes a vector.
//!
//! We emit entries in ascending order, and then one comparison per entry proves that no node comes twice.
//! Other senders emit them in the order of a hash map. At the first step down the names so far are read a
//! second time, into a set that catches duplicates from there on: O(n log n) at worst, and no allocation for
//! our own senders.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter;

use super::charset::is_node_name;
use super::{ENTRIES_MAX, EncodeError, Expected, Malformed};
use crate::clocks::MAX_COUNTER;
use crate::id::NODE_BYTES_MAX;
use crate::versions::VectorTimestamp;

/// One entry of a vector: a node and its counter.
pub(super) type Entry<'a> = (&'a str, u64);

/// Reads entries one by one, in the order of the input, with no thought for duplicates.
pub(super) trait ReadEntries<'a>: Clone {
    /// The next entry, if there is one. Not called again after a refusal or the end.
    fn read(&mut self) -> Option<Result<Entry<'a>, Malformed>>;

    /// A refusal of the entry that was read last.
    fn refuse(&self, expected: Expected) -> Malformed;
}

/// The entries of a reader, each node at most once; ends with the first refusal.
#[derive(Clone, Debug)]
pub(super) struct Distinct<'a, R> {
    start: R,
    rest: R,
    count: usize,
    last: &'a [u8],
    seen: Option<BTreeSet<&'a str>>,
    ended: bool,
}

impl<'a, R: ReadEntries<'a>> Distinct<'a, R> {
    pub(super) fn new(reader: R) -> Self {
        Self { start: reader.clone(), rest: reader, count: 0, last: b"", seen: None, ended: false }
    }

    /// A refusal of the entry that was returned last.
    pub(super) fn refuse(&self, expected: Expected) -> Malformed {
        self.rest.refuse(expected)
    }

    /// What is left of the input after the last entry.
    pub(super) fn into_reader(self) -> R {
        self.rest
    }

    fn accept(&mut self, name: &'a str) -> Result<(), Malformed> {
        if self.count == ENTRIES_MAX {
            return Err(self.refuse(Expected::FewerEntries));
        }
        if self.seen.is_none() && name.as_bytes() > self.last {
            self.last = name.as_bytes();
        } else if !self.is_new(name) {
            return Err(self.refuse(Expected::DistinctNames));
        }
        self.count += 1;
        Ok(())
    }

    #[cold]
    fn is_new(&mut self, name: &'a str) -> bool {
        let (start, count) = (&self.start, self.count);
        let seen = self.seen.get_or_insert_with(|| names(start.clone(), count));
        seen.insert(name)
    }
}

fn names<'a>(mut reader: impl ReadEntries<'a>, count: usize) -> BTreeSet<&'a str> {
    let entries = iter::from_fn(|| reader.read()).take(count);
    entries.filter_map(|entry| entry.ok().map(|(name, _)| name)).collect()
}

impl<'a, R: ReadEntries<'a>> Iterator for Distinct<'a, R> {
    type Item = Result<Entry<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.rest.read();
        let entry =
            entry.map(|entry| entry.and_then(|(name, counter)| self.accept(name).map(|()| (name, counter))));
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

/// Reads all entries into a vector. Zeros are dropped, which is the normal form; a counter above
/// [`MAX_COUNTER`] is refused.
pub(super) fn collect<'a, R: ReadEntries<'a>>(
    entries: &mut Distinct<'a, R>,
) -> Result<VectorTimestamp, Malformed> {
    let mut unknown = Vec::new();
    while let Some(entry) = entries.next() {
        let (name, counter) = entry?;
        if counter > MAX_COUNTER {
            return Err(entries.refuse(Expected::CounterInRange));
        }
        unknown.push((Arc::from(name), counter));
    }
    let mut vector = VectorTimestamp::new();
    vector.add_unknown(unknown);
    Ok(vector)
}

/// Whether a receiver would accept this vector.
pub(super) fn check_sendable(vector: &VectorTimestamp) -> Result<(), EncodeError> {
    if vector.len() > ENTRIES_MAX {
        return Err(EncodeError::TooManyEntries { entries: vector.len() });
    }
    unsendable_name(vector).map_or(Ok(()), Err)
}

/// What is wrong with the first name that no receiver would accept.
pub(super) fn unsendable_name(vector: &VectorTimestamp) -> Option<EncodeError> {
    let (name, _) = vector.entries().find(|(name, _)| !is_node_name(name.as_bytes()))?;
    Some(EncodeError::NodeName { node: name.chars().take(NODE_BYTES_MAX).collect() })
}
