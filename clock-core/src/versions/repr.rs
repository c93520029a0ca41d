//! How a version vector is held: its members, and one lane for each slot.
//!
//! Up to [`INLINE`] members the lanes are part of the value. Beyond, members and lanes share one allocation, counted
//! and copied on write, so that a snapshot is the increment of one counter. One allocation and not two, because an
//! atomic read-modify-write is what a snapshot costs.

use alloc::vec::Vec;

use triomphe::{Arc, HeaderSlice};

use super::membership::{Membership, Slot};
use super::simd;

/// Lanes that are held in the value itself: the reference cluster twice over, and one cache line.
pub(super) const INLINE: usize = 8;

/// So many of them are looked at where there are no more members: half the work for a cluster of three or four.
pub(super) const SMALL: usize = 4;

/// Two vectors, as they are best looked at together.
pub(super) enum Beside<'a> {
    /// One and the same allocation.
    SameLanes,
    /// Slots mean the same, and there are no more members than lanes here.
    Small(&'a [u64; SMALL], &'a [u64; SMALL]),
    /// Slots mean the same, and the count of lanes is known to the compiler.
    Inline(&'a [u64; INLINE], &'a [u64; INLINE]),
    /// Slots mean the same.
    Slices(&'a [u64], &'a [u64]),
    /// Only ids can tell.
    OtherSlots,
}

type Lanes<K> = Arc<HeaderSlice<Membership<K>, [u64]>>;

pub(super) enum Repr<K> {
    /// Whether there are at most [`SMALL`] members is kept beside the lanes, so that nobody has to look into the table.
    Inline {
        members: Membership<K>,
        is_small: bool,
        lanes: [u64; INLINE],
    },
    Shared(Lanes<K>),
}

impl<K> Repr<K> {
    pub(super) const fn empty() -> Self {
        Self::Inline { members: Membership::new(), is_small: true, lanes: [0; INLINE] }
    }

    /// All lanes 0, with room for every member.
    pub(super) fn over(members: Membership<K>) -> Self {
        if members.len() <= INLINE {
            let is_small = members.len() <= SMALL;
            return Self::Inline { members, is_small, lanes: [0; INLINE] };
        }
        let lanes = core::iter::repeat_n(0, members.len());
        Self::Shared(Arc::from_header_and_iter(members, lanes))
    }

    /// Lanes as given; missing ones are 0.
    pub(super) fn with_lanes(members: Membership<K>, lanes: &[u64]) -> Self {
        if members.len() > INLINE && lanes.len() == members.len() {
            return Self::Shared(Arc::from_header_and_slice(members, lanes));
        }
        let mut repr = Self::over(members);
        let count = lanes.len().min(repr.lanes().len());
        repr.lanes_mut()[..count].copy_from_slice(&lanes[..count]);
        repr
    }

    #[inline]
    pub(super) fn members(&self) -> &Membership<K> {
        match self {
            Self::Inline { members, .. } => members,
            Self::Shared(shared) => &shared.header,
        }
    }

    /// By slot. May be shorter than the members, whose lanes are then 0, or longer, with zeros.
    #[inline]
    pub(super) fn lanes(&self) -> &[u64] {
        match self {
            Self::Inline { lanes, .. } => lanes,
            Self::Shared(shared) => &shared.slice,
        }
    }

    /// For writing: copied first if a snapshot holds them too.
    #[inline]
    pub(super) fn lanes_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Inline { lanes, .. } => lanes,
            Self::Shared(shared) => {
                if !shared.is_unique() {
                    *shared = Arc::from_header_and_slice(shared.header.clone(), &shared.slice);
                }
                &mut Arc::get_mut(shared).expect("made unique in the line above").slice
            }
        }
    }

    /// The lane of a slot for writing, if there is nothing to copy or to make room for first: the usual case of a clock
    /// that counts.
    #[inline]
    pub(super) fn ready_lane_mut(&mut self, slot: Slot) -> Option<&mut u64> {
        match self {
            Self::Inline { lanes, .. } => lanes.get_mut(slot.index()),
            Self::Shared(shared) => Arc::get_mut(shared)?.slice.get_mut(slot.index()),
        }
    }

    /// The lane of a slot for writing, with room made for it.
    pub(super) fn lane_mut(&mut self, slot: Slot) -> &mut u64 {
        if slot.index() >= self.lanes().len() {
            self.grow();
        }
        &mut self.lanes_mut()[slot.index()]
    }

    /// The quickest way to look at two vectors together.
    #[inline]
    pub(super) fn beside<'a>(&'a self, other: &'a Self) -> Beside<'a> {
        match (self, other) {
            (
                Self::Inline { members: own, is_small, lanes: left },
                Self::Inline { members: others, lanes: right, .. },
            ) if own.is_same(others) => match is_small {
                true => Beside::Small(small(left), small(right)),
                false => Beside::Inline(left, right),
            },
            _ if self.is_same(other) => Beside::SameLanes,
            _ if self.members().is_same(other.members()) => Beside::Slices(self.lanes(), other.lanes()),
            _ => Beside::OtherSlots,
        }
    }

    /// Whether both are one allocation, and so equal without looking.
    #[inline]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Shared(own), Self::Shared(other)) if Arc::ptr_eq(own, other))
    }

    /// Raises each lane to the other's, over the same members. Nothing is copied if nothing rises.
    #[inline]
    pub(super) fn join(&mut self, other: &Self) {
        if let (Self::Inline { lanes, is_small, .. }, Self::Inline { lanes: others, .. }) =
            (&mut *self, other)
        {
            return match is_small {
                true => super::lanes::join(&mut lanes[..SMALL], small(others)),
                false => super::lanes::join(lanes, others),
            };
        }
        self.join_lanes(other.lanes());
    }

    fn join_lanes(&mut self, others: &[u64]) {
        let is_copied = matches!(self, Self::Shared(shared) if !shared.is_unique());
        if is_copied && simd::contains(self.lanes(), others) {
            return;
        }
        if others.len() > self.lanes().len() {
            self.grow();
        }
        simd::join(self.lanes_mut(), others);
    }

    /// Takes the members out, so that a table nobody else uses can be extended where it is. To be put back at once.
    pub(super) fn take_members(&mut self) -> Membership<K> {
        match self {
            Self::Inline { members, .. } => core::mem::take(members),
            Self::Shared(shared) => match Arc::get_mut(shared) {
                Some(own) => core::mem::take(&mut own.header),
                None => shared.header.clone(),
            },
        }
    }

    /// Puts the lanes over other members, whose slots of the lanes in use are the same.
    pub(super) fn set_members(&mut self, new: Membership<K>) {
        match self {
            Self::Inline { members, is_small, .. } if new.len() <= INLINE => {
                *is_small = new.len() <= SMALL;
                *members = new;
            }
            Self::Shared(shared) if shared.slice.len() >= new.len() && shared.is_unique() => {
                Arc::get_mut(shared).expect("asked in the line above").header = new;
            }
            _ => *self = Self::with_lanes(new, &trimmed(self.lanes())),
        }
    }

    /// Gives every member a lane.
    fn grow(&mut self) {
        *self = Self::with_lanes(self.members().clone(), &trimmed(self.lanes()));
    }
}

#[inline]
fn small(lanes: &[u64; INLINE]) -> &[u64; SMALL] {
    lanes.first_chunk().expect("a half of them")
}

/// Without the zeros at the end, so that an inline form of fewer members fits.
fn trimmed(lanes: &[u64]) -> Vec<u64> {
    let used = lanes.iter().rposition(|lane| *lane != 0).map_or(0, |last| last + 1);
    lanes[..used].to_vec()
}

impl<K> Clone for Repr<K> {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Inline { members, is_small, lanes } => {
                Self::Inline { members: members.clone(), is_small: *is_small, lanes: *lanes }
            }
            Self::Shared(shared) => Self::Shared(shared.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    fn members(count: usize) -> Membership<String> {
        Membership::of((0..count).map(|number| number.to_string())).unwrap()
    }

    /// Lane by lane its number, from 1.
    fn counted(count: usize) -> Repr<String> {
        let lanes: Vec<u64> = (1..=count as u64).collect();
        Repr::with_lanes(members(count), &lanes)
    }

    fn slot(index: usize) -> Slot {
        Slot::at(index)
    }

    fn is_shared(repr: &Repr<String>) -> bool {
        matches!(repr, Repr::Shared(_))
    }

    #[test]
    fn lanes_are_in_the_value_up_to_the_limit_and_shared_beyond() {
        assert!(!is_shared(&counted(INLINE)) && is_shared(&counted(INLINE + 1)));
        for count in 0..=INLINE + 2 {
            let repr = counted(count);
            let used: Vec<u64> = (1..=count as u64).collect();
            assert_eq!(repr.lanes()[..count], used);
            assert!(repr.lanes()[count..].iter().all(|lane| *lane == 0));
        }
    }

    #[test]
    fn growing_beyond_the_limit_keeps_each_lane() {
        let mut repr = counted(INLINE);
        let copy = repr.clone();
        repr.set_members(members(INLINE + 1));
        *repr.lane_mut(slot(INLINE)) = 99;
        assert!(is_shared(&repr) && !is_shared(&copy));
        assert_eq!(repr.lanes(), [1, 2, 3, 4, 5, 6, 7, 8, 99]);
        assert_eq!(copy.lanes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn putting_lanes_over_more_members_keeps_them_and_leaves_copies_alone() {
        for (before, after) in [(0, 3), (3, INLINE), (3, 20), (INLINE, 20), (9, 10), (9, 40)] {
            let mut repr = counted(before);
            let copy = repr.clone();
            repr.set_members(members(after));
            assert_eq!(repr.members().len(), after);
            let used: Vec<u64> = (1..=before as u64).collect();
            assert_eq!(repr.lanes()[..before], used, "{before} to {after}");
            *repr.lane_mut(slot(after - 1)) = 77;
            assert_eq!(repr.lanes()[after - 1], 77);
            assert_eq!(copy.lanes()[..before], used, "{before} to {after}");
            assert_eq!(copy.members().len(), before);
        }
    }

    #[test]
    fn taking_the_members_out_and_putting_them_back_changes_nothing() {
        for count in [0, 3, INLINE, 20] {
            for is_copied in [false, true] {
                let mut repr = counted(count);
                let copy = is_copied.then(|| repr.clone());
                let taken = repr.take_members();
                repr.set_members(taken);
                assert_eq!(repr.members(), &members(count));
                assert_eq!(repr.lanes(), counted(count).lanes());
                assert!(copy.is_none_or(|copy| copy.members() == &members(count)));
            }
        }
    }

    #[test]
    fn writing_to_shared_lanes_copies_them_once() {
        let mut repr = counted(20);
        let copy = repr.clone();
        assert!(repr.is_same(&copy), "a copy is the same allocation");
        *repr.lane_mut(slot(3)) = 50;
        assert!(!repr.is_same(&copy));
        assert_eq!((repr.lanes()[3], copy.lanes()[3]), (50, 4));
        let address = repr.lanes().as_ptr();
        *repr.lane_mut(slot(4)) = 60;
        assert_eq!(repr.lanes().as_ptr(), address, "alone now, and written in place");
    }

    #[test]
    fn joining_what_is_contained_leaves_a_copy_shared() {
        let mut repr = counted(20);
        let copy = repr.clone();
        repr.join_lanes(&[1; 20]);
        assert!(repr.is_same(&copy));
        repr.join_lanes(&[30]);
        assert!(!repr.is_same(&copy));
        assert_eq!((repr.lanes()[0], copy.lanes()[0]), (30, 1));
    }

    #[test]
    fn joining_shorter_and_longer_lanes_takes_the_larger_of_each() {
        for count in [3, INLINE, 20] {
            for others in [0, 2, count] {
                let mut repr = counted(count);
                repr.join_lanes(&alloc::vec![2; others]);
                for (index, lane) in repr.lanes().iter().enumerate().take(count) {
                    let own = index as u64 + 1;
                    assert_eq!(*lane, if index < others { own.max(2) } else { own }, "{count} with {others}");
                }
            }
        }
    }
}
