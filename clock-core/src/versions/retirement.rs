//! How a member leaves without anything being forgotten that someone may still ask for.
//!
//! Vectors only ever grow: an incarnation that is gone keeps its entry for ever. Dropping an entry by age is what makes
//! stores sync the same values in full, over and over: a vector without the entry and one with it appear concurrent.
//! An entry may go when it says nothing any more, that is, when it is the same in every vector that is still compared:
//! the replica mints no more, and its last event is held by all. [`Stability::retire`](crate::Stability::retire) checks
//! that of the members; a [`Translation`] checks it of each vector it carries over.
//!
//! Invariant: among vectors that were carried over, `compare`, `merge` and `==` mean what they meant before.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::membership::Membership;
use super::version_vector::VersionVector;
use crate::id::ReplicaId;

/// What a retirement leads to: the members of the next epoch, and the way there for old vectors.
#[derive(Clone, Debug)]
pub struct Retirement {
    translation: Translation,
}

/// Carries vectors over to the epoch in which a replica has no entry.
#[derive(Clone, Debug)]
pub struct Translation {
    retired: ReplicaId,
    last: u64,
    members: Membership,
}

/// Why a member was not retired. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RetireRefused {
    /// It is no member, or not any more.
    #[error("{replica} is not a member")]
    NotAMember {
        /// Who that is.
        replica: ReplicaId,
    },
    /// Nobody else could hold its events.
    #[error("{replica} is the last member")]
    LastMember {
        /// Who that is.
        replica: ReplicaId,
    },
    /// Members have not acknowledged all of its events. Wait for them, bring them up to date, or retire them first.
    #[error("{replica} cannot retire before all members hold its {needs} events: {}", Lacking(.lacking))]
    StillLacking {
        /// Who was to be retired.
        replica: ReplicaId,
        /// The last of its events.
        needs: u64,
        /// Who lacks some, with the last event each has acknowledged, in the order of their slots.
        lacking: Vec<(ReplicaId, u64)>,
    },
    /// It cannot have ended before an event that it and all others hold.
    #[error("{replica} cannot retire with {last} events: all members hold {held_by_all}")]
    HeldByAll {
        /// Who was to be retired.
        replica: ReplicaId,
        /// What was given as its last event.
        last: u64,
        /// The last one that all members have acknowledged.
        held_by_all: u64,
    },
}

/// Why a vector cannot be carried over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TranslateRefused {
    /// It lacks events of the retired replica, and without the entry nothing would say so. Its owner must catch up first.
    #[error("a vector has {has} of the {needs} events of {replica}, which was retired")]
    BelowFrontier {
        /// Who was retired.
        replica: ReplicaId,
        /// How many of its events the vector contains.
        has: u64,
        /// How many there are.
        needs: u64,
    },
    /// It has events of the replica from after its retirement: the replica was not stopped, and they would be lost.
    #[error("a vector has {has} events of {replica}, which was retired with {last}")]
    AfterRetirement {
        /// Who was retired.
        replica: ReplicaId,
        /// The last of its events in the vector.
        has: u64,
        /// The last one it was retired with.
        last: u64,
    },
}

impl Retirement {
    pub(super) fn new(retired: ReplicaId, last: u64, members: Membership) -> Self {
        Self { translation: Translation { retired, last, members } }
    }

    /// The members of the next epoch. They remember the retired one, so that it is never admitted again.
    #[must_use]
    pub fn members(&self) -> &Membership {
        &self.translation.members
    }

    /// Who was retired.
    #[must_use]
    pub fn retired(&self) -> &ReplicaId {
        &self.translation.retired
    }

    /// The last of its events; 0 if it had none.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.translation.last
    }

    /// The way there for old vectors.
    #[must_use]
    pub fn translation(&self) -> &Translation {
        &self.translation
    }
}

impl Translation {
    /// The same vector over the members of the next epoch, without the entry of the retired replica.
    ///
    /// A vector is to be carried over once: what was carried over lacks the entry, and is refused. Entries of replicas
    /// that are no members stay. Costs a search for each entry.
    ///
    /// # Errors
    /// [`TranslateRefused`] unless the vector contains exactly the events that the replica was retired with: only then
    /// does dropping the entry lose nothing.
    pub fn translate(&self, vector: &VersionVector) -> Result<VersionVector, TranslateRefused> {
        self.check(vector.upto(&self.retired))?;
        let mut carried = VersionVector::over(&self.members);
        for (replica, upto) in vector.iter().filter(|(replica, _)| **replica != self.retired) {
            carried.raise(replica, upto);
        }
        Ok(carried)
    }

    fn check(&self, has: u64) -> Result<(), TranslateRefused> {
        let (replica, last) = (|| self.retired.clone(), self.last);
        if has < last {
            return Err(TranslateRefused::BelowFrontier { replica: replica(), has, needs: last });
        }
        if has > last {
            return Err(TranslateRefused::AfterRetirement { replica: replica(), has, last });
        }
        Ok(())
    }
}

/// The first few by name, since a message is for people.
struct Lacking<'a>(&'a [(ReplicaId, u64)]);

impl fmt::Display for Lacking<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMED_MAX: usize = 3;
        for (index, (member, has)) in self.0.iter().take(NAMED_MAX).enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            write!(formatter, "{member} has {has}")?;
        }
        match self.0.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => write!(formatter, ", and {more} more lack some"),
        }
    }
}
