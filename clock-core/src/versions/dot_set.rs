//! The dot set: exactly which events a node holds, when they did not arrive in order.
//!
//! A version vector can say "everything up to 7", but not "and also 9". What a node holds while messages overtake each
//! other, or while anti-entropy fetches old events and new ones arrive, is such a set. A plain set of dots grows with
//! history. Approach: a *base*, the contiguous prefix of every replica as a [`VersionVector`], and beyond it the runs
//! that are still cut off from it. Once the gaps are filled nothing but the vector is left.
//!
//! Invariant: one set has one form. A run never touches the prefix (it would have been absorbed) or another run, so
//! `==`, `Hash` and [`compare`](DotSet::compare) are about the set and nothing else.
//!
//! This module grants no order to events: a set with a gap is not a causal past.
//!
//! Sources: Almeida et al., *Scalable and Accurate Causality Tracking for Eventually Consistent Stores*, DAIS 2014;
//! Malkhi and Terry, *Concise version vectors in WinFS*, Distributed Computing 2007, for vectors with exceptions.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use super::dot_range::{DotRange, DotRangeRefused};
use super::runs::{Run, Runs};
use super::version_vector::{VECTOR_ENTRIES_MAX, VersionVector};
use crate::causality::Ordering;
use crate::clocks::{MAX_COUNTER, MAX_JUMP};
use crate::id::{Dot, ReplicaId};

/// Most ranges in a set that is stored or comes from outside: a full vector of prefixes and three gaps in each.
pub const DOT_RANGES_MAX: usize = 4096;

/// A set of events, as contiguous prefixes and the runs beyond them. Grows with the gaps, not with the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DotSet {
    base: VersionVector,
    /// No entry is empty.
    beyond: BTreeMap<ReplicaId, Runs>,
}

impl DotSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { base: VersionVector::new(), beyond: BTreeMap::new() }
    }

    /// A set of what a peer sent, in any order and overlapping at will: its claim, apart from what is held here. To add it
    /// to that, use [`try_merge`](Self::try_merge).
    ///
    /// # Errors
    /// [`DotRangeRefused::TooMany`] as soon as more than `limit` ranges came.
    pub fn from_ranges(
        ranges: impl IntoIterator<Item = DotRange>,
        limit: usize,
    ) -> Result<Self, DotRangeRefused> {
        let mut set = Self::new();
        for (index, range) in ranges.into_iter().enumerate() {
            if index >= limit {
                return Err(DotRangeRefused::TooMany { limit });
            }
            set.insert_range(&range);
        }
        Ok(set)
    }

    /// Adds an event. True if it is new. A dot outside 1 to [`MAX_COUNTER`] names no event: it is not added, not held.
    ///
    /// For events that are known to be real, as all forms without `try_`. For what a peer named there is
    /// [`try_insert`](Self::try_insert).
    ///
    /// Costs the look-up of the replica while events come in order; otherwise also a search among its runs, and moving
    /// those after it.
    pub fn insert(&mut self, dot: &Dot) -> bool {
        let is_new = (1..=MAX_COUNTER).contains(&dot.seq) && !self.contains(dot);
        if is_new {
            self.add(&dot.replica, Run::one(dot.seq));
        }
        is_new
    }

    /// Adds an event that a peer named. True if it is new.
    ///
    /// # Errors
    /// [`DotRangeRefused`] as of [`try_insert_range`](Self::try_insert_range), or if the dot names no event.
    pub fn try_insert(&mut self, dot: &Dot) -> Result<bool, DotRangeRefused> {
        let range = DotRange::new(dot.replica.clone(), dot.seq, dot.seq)?;
        let is_new = !self.contains(dot);
        self.try_insert_range(&range)?;
        Ok(is_new)
    }

    /// Adds a range that a peer sent.
    ///
    /// # Errors
    /// [`DotRangeRefused`] if it ends more than [`MAX_JUMP`] beyond the last event held of its replica, or if the set
    /// would get too large to be stored. Nothing was changed.
    pub fn try_insert_range(&mut self, range: &DotRange) -> Result<(), DotRangeRefused> {
        self.check_jump(&range.replica, range.run.upto)?;
        if self.range_count() < DOT_RANGES_MAX && self.replica_count() < VECTOR_ENTRIES_MAX {
            self.insert_range(range);
            return Ok(());
        }
        // At the limit it may still close a gap, or be held already.
        let mut result = self.clone();
        result.insert_range(range);
        result.check_size()?;
        *self = result;
        Ok(())
    }

    /// Adds all events of a range that is known to be real: any number of them. For what a peer sent there is
    /// [`try_insert_range`](Self::try_insert_range).
    pub fn insert_range(&mut self, range: &DotRange) {
        self.add(&range.replica, range.run);
    }

    /// Whether the event is held.
    #[must_use]
    pub fn contains(&self, dot: &Dot) -> bool {
        dot.seq != 0 && self.holds(&dot.replica, Run::one(dot.seq))
    }

    /// Whether every event of `other` is held. Costs a pass over its vector and a search for each of its runs.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        // If a prefix of ours is shorter, the event after it is missing, or the prefix would be longer.
        self.base.contains(&other.base)
            && other.beyond.iter().all(|(replica, runs)| runs.iter().all(|run| self.holds(replica, run)))
    }

    /// How two sets relate by inclusion: `Before` if `self` is a proper part of `other`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        Ordering::from_dominance(!other.contains_all(self), !self.contains_all(other))
    }

    /// The contiguous part: of each replica, the last event up to which none is missing.
    #[must_use]
    pub fn base(&self) -> &VersionVector {
        &self.base
    }

    /// Whether there is nothing beyond the [`base`](Self::base): the set is a causal past as far as each replica goes.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        self.beyond.is_empty()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_empty() && self.beyond.is_empty()
    }

    /// How many events are held; `u64::MAX` if there are more than that.
    #[must_use]
    pub fn count(&self) -> u64 {
        let runs = self.beyond.values().flat_map(Runs::iter).map(|run| run.upto - run.first + 1);
        let prefixes = self.base.iter().map(|(_, upto)| upto);
        prefixes.chain(runs).fold(0, u64::saturating_add)
    }

    /// How many ranges the set takes: its size in memory and on a wire. Who takes dots from peers bounds this.
    #[must_use]
    pub fn range_count(&self) -> usize {
        self.base.len() + self.beyond.values().map(Runs::len).sum::<usize>()
    }

    /// The set as ranges, ascending by replica and number, with a hole between each two of one replica.
    pub fn ranges(&self) -> impl Iterator<Item = DotRange> {
        self.by_replica().flat_map(|(replica, runs)| ranges_of(replica, &runs))
    }

    /// The events, ascending by replica and number. Made one by one as they are asked for.
    pub fn dots(&self) -> impl Iterator<Item = Dot> {
        self.ranges().flat_map(|range| {
            let DotRange { replica, run } = range;
            (run.first..=run.upto).map(move |seq| Dot { replica: replica.clone(), seq })
        })
    }

    /// What is held here and not in `other`, ascending. For anti-entropy: `theirs.difference(&ours)` is what to ask
    /// them for, `ours.difference(&theirs)` what to send.
    ///
    /// Costs one pass over the runs of `self` with a search in those of `other`; events are not counted out.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<DotRange> {
        let missing = |(replica, runs): (&ReplicaId, Runs)| {
            let rest = runs.minus(&other.runs_of(replica));
            ranges_of(replica, &rest).collect::<Vec<_>>()
        };
        self.by_replica().flat_map(missing).collect()
    }

    /// Adds all events of a set that a peer sent. Costs a copy.
    ///
    /// # Errors
    /// [`DotRangeRefused`] if the set goes more than [`MAX_JUMP`] beyond the last event held of a replica, or if the union
    /// would be too large to be stored. Nothing was changed.
    pub fn try_merge(&mut self, other: &Self) -> Result<(), DotRangeRefused> {
        let lasts = other.beyond.iter().map(|(replica, runs)| (replica, runs.last()));
        for (replica, last) in other.base.iter().chain(lasts) {
            self.check_jump(replica, last)?;
        }
        let mut result = self.clone();
        result.merge(other);
        result.check_size()?;
        *self = result;
        Ok(())
    }

    /// Adds all events of the other: the union. For sets of one's own system; for what a peer sent there is
    /// [`try_merge`](Self::try_merge).
    pub fn merge(&mut self, other: &Self) {
        self.base.merge(&other.base);
        for (replica, runs) in &other.beyond {
            self.beyond.entry(replica.clone()).or_default().join(runs);
        }
        self.absorb_all();
    }

    fn check_jump(&self, replica: &ReplicaId, claimed: u64) -> Result<(), DotRangeRefused> {
        let last = self.beyond.get(replica).map_or_else(|| self.base.upto(replica), Runs::last);
        let limit = last.saturating_add(MAX_JUMP);
        if claimed > limit {
            return Err(DotRangeRefused::Jump { replica: replica.clone(), claimed, limit });
        }
        Ok(())
    }

    /// Whether the set can be stored and read again.
    pub(super) fn check_size(&self) -> Result<(), DotRangeRefused> {
        if self.range_count() > DOT_RANGES_MAX {
            return Err(DotRangeRefused::TooMany { limit: DOT_RANGES_MAX });
        }
        if self.replica_count() > VECTOR_ENTRIES_MAX {
            return Err(DotRangeRefused::TooManyReplicas { limit: VECTOR_ENTRIES_MAX });
        }
        Ok(())
    }

    fn replica_count(&self) -> usize {
        self.base.len() + self.beyond.keys().filter(|replica| self.base.upto(*replica) == 0).count()
    }

    fn holds(&self, replica: &ReplicaId, run: Run) -> bool {
        run.upto <= self.base.upto(replica)
            || self.beyond.get(replica).is_some_and(|runs| runs.contains(run))
            || self.base.members().is_retired(replica)
    }

    /// Of a retired replica everything is held.
    fn add(&mut self, replica: &ReplicaId, run: Run) {
        if self.base.members().is_retired(replica) {
            return;
        }
        match self.beyond.get_mut(replica) {
            Some(runs) => {
                runs.add(run);
                let upto = runs.absorb_into(self.base.upto(replica));
                if runs.is_empty() {
                    self.beyond.remove(replica);
                }
                self.base.raise(replica, upto);
            }
            None if run.first <= self.base.upto(replica) + 1 => self.base.raise(replica, run.upto),
            None => self.beyond.entry(replica.clone()).or_default().add(run),
        }
    }

    /// Restores the form of the set after prefixes or runs grew.
    fn absorb_all(&mut self) {
        let base = &mut self.base;
        self.beyond.retain(|replica, runs| {
            let upto = runs.absorb_into(base.upto(replica));
            base.raise(replica, upto);
            !runs.is_empty()
        });
    }

    /// Each replica of which something is held, ascending, with all of it.
    pub(super) fn by_replica(&self) -> impl Iterator<Item = (&ReplicaId, Runs)> {
        let mut replicas: Vec<_> = self.base.iter().map(|(replica, _)| replica).collect();
        replicas.extend(self.beyond.keys());
        replicas.sort_unstable();
        replicas.dedup();
        replicas.into_iter().map(|replica| (replica, self.runs_of(replica)))
    }

    fn runs_of(&self, replica: &ReplicaId) -> Runs {
        let mut runs = Runs::prefix(self.base.upto(replica));
        if let Some(beyond) = self.beyond.get(replica) {
            runs.join(beyond);
        }
        runs
    }

    /// A set of what is held of each replica.
    #[cfg(feature = "serde")]
    pub(super) fn of_replicas(replicas: impl IntoIterator<Item = (ReplicaId, Runs)>) -> Self {
        let mut set = Self { base: VersionVector::new(), beyond: replicas.into_iter().collect() };
        set.absorb_all();
        set
    }
}

fn ranges_of(replica: &ReplicaId, runs: &Runs) -> impl Iterator<Item = DotRange> + use<> {
    let runs: Vec<Run> = runs.iter().collect();
    let replica = replica.clone();
    runs.into_iter().map(move |run| DotRange { replica: replica.clone(), run })
}

/// Everything that the vector contains.
impl From<VersionVector> for DotSet {
    fn from(base: VersionVector) -> Self {
        Self { base, beyond: BTreeMap::new() }
    }
}

impl Extend<Dot> for DotSet {
    fn extend<I: IntoIterator<Item = Dot>>(&mut self, dots: I) {
        for dot in dots {
            self.insert(&dot);
        }
    }
}

impl FromIterator<Dot> for DotSet {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut set = Self::new();
        set.extend(dots);
        set
    }
}

/// `{atlantic.1a2b3c4d:1-7, atlantic.1a2b3c4d:9}`.
impl fmt::Display for DotSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, range) in self.ranges().enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            write!(formatter, "{range}")?;
        }
        formatter.write_str("}")
    }
}
