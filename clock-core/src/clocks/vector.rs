//! The vector clock: exactly who knew of what (Fidge 1988; Mattern 1989).
//!
//! One counter per node. A node raises its own on each event and takes the entry-wise maximum on receipt, so
//! an entry says how many events of that node lie in the past. Two vectors compare as happens-before does,
//! and what is concurrent is found to be concurrent.
//!
//! Inside is a [`VectorTimestamp`]: counters in dense slots over a table of names, so that clocks which talk to each other
//! compare and merge without a look at a name, and a timestamp is a snapshot for the price of one increment.
//!
//! Invariants: counters are 1 to [`MAX_COUNTER`]; a zero is never stored, so `==`, `Hash` and
//! [`compare`](VectorClock::compare) always agree. No counter ever goes down.

use super::MAX_COUNTER;
use super::event_stamp::EventStamp;
use super::vector_refused::{CounterExhausted, MergeRefused, ReceiveRefused};
use crate::causality::Ordering;
use crate::versions::{Slot, VECTOR_ENTRIES_MAX, VectorTimestamp};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::hash::{Hash, Hasher};
#[cfg(any(feature = "std", test))]
use std::collections::HashMap;

/// A vector clock that belongs to one node.
///
/// Two clocks are equal when their entries are: the node id says whose entry [`tick`](Self::tick) raises and
/// takes no part in `==`, `Hash` or [`compare`](Self::compare).
#[derive(Clone, Debug)]
pub struct VectorClock {
    node_id: Arc<str>,
    own: Slot,
    vector: VectorTimestamp,
    members_max: usize,
}

impl VectorClock {
    /// The clock of a node that has seen nothing.
    #[must_use]
    pub fn new(node_id: &str) -> Self {
        Self::resuming(node_id, VectorTimestamp::new())
    }

    /// A clock that goes on from entries the node stored before; zeros are left out, of duplicates the
    /// larger counts.
    ///
    /// # Errors
    /// [`MergeRefused::CounterTooLarge`] if an entry is above [`MAX_COUNTER`].
    pub fn restored<'a>(
        node_id: &str,
        entries: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Self, MergeRefused> {
        Ok(Self::resuming(node_id, VectorTimestamp::from_entries(entries)?))
    }

    /// A clock that goes on from a timestamp of its own. Clocks that start from vectors over one
    /// [`Membership`](crate::Membership) share its table from the beginning.
    #[must_use]
    pub fn resuming(node_id: &str, mut vector: VectorTimestamp) -> Self {
        let own = vector.admit_named(node_id);
        let node_id = vector.members().id(own).map_or_else(|| Arc::from(node_id), Arc::clone);
        Self { node_id, own, vector, members_max: VECTOR_ENTRIES_MAX }
    }

    /// Lets peers bring new names only up to so many members; [`VECTOR_ENTRIES_MAX`] unless set.
    ///
    /// A clock keeps every name it learns, so whoever may send to it could fill it with invented ones and shut honest
    /// newcomers out. Where the members are known, start from all of them ([`VectorTimestamp::over`](crate::VersionVector::over),
    /// [`resuming`](Self::resuming)) and set their number: then nobody else gets in.
    #[must_use]
    pub fn with_members_max(mut self, members_max: usize) -> Self {
        self.members_max = members_max;
        self
    }

    /// Whose events [`tick`](Self::tick) counts.
    #[must_use]
    pub fn node_id(&self) -> &str {
        &self.node_id
    }

    /// How many events of `node` lie in the past; 0 for a node never heard of.
    #[must_use]
    pub fn get(&self, node: &str) -> u64 {
        self.vector.get(node)
    }

    /// The entries in ascending order of node id, without zeros: the form
    /// [`compare_entries`](crate::compare_entries) takes.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.vector.entries()
    }

    /// The clock's time as a value: cloned, it is a snapshot for the price of one increment, which later ticks do not
    /// change.
    #[inline]
    #[must_use]
    pub fn timestamp(&self) -> &VectorTimestamp {
        &self.vector
    }

    /// A copy of the entries as a map of its own; later ticks do not change it. [`timestamp`](Self::timestamp) says
    /// the same without copying a name.
    #[cfg(any(feature = "std", test))]
    #[must_use]
    pub fn snapshot(&self) -> HashMap<String, u64> {
        self.entries().map(|(node, counter)| (node.to_owned(), counter)).collect()
    }

    /// Counts one local event.
    ///
    /// At [`MAX_COUNTER`], which no real history reaches, the entry stays where it is: it never wraps.
    /// [`try_tick`](Self::try_tick) reports that case.
    #[inline]
    pub fn tick(&mut self) {
        let _saturated = self.vector.tick_own(self.own);
    }

    /// Counts one local event and returns its number, from 1.
    ///
    /// # Errors
    /// [`CounterExhausted`] at [`MAX_COUNTER`]. The clock is unchanged.
    #[inline]
    pub fn try_tick(&mut self) -> Result<u64, CounterExhausted> {
        let exhausted =
            |_| CounterExhausted { node_id: self.node_id.as_ref().to_owned(), limit: MAX_COUNTER };
        self.vector.tick_own(self.own).map_err(exhausted)
    }

    /// Counts one local event and returns its [`EventStamp`], which knows in one load what happened before it.
    ///
    /// # Errors
    /// [`CounterExhausted`] at [`MAX_COUNTER`]. The clock is unchanged.
    pub fn stamp(&mut self) -> Result<EventStamp, CounterExhausted> {
        let counter = self.try_tick()?;
        Ok(EventStamp::new(self.own, counter, self.vector.clone()))
    }

    /// Adds the past of `other` to this one: the entry-wise maximum. Not an event of its own.
    ///
    /// For clocks of this process: it also takes over a larger entry for this very node. What a peer sent
    /// belongs in [`try_merge`](Self::try_merge).
    #[inline]
    pub fn merge(&mut self, other: &VectorClock) {
        self.join(&other.vector);
    }

    /// As [`merge`](Self::merge), for a vector that a peer sent. No entry may be raised by more than [`MAX_JUMP`](super::MAX_JUMP): one
    /// hostile message must not use up another node's counter.
    ///
    /// # Errors
    /// [`MergeRefused`]. The clock is unchanged.
    pub fn try_merge(&mut self, other: &VectorClock) -> Result<(), MergeRefused> {
        self.try_observe(&other.vector)
    }

    /// As [`try_merge`](Self::try_merge), for the timestamp of a message. Not an event of its own: receiving it is, so
    /// [`tick`](Self::tick) after it.
    ///
    /// # Errors
    /// [`MergeRefused`]. The clock is unchanged.
    pub fn try_observe(&mut self, remote: &VectorTimestamp) -> Result<(), MergeRefused> {
        let table = self.vector.members().address();
        self.vector.try_merge(remote, self.own, self.members_max)?;
        self.follow_table(table);
        Ok(())
    }

    /// Takes in the timestamp of a message and counts its receipt as an event.
    ///
    /// # Errors
    /// [`ReceiveRefused`]. The clock is unchanged.
    pub fn receive(&mut self, remote: &VectorTimestamp) -> Result<EventStamp, ReceiveRefused> {
        if self.vector.at(self.own) >= MAX_COUNTER {
            return Err(self.exhausted().into());
        }
        self.try_observe(remote)?;
        Ok(self.stamp()?)
    }

    /// How this clock's past relates to the other's.
    #[inline]
    #[must_use]
    pub fn compare(&self, other: &VectorClock) -> Ordering {
        self.vector.compare(&other.vector)
    }

    #[inline]
    fn join(&mut self, other: &VectorTimestamp) {
        if !self.vector.merge_by_slot(other) {
            self.join_by_name(other);
        }
    }

    #[cold]
    fn join_by_name(&mut self, other: &VectorTimestamp) {
        let table = self.vector.members().address();
        self.vector.merge(other);
        self.follow_table(table);
    }

    #[inline]
    fn follow_table(&mut self, before: usize) {
        if self.vector.members().address() != before {
            self.find_own();
        }
    }

    fn exhausted(&self) -> CounterExhausted {
        CounterExhausted { node_id: self.node_id.as_ref().to_owned(), limit: MAX_COUNTER }
    }

    /// A merge may have moved the vector to the other's table of names, where our slot is another one.
    #[cold]
    fn find_own(&mut self) {
        self.own = self.vector.admit_named(&self.node_id);
    }

    /// Whether a peer may make us merge these entries.
    pub(super) fn check_merge<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), MergeRefused> {
        self.vector.check_merge(entries, self.own, self.members_max)
    }

    /// Raises one entry to at least `counter`. The caller has checked that it is at most [`MAX_COUNTER`].
    pub(super) fn raise(&mut self, node: &str, counter: u64) {
        self.vector.raise(node, counter);
    }
}

impl PartialEq for VectorClock {
    fn eq(&self, other: &Self) -> bool {
        self.vector == other.vector
    }
}

impl Eq for VectorClock {}

impl Hash for VectorClock {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.vector.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_JUMP;
    use super::*;
    use crate::Membership;

    #[test]
    fn a_peer_may_not_raise_our_own_entry() {
        let mut ours = VectorClock::new("pacific");
        ours.tick();
        let theirs = VectorClock::restored("atlantic", [("atlantic", 9), ("pacific", 2)]).unwrap();
        let refusal = MergeRefused::OwnEntryAhead { node_id: "pacific".to_owned(), incoming: 2, local: 1 };
        assert_eq!(ours.try_merge(&theirs), Err(refusal));
        assert_eq!(ours.get("atlantic"), 0, "a refused merge must change nothing");
    }

    #[test]
    fn one_message_cannot_use_up_a_counter() {
        let mut ours = VectorClock::new("pacific");
        let theirs = VectorClock::restored("atlantic", [("atlantic", MAX_JUMP + 1)]).unwrap();
        let refusal = MergeRefused::CounterTooLarge {
            node_id: "atlantic".to_owned(),
            incoming: MAX_JUMP + 1,
            limit: MAX_JUMP,
        };
        assert_eq!(ours.try_merge(&theirs), Err(refusal));
        let theirs = VectorClock::restored("atlantic", [("atlantic", MAX_JUMP)]).unwrap();
        assert_eq!(ours.try_merge(&theirs), Ok(()));
    }

    #[test]
    fn a_counter_above_the_limit_is_refused_by_name() {
        let refusal = VectorClock::restored("a", [("b", MAX_COUNTER + 1)]).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "counter 9223372036854775808 of b is above the limit 9223372036854775807"
        );
    }

    #[test]
    fn a_used_up_counter_stays_and_says_so() {
        let mut clock = VectorClock::restored("a", [("a", MAX_COUNTER)]).unwrap();
        let exhausted = CounterExhausted { node_id: "a".to_owned(), limit: MAX_COUNTER };
        assert_eq!(clock.try_tick(), Err(exhausted));
        clock.tick();
        assert_eq!(clock.get("a"), MAX_COUNTER);
    }

    #[test]
    fn zeros_are_never_stored() {
        let clock = VectorClock::restored("a", [("b", 0)]).unwrap();
        assert_eq!(clock, VectorClock::new("z"));
        assert!(clock.snapshot().is_empty());
    }

    #[test]
    fn a_peer_cannot_fill_the_clock_with_names() {
        let names: Vec<String> = (0..VECTOR_ENTRIES_MAX).map(|index| format!("node-{index}")).collect();
        let entries = |count: usize| names.iter().take(count).map(|name| (name.as_str(), 1));
        let mut ours = VectorClock::new("pacific");
        let too_many = VectorTimestamp::from_entries(entries(VECTOR_ENTRIES_MAX)).unwrap();
        let refusal = MergeRefused::TooManyMembers {
            node_id: "node-0".to_owned(),
            members: VECTOR_ENTRIES_MAX + 1,
            limit: VECTOR_ENTRIES_MAX,
        };
        assert_eq!(ours.try_observe(&too_many), Err(refusal));
        assert_eq!(ours.entries().count(), 0, "a refused merge must change nothing");
        let all_but_one = VectorTimestamp::from_entries(entries(VECTOR_ENTRIES_MAX - 1)).unwrap();
        assert_eq!(ours.try_observe(&all_but_one), Ok(()));
    }

    #[test]
    fn a_closed_clock_learns_no_stranger() {
        let members = Membership::of(["pacific", "atlantic"].map(Arc::from)).unwrap();
        let mut clock =
            VectorClock::resuming("pacific", VectorTimestamp::over(&members)).with_members_max(members.len());
        let from = |entries: &[(&str, u64)]| VectorTimestamp::from_entries(entries.iter().copied()).unwrap();
        clock.try_observe(&from(&[("atlantic", 3)])).unwrap();
        let refusal = clock.try_observe(&from(&[("atlantic", 4), ("mallory", 1)])).unwrap_err();
        assert!(refusal.to_string().contains("with mallory"), "{refusal}");
        assert_eq!(clock.timestamp().to_string(), "{atlantic: 3}");
    }

    #[test]
    fn a_receipt_is_one_event_or_nothing() {
        let mut clock = VectorClock::new("a");
        let stamp = clock.receive(&VectorTimestamp::from_entries([("b", 4)]).unwrap()).unwrap();
        assert_eq!(stamp.to_string(), "a:1 {a: 1, b: 4}");
        let mut full = VectorClock::restored("a", [("a", MAX_COUNTER)]).unwrap();
        let refused = full.receive(stamp.vector());
        assert!(matches!(refused, Err(ReceiveRefused::CounterExhausted(_))));
        assert_eq!(full.get("b"), 0, "a receipt that cannot be counted changes nothing");
    }

    /// What a large table of a peer may bring in is what has an entry, and no more names than a message may have.
    #[test]
    fn a_peers_table_is_not_taken_over_beyond_the_limit() {
        let names = (0..VECTOR_ENTRIES_MAX + 10).map(|index| Arc::from(format!("node-{index:05}").as_str()));
        let mut theirs = VectorTimestamp::over(&Membership::of(names).unwrap());
        theirs.raise("node-00003", 1);
        let mut clock = VectorClock::new("node-00000");
        clock.try_observe(&theirs).unwrap();
        assert_eq!((clock.timestamp().members().len(), clock.get("node-00003")), (2, 1));
    }

    #[test]
    fn clocks_that_talk_to_each_other_come_to_share_one_table() {
        let mut clocks = ["a", "b", "c"].map(VectorClock::new);
        for round in 0..6 {
            let (from, to) = (round % 3, (round + 1) % 3);
            clocks[from].tick();
            let message = clocks[from].timestamp().clone();
            clocks[to].try_observe(&message).unwrap();
            clocks[to].tick();
        }
        let [a, b, c] = &clocks;
        assert!(a.timestamp().shares_slots(c.timestamp()) && c.timestamp().shares_slots(b.timestamp()));
        assert_eq!(a.timestamp().to_string(), "{a: 4, b: 4, c: 4}");
    }
}
