//! The version vector: for each member, up to which of its events everything is contained.
//!
//! Counters lie densely by slot over a shared [`Membership`], so two vectors over the same one are compared and joined
//! lane by lane, without a look at any id. Over different ones the ids decide, which is slower and means the same;
//! [`merge`](VersionVector::merge) moves a vector over to the other's members where it can, so a group of clocks that talk to
//! each other soon shares one table.
//!
//! Invariants: a counter is 1 to [`MAX_COUNTER`]; a zero entry does not exist, so `==`, `Hash` and
//! [`compare`](VersionVector::compare) always agree, whatever the memberships. No operation lowers a counter.
//!
//! Sources: Parker et al., *Detection of Mutual Inconsistency in Distributed Systems*, IEEE TSE 1983, section 3, for
//! version vectors; Fidge 1988 and Mattern 1989, section 5, for the order of vector times.

use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};

use thiserror::Error;

use super::membership::{Membership, Slot};
use super::repr::{Beside, Repr};
use super::{lanes, simd};
use crate::causality::{Ordering, compare_entries};
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;

/// Most entries accepted from outside: 60 stations with a dozen past incarnations each.
pub const VECTOR_ENTRIES_MAX: usize = 1024;

/// Contiguous prefixes of every member's events. A copy is a snapshot: it costs one increment, and never changes.
pub struct VersionVector<K = ReplicaId> {
    pub(super) repr: Repr<K>,
}

/// The counter of a slot is used up: it is at [`MAX_COUNTER`]. Nothing was changed; only a new incarnation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the counter of slot {} has reached its limit {MAX_COUNTER}", .slot.index())]
pub struct SlotExhausted {
    /// Whose counter.
    pub slot: Slot,
}

impl<K> VersionVector<K> {
    /// The empty vector: nothing is contained.
    #[must_use]
    pub const fn new() -> Self {
        Self { repr: Repr::empty() }
    }

    /// The empty vector over given members. Vectors that start here need never look at an id.
    #[must_use]
    pub fn over(members: &Membership<K>) -> Self {
        Self { repr: Repr::over(members.clone()) }
    }

    /// Counters by slot, each at most [`MAX_COUNTER`]; missing ones are 0.
    pub(super) fn from_lanes(members: Membership<K>, lanes: &[u64]) -> Self {
        Self { repr: Repr::with_lanes(members, lanes) }
    }

    /// Who has a slot in it, be their counters 0 or not.
    #[must_use]
    pub fn members(&self) -> &Membership<K> {
        self.repr.members()
    }

    /// The counter of a slot of [`members`](Self::members), 0 if there is none: one load.
    #[inline]
    #[must_use]
    pub fn at(&self, slot: Slot) -> u64 {
        self.repr.lanes().get(slot.index()).copied().unwrap_or(0)
    }

    /// Counts one event of a member and returns its number, from 1.
    ///
    /// # Errors
    /// [`SlotExhausted`] at [`MAX_COUNTER`]. The vector is unchanged.
    ///
    /// # Panics
    /// If the slot is beyond these members: it is of another membership.
    #[inline]
    pub fn tick(&mut self, slot: Slot) -> Result<u64, SlotExhausted> {
        assert!(slot.index() < self.members().len(), "the slot is of another membership");
        self.tick_own(slot)
    }

    /// As [`tick`](Self::tick), for a slot that is known to be of these members.
    #[inline]
    pub(crate) fn tick_own(&mut self, slot: Slot) -> Result<u64, SlotExhausted> {
        if let Some(lane) = self.repr.ready_lane_mut(slot) {
            return count(lane, slot);
        }
        count(self.repr.lane_mut(slot), slot)
    }

    /// Whether nothing is contained.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.repr.lanes().iter().all(|lane| *lane == 0)
    }

    /// How many members have an entry.
    #[must_use]
    pub fn len(&self) -> usize {
        self.repr.lanes().iter().filter(|lane| **lane != 0).count()
    }

    /// The entries in ascending order of their ids, without zeros: the form [`compare_entries`] takes.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        let entries = self.members().ascending().map(|(slot, id)| (id, self.at(slot)));
        entries.filter(|(_, counter)| *counter != 0)
    }

    /// The lanes up to the last that is not 0.
    pub(super) fn used_lanes(&self) -> &[u64] {
        let lanes = self.repr.lanes();
        let used = lanes.iter().rposition(|lane| *lane != 0).map_or(0, |last| last + 1);
        &lanes[..used]
    }

    /// Whether a merge would surely raise no entry by more than `jump`: found in one pass over shared slots, and not at
    /// all over different ones.
    pub(crate) fn rises_within(&self, other: &Self, jump: u64) -> bool {
        match self.repr.beside(&other.repr) {
            Beside::SameLanes => true,
            Beside::Small(left, right) => lanes::rises_within(left, right, jump),
            Beside::Inline(left, right) => lanes::rises_within(left, right, jump),
            Beside::Slices(left, right) => simd::rises_within(left, right, jump),
            Beside::OtherSlots => false,
        }
    }

    /// Whether slots mean the same in both.
    #[inline]
    pub(crate) fn shares_slots(&self, other: &Self) -> bool {
        self.members().is_same(other.members())
    }
}

#[inline]
fn count(lane: &mut u64, slot: Slot) -> Result<u64, SlotExhausted> {
    if *lane >= MAX_COUNTER {
        return Err(SlotExhausted { slot });
    }
    *lane += 1;
    Ok(*lane)
}

impl<K: Ord> VersionVector<K> {
    /// Up to which sequence number (inclusive) events of `id` are contained; 0 if none.
    #[must_use]
    pub fn upto<Q: Ord + ?Sized>(&self, id: &Q) -> u64
    where
        K: Borrow<Q>,
    {
        self.members().slot(id).map_or(0, |slot| self.at(slot))
    }

    /// The four-way causal relation of two vectors: one pass over the lanes, and none if both are one snapshot.
    #[inline]
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match self.repr.beside(&other.repr) {
            Beside::SameLanes => Ordering::Equal,
            Beside::Small(left, right) => lanes::compare(left, right),
            Beside::Inline(left, right) => lanes::compare(left, right),
            Beside::Slices(left, right) => simd::compare(left, right),
            Beside::OtherSlots => compare_entries(self.iter(), other.iter()),
        }
    }

    /// Whether every event of `other` is contained. One-sided, so it ends at the first that is not.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match self.repr.beside(&other.repr) {
            Beside::SameLanes => true,
            Beside::Small(left, right) => lanes::contains(left, right),
            Beside::Inline(left, right) => lanes::contains(left, right),
            Beside::Slices(left, right) => simd::contains(left, right),
            Beside::OtherSlots => other.iter().all(|(id, counter)| counter <= self.upto(id)),
        }
    }

    /// How many events `self` contains that `other` does not.
    #[must_use]
    pub fn events_beyond(&self, other: &Self) -> u64 {
        let missing = |(id, counter): (&K, u64)| counter.saturating_sub(other.upto(id));
        self.iter().map(missing).fold(0, u64::saturating_add)
    }
}

impl<K: Ord + Clone> VersionVector<K> {
    /// Adds everything that `other` contains: the least vector that contains both.
    ///
    /// A store never moves the vector of its *own* state by this: what a peer's vector says is a claim, and the state
    /// moves by applying events ([`advance`](VersionVector::advance)).
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        if !self.merge_by_slot(other) {
            self.merge_by_id(other);
        }
    }

    /// Merges if slots mean the same in both, and says whether they do.
    #[inline]
    pub(crate) fn merge_by_slot(&mut self, other: &Self) -> bool {
        let shares_slots = self.shares_slots(other);
        if shares_slots {
            self.repr.join(&other.repr);
        }
        shares_slots
    }

    fn merge_by_id(&mut self, other: &Self) {
        self.unify(other);
        if self.shares_slots(other) {
            return self.repr.join(&other.repr);
        }
        for (id, counter) in other.iter() {
            self.raise_with(id, counter, K::clone);
        }
    }

    /// Raises one entry. Never lowers. A counter of 0 says nothing, and so does one of a member that was retired: everybody
    /// has all of its events, and its name must not come back.
    pub(super) fn raise_with<Q: Ord + ?Sized>(
        &mut self,
        id: &Q,
        counter: u64,
        to_member: impl FnOnce(&Q) -> K,
    ) where
        K: Borrow<Q>,
    {
        debug_assert!(counter <= MAX_COUNTER, "a counter above 2^63 - 1 got in");
        if counter == 0 {
            return;
        }
        let slot = match self.members().slot(id) {
            Some(slot) => slot,
            None if self.members().is_retired(id) => return,
            None => self.admit(id, to_member),
        };
        let lane = self.repr.lane_mut(slot);
        *lane = lanes::larger(*lane, counter);
    }

    /// Adds a member. Its table is copied first if another vector uses it.
    pub(super) fn admit<Q: Ord + ?Sized>(&mut self, id: &Q, to_member: impl FnOnce(&Q) -> K) -> Slot
    where
        K: Borrow<Q>,
    {
        let mut members = self.repr.take_members();
        let slot = members.intern(id, to_member);
        self.repr.set_members(members);
        slot
    }

    /// Moves over to the other's members, if they are the better ones: where clocks talk to each other, their tables
    /// become one.
    fn unify(&mut self, other: &Self) {
        let theirs = other.members();
        if !self.members().yields_to(theirs) {
            return;
        }
        let mut moved = Repr::over(theirs.clone());
        for (slot, id) in self.members().iter() {
            let there = theirs.slot(id).expect("who yields finds all of its members there");
            *moved.lane_mut(there) = self.at(slot);
        }
        self.repr = moved;
    }
}

impl<K> Clone for VersionVector<K> {
    #[inline]
    fn clone(&self) -> Self {
        Self { repr: self.repr.clone() }
    }
}

impl<K> Default for VersionVector<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// By entries. The membership takes no part.
impl<K: Ord> PartialEq for VersionVector<K> {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl<K: Ord> Eq for VersionVector<K> {}

impl<K: Hash> Hash for VersionVector<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|entry| entry.hash(state));
    }
}

/// Zero entries are left out; a member named twice keeps its largest entry.
///
/// # Panics
/// If a counter is above [`MAX_COUNTER`]: what comes from outside is read by a decoder, which checks.
impl<K: Ord + Clone> FromIterator<(K, u64)> for VersionVector<K> {
    fn from_iter<I: IntoIterator<Item = (K, u64)>>(entries: I) -> Self {
        let checked = entries.into_iter().inspect(|(_, counter)| {
            assert!(*counter <= MAX_COUNTER, "counter {counter} is above the limit {MAX_COUNTER}");
        });
        Self::of_unordered(checked.collect())
    }
}

impl<K: fmt::Debug> fmt::Debug for VersionVector<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
