//! Siblings: the values of one key that no write has replaced, for a store whose clients hold no clock.
//!
//! Problem: two clients read nothing and write through one server. With a version vector for each value, the server
//! can only count itself: the values get `{a: 1}` and `{a: 2}`, the second appears to have seen the first, and a write
//! is lost. One vector for both values instead loses which value is which, and a client that read the first can
//! replace neither. An entry for each client would be right, and would grow with every client there ever was.
//!
//! Approach, of Almeida et al.: keep the *name* of a write, its [`Dot`], apart from the *past* it had seen. Here each
//! value has its dot, and one vector, the [`Context`], is the past of them all. A read hands out the context; a write
//! hands it back, and replaces exactly the values whose dots it covers. A server mints the dot, so vectors grow with
//! servers only. Two states of a key join: a value survives unless one side has seen its dot and has it no more.
//!
//! Invariants: each dot is covered by the context; dots ascend; a server's next dot is one above what the context has
//! of it, so as long as a state is kept, a dot is used once. Forgetting the state of a key forgets its dots: keep a
//! tombstone (a delete is a write of one), or let the server take a new incarnation. A state has at most [`SIBLINGS_MAX`]
//! values of each server: a write checks it, and of a server's values a join keeps no more than one side has, since the
//! side that knows fewer of its writes has none that the other has not seen.
//!
//! A context is a claim of whoever holds it. A [`write`](Siblings::write) takes over no event that is not known already,
//! so it drops nothing but values that are here. Suppressing what has not arrived yet is an explicit act
//! ([`write_ahead`](Siblings::write_ahead)).
//!
//! This module never reads a clock, and never picks a winner.
//!
//! Sources: Almeida et al., *Scalable and Accurate Causality Tracking for Eventually Consistent Stores*, DAIS 2014,
//! section 5; Preguiça et al., *Dotted Version Vectors: Logical Clocks for Optimistic Replication*, 2010.

use alloc::vec::Vec;

use thiserror::Error;

use super::context::Context;
use super::version_vector::VECTOR_ENTRIES_MAX;
use crate::clocks::{MAX_COUNTER, MAX_JUMP};
use crate::id::{Dot, ReplicaId};

/// Most siblings of one key that a write may lead to. A key with a hundred unresolved values has a writer that never
/// reads; it is told, since each reader pays for it.
///
/// So no state ever has more than this many values of *each* server, and that is what a decoder accepts: of a server's
/// writes, a join has a part of what the side that knows more of them has. Joins need no limit of their own, and servers
/// never refuse each other's states for one.
pub const SIBLINGS_MAX: usize = 128;

/// The concurrent values of one key, and the causal past of them all.
///
/// Equal if the same writes survive and the same events were seen, provided that equal dots have equal values.
///
/// ```
/// use clock_core::{Context, ReplicaId, Siblings};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server: ReplicaId = "pacific.1a2b3c4d".parse()?;
/// let mut key = Siblings::new();
/// key.write(&Context::new(), &server, "first")?;
/// let (_, context) = key.read(); // One client reads "first" ...
/// key.write(&Context::new(), &server, "second")?; // ... another writes without having read ...
/// key.write(&context, &server, "third")?; // ... and the first client replaces what it read.
/// assert_eq!(key.values().collect::<Vec<_>>(), [&"second", &"third"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Siblings<V> {
    /// By ascending dot.
    values: Vec<(Dot, V)>,
    context: Context,
}

/// A context claims events of a replica that the replica has not minted: it is forged or of another key, or the replica
/// lost state. In the last case the replica must not mint again before it took a new incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a context claims event {claimed} of {replica}, which has minted {minted}")]
pub struct ContextFromTheFuture {
    /// Whose events.
    pub replica: ReplicaId,
    /// The last one claimed.
    pub claimed: u64,
    /// The last one there is.
    pub minted: u64,
}

/// After the write a key would have too many siblings. Read it, and write with the context of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a write leads to at most {limit} concurrent values of a key")]
pub struct TooManySiblings {
    /// [`SIBLINGS_MAX`].
    pub limit: usize,
}

/// Why a write or a peer's state was not taken. The siblings are unchanged in every case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SiblingsRefused {
    /// The context claims events of this replica that it has not minted.
    #[error(transparent)]
    FromTheFuture(#[from] ContextFromTheFuture),
    /// The context claims events of another server that are not known here. Pull the key from that server first, or hand
    /// the write to it. Taken, the writes that really get those numbers would be dropped here when they arrive.
    #[error(
        "a context claims event {claimed} of {replica}, of which {known} are known here: pull from it first"
    )]
    Unseen {
        /// Whose events.
        replica: ReplicaId,
        /// The last one claimed.
        claimed: u64,
        /// The last one known here.
        known: u64,
    },
    /// The write would lead to too many siblings.
    #[error(transparent)]
    TooMany(#[from] TooManySiblings),
    /// The context is further ahead than a working system gets between two messages. Taken, it would suppress that
    /// many writes still to come.
    #[error("a context claims event {claimed} of {replica}: at most {limit} is accepted")]
    Jump {
        /// Whose events.
        replica: ReplicaId,
        /// The last one claimed.
        claimed: u64,
        /// The last one that would have been accepted.
        limit: u64,
    },
    /// The past of the key would name more replicas than fit a message.
    #[error("the past of a key has at most {limit} replicas")]
    TooManyReplicas {
        /// [`VECTOR_ENTRIES_MAX`].
        limit: usize,
    },
    /// The replica was retired: it writes under a new incarnation.
    #[error("{replica} was retired and can mint no more")]
    Retired {
        /// Who was to write.
        replica: ReplicaId,
    },
    /// The replica has minted [`MAX_COUNTER`] dots for this key. Only a new incarnation goes on.
    #[error("{replica} has minted {MAX_COUNTER} dots for this key and can mint no more")]
    Exhausted {
        /// Whose counter is used up.
        replica: ReplicaId,
    },
}

impl<V> Siblings<V> {
    /// A key that was never written.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: Vec::new(), context: Context::new() }
    }

    /// The values, and the context that a write must bring back to replace just these.
    ///
    /// The context is a snapshot: later writes do not change it.
    pub fn read(&self) -> (impl Iterator<Item = &V>, Context) {
        (self.values(), self.context.clone())
    }

    /// The values that no write has replaced, by ascending dot: one, or several if they are concurrent.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter().map(|(_, value)| value)
    }

    /// The values with the names of their writes, ascending.
    pub fn dotted_values(&self) -> impl Iterator<Item = (&Dot, &V)> {
        self.values.iter().map(|(dot, value)| (dot, value))
    }

    /// All events of the key that are known here, replaced or not.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the key was never written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One client's write through the server `replica`: replaces exactly the values that the context covers, and returns
    /// the dot minted for the new one. A blind write has the empty context, and replaces nothing.
    ///
    /// The context must have been read from a state that is known here: so a write drops nothing but values that are
    /// here, whatever a client sends. For clients that read at one server and write at another there is
    /// [`write_ahead`](Self::write_ahead), with its price.
    ///
    /// Costs a look-up for each value and each entry of the context.
    ///
    /// # Errors
    /// [`SiblingsRefused`]. Nothing was changed, and no dot was used.
    pub fn write(
        &mut self,
        context: &Context,
        replica: &ReplicaId,
        value: V,
    ) -> Result<Dot, SiblingsRefused> {
        self.check_known(context, replica)?;
        self.write_ahead(context, replica, value)
    }

    /// As [`write`](Self::write), for a context that may know more of *other* servers than this one does: the client
    /// read there, and roams. Only for contexts that cannot be forged: from clients that are trusted, or signed by the
    /// server that handed them out and bound to the key.
    ///
    /// This server then believes in events it has not seen. If they are real, their values were read and replaced by
    /// this write. If they are invented, each true write that gets such a number is dropped here without a word when it
    /// arrives, and the server that mints them refuses this state
    /// ([`FromTheFuture`](SiblingsRefused::FromTheFuture)) until it has caught up.
    ///
    /// # Errors
    /// [`SiblingsRefused`]. Nothing was changed, and no dot was used.
    pub fn write_ahead(
        &mut self,
        context: &Context,
        replica: &ReplicaId,
        value: V,
    ) -> Result<Dot, SiblingsRefused> {
        self.check_past(context, replica)?;
        let survivors = self.values.iter().filter(|(dot, _)| !context.covers(dot)).count();
        check_count(survivors + 1)?;
        let dot = self.next_dot(replica)?;
        self.values.retain(|(sibling, _)| !context.covers(sibling));
        self.context.merge(context);
        self.context.add(&dot);
        let place = self.values.partition_point(|(sibling, _)| *sibling < dot);
        self.values.insert(place, (dot.clone(), value));
        Ok(dot)
    }

    /// Whether the context claims nothing of other servers that is not known here.
    fn check_known(&self, context: &Context, own: &ReplicaId) -> Result<(), SiblingsRefused> {
        let is_unseen =
            |(replica, claimed): &(&ReplicaId, u64)| *replica != own && *claimed > self.minted_by(replica);
        let Some((replica, claimed)) = context.vector().iter().find(is_unseen) else {
            return Ok(());
        };
        let known = self.minted_by(replica);
        Err(SiblingsRefused::Unseen { replica: replica.clone(), claimed, known })
    }

    /// What is minted next. What the context has of a replica, it has all of: its writes reach others as whole states.
    fn next_dot(&self, replica: &ReplicaId) -> Result<Dot, SiblingsRefused> {
        match self.minted_by(replica) {
            _ if self.context.vector().members().is_retired(replica) => {
                Err(SiblingsRefused::Retired { replica: replica.clone() })
            }
            minted if minted < MAX_COUNTER => Ok(Dot { replica: replica.clone(), seq: minted + 1 }),
            _ => Err(SiblingsRefused::Exhausted { replica: replica.clone() }),
        }
    }

    fn minted_by(&self, replica: &ReplicaId) -> u64 {
        self.context.vector().upto(replica)
    }

    /// Whether the replica `own` may take over this past.
    fn check_past(&self, past: &Context, own: &ReplicaId) -> Result<(), SiblingsRefused> {
        let mut unknown_count = 0;
        for (replica, claimed) in past.vector().iter() {
            let known = self.minted_by(replica);
            let limit = known.saturating_add(MAX_JUMP);
            if replica == own && claimed > known {
                let replica = replica.clone();
                return Err(ContextFromTheFuture { replica, claimed, minted: known }.into());
            }
            if claimed > limit {
                return Err(SiblingsRefused::Jump { replica: replica.clone(), claimed, limit });
            }
            unknown_count += usize::from(known == 0);
        }
        // Room is kept for the entry of this replica itself, so that it can still write.
        let own_count = usize::from(self.minted_by(own) == 0);
        if self.context.vector().len() + unknown_count + own_count > VECTOR_ENTRIES_MAX {
            return Err(SiblingsRefused::TooManyReplicas { limit: VECTOR_ENTRIES_MAX });
        }
        Ok(())
    }

    fn holds(&self, dot: &Dot) -> bool {
        self.values.binary_search_by(|(own, _)| own.cmp(dot)).is_ok()
    }

    #[cfg(feature = "serde")]
    pub(super) fn as_slice(&self) -> &[(Dot, V)] {
        &self.values
    }

    /// Values with their dots, ascending, and a past that covers them: the caller has checked both.
    #[cfg(feature = "serde")]
    pub(super) fn of_parts(context: Context, values: Vec<(Dot, V)>) -> Self {
        debug_assert!(values.is_sorted_by(|(left, _), (right, _)| left < right), "dots out of order");
        Self { values, context }
    }
}

impl<V: Clone> Siblings<V> {
    /// Joins what another server has of the same key: idempotent, commutative, associative.
    ///
    /// For states of one's own system: it checks nothing. What a peer sent belongs in [`try_merge`](Self::try_merge).
    pub fn merge(&mut self, other: &Self) {
        let news: Vec<_> = self.news_of(other).cloned().collect();
        self.values.retain(|(dot, _)| other.holds(dot) || !other.context.covers(dot));
        if !news.is_empty() {
            self.values.extend(news);
            self.values.sort_by(|(left, _), (right, _)| left.cmp(right));
        }
        self.context.merge(&other.context);
    }

    /// As [`merge`](Self::merge), at the server `own`, for a state that a peer sent.
    ///
    /// # Errors
    /// [`SiblingsRefused`]: above all if the peer knows writes of ours that we do not, which is the alarm that state was
    /// lost. The siblings are unchanged.
    pub fn try_merge(&mut self, other: &Self, own: &ReplicaId) -> Result<(), SiblingsRefused> {
        self.check_past(&other.context, own)?;
        self.merge(other);
        Ok(())
    }

    /// What survives in the other and is not known here.
    fn news_of<'a>(&self, other: &'a Self) -> impl Iterator<Item = &'a (Dot, V)> {
        other.values.iter().filter(|(dot, _)| !self.context.covers(dot))
    }
}

impl<V> Default for Siblings<V> {
    fn default() -> Self {
        Self::new()
    }
}

fn check_count(count: usize) -> Result<(), TooManySiblings> {
    if count > SIBLINGS_MAX {
        return Err(TooManySiblings { limit: SIBLINGS_MAX });
    }
    Ok(())
}
