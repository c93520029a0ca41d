//! Merging what a peer sent: believed only as far as an honest peer can be ahead.
//!
//! One hostile counter must not use up another member's, our own entry is nobody else's to raise, and a message must not
//! fill the vector with names. Over shared slots all of that is found without a look at an id; what is wrong is looked for
//! only when something is.

use alloc::string::ToString;
use core::fmt::Display;

use super::membership::Slot;
use super::version_vector::VersionVector;
use crate::clocks::{MAX_COUNTER, MAX_JUMP, MergeRefused};

impl<K: Ord + Clone + Display> VersionVector<K> {
    /// As [`merge`](Self::merge), for what a peer sent to the member `own`, whose entry only it may raise. No entry may
    /// rise by more than [`MAX_JUMP`], and no more than `members_max` members may come of it.
    ///
    /// # Errors
    /// [`MergeRefused`]. The vector is unchanged.
    pub fn try_merge(&mut self, other: &Self, own: Slot, members_max: usize) -> Result<(), MergeRefused> {
        if !self.may_merge(other, own) {
            self.check_merge(other.iter(), own, members_max)?;
        }
        self.merge(other);
        Ok(())
    }

    /// Whether [`check_merge`](Self::check_merge) surely has nothing to object.
    #[inline]
    fn may_merge(&self, other: &Self, own: Slot) -> bool {
        other.at(own) <= self.at(own) && self.rises_within(other, MAX_JUMP)
    }

    /// Whether a peer may make the member `own` merge these entries.
    pub(crate) fn check_merge<'a, Q>(
        &self,
        entries: impl IntoIterator<Item = (&'a Q, u64)>,
        own: Slot,
        members_max: usize,
    ) -> Result<(), MergeRefused>
    where
        K: core::borrow::Borrow<Q> + 'a,
        Q: Ord + Display + ?Sized + 'a,
    {
        let (mut members, mut newcomer) = (self.members().len(), None);
        for (id, incoming) in entries {
            let slot = self.members().slot(id);
            let local = slot.map_or(0, |slot| self.at(slot));
            if slot == Some(own) && incoming > local {
                return Err(MergeRefused::OwnEntryAhead { node_id: id.to_string(), incoming, local });
            }
            let limit = local.saturating_add(MAX_JUMP).min(MAX_COUNTER);
            if incoming > limit {
                return Err(MergeRefused::CounterTooLarge { node_id: id.to_string(), incoming, limit });
            }
            if slot.is_none() && incoming > 0 && !self.members().is_retired(id) {
                members += 1;
                newcomer = newcomer.or(Some(id));
            }
        }
        match newcomer.filter(|_| members > members_max) {
            None => Ok(()),
            Some(id) => {
                Err(MergeRefused::TooManyMembers { node_id: id.to_string(), members, limit: members_max })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Membership;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn table(count: usize) -> Membership<String> {
        Membership::of((0..count).map(|index| alloc::format!("{index:03}"))).unwrap()
    }

    fn over(members: &Membership<String>, entries: &[(usize, u64)]) -> VersionVector<String> {
        let slots: Vec<Slot> = members.iter().map(|(slot, _)| slot).collect();
        let mut vector = VersionVector::over(members);
        for (index, counter) in entries {
            *vector.repr.lane_mut(slots[*index]) = *counter;
        }
        vector
    }

    /// The same objections whether slots are shared, which needs no look at an id, or not; inline and beyond.
    #[test]
    fn a_peer_is_refused_alike_over_shared_slots_and_foreign_ones() {
        for count in [3, 8, 9, 70] {
            let (members, foreign) = (table(count), table(count));
            let own = members.slot("001").unwrap();
            let last = count - 1;
            let cases = [
                (vec![(1, 6)], Some("received counter 6 for our own node 001, which is at 5")),
                (vec![(last, MAX_JUMP + 3)], None),
                (vec![(last, MAX_JUMP + 4)], Some("is above the limit")),
                (vec![(1, 5), (0, MAX_COUNTER)], Some("is above the limit")),
                (vec![(1, 4), (0, 9)], None),
            ];
            for (entries, objection) in cases {
                for table in [&members, &foreign] {
                    let mut ours = over(&members, &[(1, 5), (last, 3)]);
                    let before = ours.clone();
                    let theirs = over(table, &entries);
                    match (ours.try_merge(&theirs, own, count), objection) {
                        (Ok(()), None) => assert!(ours.contains(&theirs) && ours.contains(&before)),
                        (Err(refusal), Some(objection)) => {
                            assert!(refusal.to_string().contains(objection), "{refusal}");
                            assert_eq!(ours, before, "a refused merge must change nothing");
                        }
                        (result, _) => panic!("{count} members, {entries:?}: {result:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_end_of_the_range_is_within_reach_of_its_neighbours() {
        let members = table(12);
        let own = members.slot("000").unwrap();
        let mut ours = over(&members, &[(5, MAX_COUNTER - 1)]);
        ours.try_merge(&over(&members, &[(5, MAX_COUNTER), (6, MAX_JUMP)]), own, 12).unwrap();
        assert_eq!(ours, over(&members, &[(5, MAX_COUNTER), (6, MAX_JUMP)]));
    }

    #[test]
    fn only_new_names_count_against_the_limit() {
        let members = table(20);
        let own = members.slot("000").unwrap();
        let mut ours = over(&members, &[(3, 1)]);
        let known = over(&table(20), &[(7, 1)]);
        assert_eq!(ours.try_merge(&known, own, 10), Ok(()), "beyond the limit, and nobody new");
        let stranger = over(&table(21), &[(20, 1)]);
        let refusal = MergeRefused::TooManyMembers { node_id: "020".to_string(), members: 21, limit: 20 };
        assert_eq!(ours.try_merge(&stranger, own, 20), Err(refusal));
        assert_eq!(ours.try_merge(&stranger, own, 21), Ok(()));
    }
}
