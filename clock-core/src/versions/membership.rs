//! Who has a place in a vector: ids interned to small slots.
//!
//! Vectors that compare lane by lane must agree on whose lane is which. A [`Membership`] is that agreement: an immutable
//! table of ids that vectors share, so that "the same table" is one comparison of pointers. Adding a member makes a
//! new table of the next epoch; slots are never moved or reused within it, so older vectors stay valid: they merely
//! have fewer lanes. A member that came back without its state is a new member: a [`ReplicaId`] has an
//! [`Incarnation`](crate::Incarnation) for that.
//!
//! A member leaves by [`Stability::retire`](crate::Stability::retire) alone, which makes a table of new slots. The table
//! itself remembers who left, since that is where it could be forgotten: an id that was admitted again would start at
//! 0, and its new events would bear the names of old ones.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;

use thiserror::Error;
use triomphe::Arc;

use super::version_vector::VECTOR_ENTRIES_MAX;
use crate::id::ReplicaId;

/// Most members of one table: a thousand stations with sixty past incarnations each.
///
/// Checked where members are admitted. Vectors of one process that are merged without a check grow with what they merge.
pub const MEMBERS_MAX: usize = 1 << 16;

/// A member's place in a [`Membership`] and so in each vector over it. Means nothing in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    #[inline]
    pub(super) fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("a table outgrows memory long before 2^32 members"))
    }

    /// The place as an index, from 0, in order of admission.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An immutable table of members, cheap to clone. [`ReplicaId`]s for stores, shared strings for named clocks.
pub struct Membership<K = ReplicaId> {
    table: Option<Arc<Table<K>>>,
}

#[derive(Clone)]
struct Table<K> {
    epoch: u64,
    /// By slot.
    ids: Vec<K>,
    /// All slots, in ascending order of their ids.
    ascending: Vec<Slot>,
    /// Who was a member and never will be again, ascending.
    retired: Vec<K>,
}

/// Why a membership was not made. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MembershipRefused {
    /// A member is listed twice, or is in already. One that lost its state comes back under a new incarnation.
    #[error("{id} is a member already")]
    AlreadyMember {
        /// The id, as text.
        id: alloc::string::String,
    },
    /// It was a member and was retired. It may come back under a new incarnation.
    #[error("{id} was retired and cannot be a member again")]
    Retired {
        /// The id, as text.
        id: alloc::string::String,
    },
    /// There is no slot left. Who was retired counts, since it is remembered.
    #[error("a membership has at most {limit} members, past ones included")]
    Full {
        /// [`MEMBERS_MAX`].
        limit: usize,
    },
}

impl<K> Membership<K> {
    /// No members, epoch 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: None }
    }

    /// How many changes led here. Greater within one line of tables, and meaningless across two.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.epoch)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids().is_empty()
    }

    /// The member of a slot, if the slot is of this table.
    #[must_use]
    pub fn id(&self, slot: Slot) -> Option<&K> {
        self.ids().get(slot.index())
    }

    /// The members in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &K)> {
        self.ids().iter().enumerate().map(|(index, id)| (Slot::at(index), id))
    }

    /// The members in ascending order of their ids.
    pub fn ascending(&self) -> impl Iterator<Item = (Slot, &K)> {
        let ids = self.ids();
        self.order().iter().map(|slot| (*slot, &ids[slot.index()]))
    }

    /// Who was retired in the line of tables that led here, ascending.
    pub fn retired(&self) -> impl Iterator<Item = &K> {
        self.tombstones().iter()
    }

    fn tombstones(&self) -> &[K] {
        self.table.as_ref().map_or(&[], |table| &table.retired)
    }

    /// Whether both are one and the same table, which makes their slots the same without looking.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    /// What tells tables apart while both are held; 0 for the empty one.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        self.table.as_ref().map_or(0, |table| Arc::as_ptr(table).addr())
    }

    pub(super) fn ids(&self) -> &[K] {
        self.table.as_ref().map_or(&[], |table| &table.ids)
    }

    pub(super) fn order(&self) -> &[Slot] {
        self.table.as_ref().map_or(&[], |table| &table.ascending)
    }
}

impl<K: Ord> Membership<K> {
    /// A member's slot.
    #[must_use]
    pub fn slot<Q: Ord + ?Sized>(&self, id: &Q) -> Option<Slot>
    where
        K: Borrow<Q>,
    {
        self.find_rank(id).ok().map(|rank| self.order()[rank])
    }

    /// Whether it was a member and was retired.
    #[must_use]
    pub fn is_retired<Q: Ord + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.tombstones().binary_search_by(|past| past.borrow().cmp(id)).is_ok()
    }

    fn find_rank<Q: Ord + ?Sized>(&self, id: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        let ids = self.ids();
        self.order().binary_search_by(|slot| ids[slot.index()].borrow().cmp(id))
    }
}

impl<K: Ord + Clone> Membership<K> {
    /// A first table of these members, slots in the order given.
    ///
    /// # Errors
    /// [`MembershipRefused`] if one is listed twice, or there are more than [`MEMBERS_MAX`].
    pub fn of(ids: impl IntoIterator<Item = K>) -> Result<Self, MembershipRefused>
    where
        K: fmt::Display,
    {
        ids.into_iter().try_fold(Self::new(), |members, id| members.with(id))
    }

    /// This table with one member more, as the next epoch. Vectors over this one remain valid beside those over the
    /// next.
    ///
    /// # Errors
    /// [`MembershipRefused`] if it is a member already, was retired, or there is no slot left.
    pub fn with(mut self, id: K) -> Result<Self, MembershipRefused>
    where
        K: fmt::Display,
    {
        let Err(rank) = self.find_rank(&id) else {
            return Err(MembershipRefused::AlreadyMember { id: alloc::format!("{id}") });
        };
        if self.is_retired(&id) {
            return Err(MembershipRefused::Retired { id: alloc::format!("{id}") });
        }
        if self.len() + self.tombstones().len() >= MEMBERS_MAX {
            return Err(MembershipRefused::Full { limit: MEMBERS_MAX });
        }
        self.insert(rank, id);
        Ok(self)
    }

    /// A table as it was stored: members by slot, and who was retired before. What [`iter`](Self::iter),
    /// [`retired`](Self::retired) and [`epoch`](Self::epoch) said of a table makes an equal one.
    ///
    /// # Errors
    /// [`MembershipRefused`] if one is listed twice, is listed as retired, or there are too many.
    pub fn restored(
        epoch: u64,
        ids: impl IntoIterator<Item = K>,
        retired: impl IntoIterator<Item = K>,
    ) -> Result<Self, MembershipRefused>
    where
        K: fmt::Display,
    {
        let mut retired: Vec<K> = retired.into_iter().collect();
        retired.sort_unstable();
        retired.dedup();
        let bare = Table { retired, ..Table::empty() };
        let members =
            ids.into_iter().try_fold(Self { table: Some(Arc::new(bare)) }, |members, id| members.with(id))?;
        Ok(members.in_epoch(epoch))
    }

    fn in_epoch(mut self, epoch: u64) -> Self {
        if let Some(table) = &mut self.table {
            Arc::make_mut(table).epoch = epoch;
        }
        self
    }

    /// Whether a vector over this table had better move to the other one: it must lose nothing by it, neither a member
    /// nor the memory of who was retired, and of two equally good tables everybody must choose the same.
    pub(super) fn yields_to(&self, other: &Self) -> bool {
        let room = VECTOR_ENTRIES_MAX.max(self.len());
        let loses_nothing = other.len() <= room
            && self.tombstones().iter().all(|gone| other.is_retired(gone))
            && self.ids().iter().all(|id| other.slot(id).is_some())
            && self.tombstones().iter().all(|gone| other.slot(gone).is_none());
        loses_nothing && self.preference() < other.preference()
    }

    /// More members first, then more memory, then age; the rest decides what would otherwise go back and forth.
    fn preference(&self) -> (usize, usize, u64, &[K], usize) {
        (self.len(), self.tombstones().len(), self.epoch(), self.ids(), self.address())
    }

    /// The table without a member, as the next epoch: the others keep their order and move up, so slots of this table
    /// mean nothing in it. Whether the member may go is for the caller to know.
    pub(super) fn without(&self, gone: Slot) -> Self {
        let rest: Vec<K> = self.iter().filter(|(slot, _)| *slot != gone).map(|(_, id)| id.clone()).collect();
        let mut ascending: Vec<Slot> = (0..rest.len()).map(Slot::at).collect();
        ascending.sort_unstable_by(|left, right| rest[left.index()].cmp(&rest[right.index()]));
        let mut retired = self.tombstones().to_vec();
        retired.extend(self.id(gone).cloned());
        retired.sort_unstable();
        Self { table: Some(Arc::new(Table { epoch: self.epoch() + 1, ids: rest, ascending, retired })) }
    }

    /// The slot of `id`, which becomes a member if it is none. A table that others use is copied first.
    pub(super) fn intern<Q: Ord + ?Sized>(&mut self, id: &Q, to_member: impl FnOnce(&Q) -> K) -> Slot
    where
        K: Borrow<Q>,
    {
        match self.find_rank(id) {
            Ok(rank) => self.order()[rank],
            Err(rank) => self.insert(rank, to_member(id)),
        }
    }

    fn insert(&mut self, rank: usize, id: K) -> Slot {
        let slot = Slot::at(self.len());
        let table = Arc::make_mut(self.table.get_or_insert_with(|| Arc::new(Table::empty())));
        table.epoch += 1;
        table.ids.push(id);
        table.ascending.insert(rank, slot);
        slot
    }

    /// This table with more members: ids that ascend strictly, none of which is in it.
    #[cfg(feature = "headers")]
    pub(super) fn extended(&self, new: impl Iterator<Item = K>) -> Self {
        let mut ids = self.ids().to_vec();
        ids.extend(new);
        let mut ascending: Vec<Slot> = (0..ids.len()).map(Slot::at).collect();
        ascending.sort_by(|left, right| ids[left.index()].cmp(&ids[right.index()]));
        let retired = self.tombstones().to_vec();
        Self { table: Some(Arc::new(Table { epoch: self.epoch() + 1, ids, ascending, retired })) }
    }

    /// A table of ids that ascend strictly: slots in that order. The caller has checked both.
    pub(super) fn of_ascending(ids: Vec<K>, epoch: u64) -> Self {
        debug_assert!(ids.is_sorted_by(|left, right| left < right), "ids out of order");
        if ids.is_empty() {
            return Self::new();
        }
        let ascending = (0..ids.len()).map(Slot::at).collect();
        Self { table: Some(Arc::new(Table { epoch, ids, ascending, retired: Vec::new() })) }
    }
}

impl<K: Clone> Table<K> {
    const fn empty() -> Self {
        Self { epoch: 0, ids: Vec::new(), ascending: Vec::new(), retired: Vec::new() }
    }
}

impl<K> Clone for Membership<K> {
    fn clone(&self) -> Self {
        Self { table: self.table.clone() }
    }
}

impl<K> Default for Membership<K> {
    fn default() -> Self {
        Self::new()
    }
}

/// By content: the same ids in the same slots, and the same memory of who was retired. The epoch takes no part.
impl<K: PartialEq> PartialEq for Membership<K> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.ids() == other.ids() && self.tombstones() == other.tombstones())
    }
}

impl<K: Eq> Eq for Membership<K> {}

impl<K: fmt::Debug> fmt::Debug for Membership<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("epoch", &self.epoch()).field("ids", &self.ids()).finish()
    }
}

#[cfg(test)]
mod tests;
