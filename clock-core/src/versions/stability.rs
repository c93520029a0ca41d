//! Stability: which events every member has for good, what can still arrive beside them, and who is waited for.
//!
//! Two questions, often taken for one. What all members hold durably is **held by all**: nobody will ask for it again,
//! so its log record can go, and a member all of whose events got there can leave. It does not follow that nothing
//! concurrent to it is under way: b may have minted an event before it received one of a's, acknowledged that one, and
//! its own event has still to arrive elsewhere. An event is **causally stable** at a member if everything that is still
//! delivered there comes after it: only then may what orders it (its tag, its tombstone) be forgotten.
//!
//! Approach: a matrix clock. For each member there is a row, what that member said it holds, in the same slots as the
//! vectors. The *frontier*, the minimum of each column and kept up to date as rows grow, is what all hold. The diagonal
//! is what each member had minted when it said so. An acknowledgement is absolute ("I hold all of this"), so one that is
//! lost, late, repeated or overtaken does no harm.
//!
//! The theorem behind causal stability and what it assumes are with [`Stability::is_causally_stable`].
//!
//! Invariants: no row and no entry of the frontier ever goes down. Below the frontier every member has acknowledged all
//! it had to when that part of it was reached. What a member says of *another's* events is a claim: as the replica itself has a
//! row, none of its events is held by all before it said that it minted them.
//!
//! This module knows no time-outs: it names who holds the frontier back, and leaves it to others to call them dead.
//! Rows are not stored: after a restart all but the own one ([`Stability::resuming`]) start at zero, and the next
//! acknowledgements bring them back.
//!
//! Sources: Wuu and Bernstein, *Efficient Solutions to the Replicated Log and Dictionary Problems*, PODC 1984, for the
//! two-dimensional time-table (the matrix clock) and what is held by all; Baquero, Almeida and Shoker, *Making
//! Operation-Based CRDTs Operation-Based*, DAIS 2014, for causal stability; Ladin et al., *Providing High Availability
//! Using Lazy Replication*, TOCS 1992, for discarding what is known everywhere.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use thiserror::Error;

use super::membership::{Membership, MembershipRefused, Slot};
use super::retirement::{RetireRefused, Retirement};
use super::version_vector::VersionVector;
use crate::clocks::MAX_JUMP;
use crate::id::{Dot, ReplicaId};

/// A matrix clock: what each member has durably acknowledged, what all have, and what nothing concurrent can come beside
/// any more. Takes eight bytes for each pair of members.
///
/// What is [held by all](Self::is_held_by_all) need not be sent again, and bounds retirement; what orders an event may be
/// forgotten once it is [causally stable](Self::is_causally_stable), which is more.
#[derive(Clone, Debug)]
pub struct Stability {
    members: Membership,
    /// By slot of the member; in a row, by slot of the replica whose events are meant.
    rows: Vec<Vec<u64>>,
    frontier: VersionVector,
    /// The last event of each replica that was retired here.
    retired: BTreeMap<ReplicaId, u64>,
}

/// Why an acknowledgement was not taken. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AckRefused {
    /// Who acknowledges has no row: the sender knows a later membership, or does not belong here.
    #[error("{replica} acknowledges events and is not a member")]
    NotAMember {
        /// Who that is.
        replica: ReplicaId,
    },
    /// Who acknowledges was retired: it must learn that, and come back under a new incarnation.
    #[error("{replica} acknowledges events and was retired")]
    Retired {
        /// Who that is.
        replica: ReplicaId,
    },
    /// It claims more events of a replica than a working system mints between two messages. The sender is broken or
    /// lies; or this table is new to an old system: see [`Stability::resuming`].
    #[error("event {claimed} of {replica} is acknowledged: at most {limit} is accepted")]
    Jump {
        /// Whose events.
        replica: ReplicaId,
        /// The last one claimed.
        claimed: u64,
        /// The last one that would have been accepted: [`MAX_JUMP`] beyond the last that any member has acknowledged.
        limit: u64,
    },
}

impl Stability {
    /// Nothing acknowledged by any of these members.
    #[must_use]
    pub fn new(members: Membership) -> Self {
        let rows = alloc::vec![alloc::vec![0; members.len()]; members.len()];
        Self { frontier: VersionVector::over(&members), rows, members, retired: BTreeMap::new() }
    }

    /// The table of the member `own` after a restart: its row is what it holds itself, which is taken at its word. From
    /// there the bound on a jump counts, so a table that starts empty in a system of many events would refuse all.
    ///
    /// # Errors
    /// [`AckRefused::NotAMember`] or [`AckRefused::Retired`].
    pub fn resuming(members: Membership, own: &ReplicaId, held: &VersionVector) -> Result<Self, AckRefused> {
        let mut table = Self::new(members);
        let row = table.members.slot(own).ok_or_else(|| table.refuse(own))?;
        table.take(row, table.claims(held));
        Ok(table)
    }

    /// Who has a row.
    #[must_use]
    pub fn members(&self) -> &Membership {
        &self.members
    }

    /// What all members hold durably: what nobody will ask for again. Never goes down. A clone of it is a snapshot.
    ///
    /// It bounds logs and lets members retire. It is no bound for what orders events: see
    /// [`is_causally_stable`](Self::is_causally_stable).
    #[must_use]
    pub fn frontier(&self) -> &VersionVector {
        &self.frontier
    }

    /// What a member has acknowledged so far; none for who is no member. Costs a copy of the row.
    #[must_use]
    pub fn row(&self, member: &ReplicaId) -> Option<VersionVector> {
        let slot = self.members.slot(member)?;
        Some(VersionVector::from_lanes(self.members.clone(), &self.rows[slot.index()]))
    }

    /// Takes a member's word that it durably holds all of `held`. True if the frontier moved.
    ///
    /// What it said before still counts: of a smaller entry nothing is taken. Entries of replicas that are no members
    /// are left out, so a peer cannot make the table grow; once they are members, the next acknowledgement has them.
    ///
    /// Costs a pass over the entries, with a search for each unless the vector shares the table of members, and a pass
    /// over the members for each entry in which this one held the frontier back.
    ///
    /// # Errors
    /// [`AckRefused`] if `member` is none, or claims more than [`MAX_JUMP`] events of a replica beyond what is known of
    /// them. Nothing was changed.
    pub fn acknowledge(&mut self, member: &ReplicaId, held: &VersionVector) -> Result<bool, AckRefused> {
        let row = self.members.slot(member).ok_or_else(|| self.refuse(member))?;
        let claims = self.claims(held);
        self.check_jumps(row, &claims)?;
        Ok(self.take(row, claims))
    }

    fn check_jumps(&self, row: Slot, claims: &[(Slot, u64)]) -> Result<(), AckRefused> {
        for (column, claimed) in claims {
            // What all have said so far is searched for only if what this one said does not settle it.
            if *claimed <= self.rows[row.index()][column.index()].saturating_add(MAX_JUMP) {
                continue;
            }
            let replica = &self.members.ids()[column.index()];
            let limit = self.most_claimed(replica).saturating_add(MAX_JUMP);
            if *claimed > limit {
                return Err(AckRefused::Jump { replica: replica.clone(), claimed: *claimed, limit });
            }
        }
        Ok(())
    }

    /// True if the frontier moved.
    fn take(&mut self, row: Slot, claims: Vec<(Slot, u64)>) -> bool {
        let mut has_moved = false;
        for (column, claimed) in claims {
            let acknowledged = &mut self.rows[row.index()][column.index()];
            let before = core::mem::replace(acknowledged, claimed.max(*acknowledged));
            if before < claimed && before <= self.frontier.at(column) {
                has_moved |= self.raise_frontier(column);
            }
        }
        has_moved
    }

    fn refuse(&self, member: &ReplicaId) -> AckRefused {
        let replica = member.clone();
        match self.members.is_retired(member) {
            true => AckRefused::Retired { replica },
            false => AckRefused::NotAMember { replica },
        }
    }

    /// The entries that are about members, by their slots here.
    fn claims(&self, held: &VersionVector) -> Vec<(Slot, u64)> {
        if held.members().is_same(&self.members) {
            return self.members.iter().map(|(slot, _)| (slot, held.at(slot))).collect();
        }
        held.iter().filter_map(|(replica, upto)| Some((self.members.slot(replica)?, upto))).collect()
    }

    /// Brings one entry of the frontier up to its column. Never down: a member that was admitted since starts at zero.
    fn raise_frontier(&mut self, column: Slot) -> bool {
        let least = least_in(&self.rows, column);
        let Some(replica) = self.members.id(column).filter(|_| least > self.frontier.at(column)) else {
            return false;
        };
        self.frontier.raise(replica, least);
        true
    }

    /// Whether every member holds the event durably: nobody will ask for it again. Of a replica retired here, its events
    /// are and others are not. Once true, it stays true. There is no event 0.
    ///
    /// Something concurrent to the event may still arrive: see [`is_causally_stable`](Self::is_causally_stable).
    #[must_use]
    pub fn is_held_by_all(&self, dot: &Dot) -> bool {
        let upto = match self.members.slot(&dot.replica) {
            Some(slot) => self.frontier.at(slot),
            None => self.retired.get(&dot.replica).copied().unwrap_or(0),
        };
        (1..=upto).contains(&dot.seq)
    }

    /// Whether every event that has still to be delivered here comes after this one, where `own_held` is what was
    /// delivered here so far: nothing concurrent to the event can arrive any more. All members have acknowledged the
    /// event, and all that each of them had minted when it last did so is in `own_held`.
    ///
    /// False may mean "not known yet": an acknowledgement that overtook events makes it wait for these, and a member
    /// admitted since is asked too. Where acknowledgements travel behind the events on one ordered channel, it is true
    /// as soon as all have acknowledged. Costs a look at each row, and a search for each member.
    ///
    /// # Theorem
    /// If each row `j` covers the event `d`, and `own_held[j] >= row_j[j]` for each member `j`, then `d` happened before
    /// each event `e` that is not in `own_held`. Proof: some `j` minted `e`. As events of one replica arrive in order, the
    /// number of `e` is above `own_held[j]`, so above `row_j[j]`, so above the own entry of the acknowledgement that
    /// covered `d`. So `j` minted `e` after it had made that acknowledgement, and then it held `d`.
    ///
    /// It assumes:
    /// - An acknowledgement has the sender's own last *minted* event: what is minted is durable before the
    ///   acknowledgement is made.
    /// - Events of one replica are delivered in order. Causal delivery is not needed.
    /// - Who asks is a member, and asks with what was delivered to itself.
    /// - A member is admitted with a state that contains all that is held by all, and mints nothing before it has it.
    /// - Members may stop, and do not lie. Of a retired replica there is no event beyond those it was retired with.
    ///
    /// Baquero, Almeida and Shoker, *Making Operation-Based CRDTs Operation-Based*, DAIS 2014, define causal stability;
    /// Wuu and Bernstein 1984 have the rows.
    #[must_use]
    pub fn is_causally_stable(&self, dot: &Dot, own_held: &VersionVector) -> bool {
        // Rows and not the frontier, which does not ask a member that was admitted since.
        let is_acknowledged = match self.members.slot(&dot.replica) {
            Some(column) => self.rows.iter().all(|row| has(row, column, dot)),
            None => self.is_held_by_all(dot),
        };
        let is_here =
            |(slot, id): (Slot, &ReplicaId)| self.rows[slot.index()][slot.index()] <= own_held.upto(id);
        is_acknowledged && self.members.iter().all(is_here)
    }

    /// The members that have not acknowledged the event, in the order of their slots; none once it is held by all. An
    /// event of a replica that is no member is acknowledged by nobody, nor is event 0.
    #[must_use]
    pub fn held_back_by(&self, dot: &Dot) -> Vec<&ReplicaId> {
        if self.is_held_by_all(dot) {
            return Vec::new();
        }
        let column = self.members.slot(&dot.replica);
        let has_it = |row: &[u64]| column.is_some_and(|column| has(row, column, dot));
        let lacking = self.members.iter().filter(|(slot, _)| !has_it(&self.rows[slot.index()]));
        lacking.map(|(_, id)| id).collect()
    }

    /// The members for which the frontier waits in the events of a replica; none if no member has acknowledged more of
    /// them than all have.
    #[must_use]
    pub fn holding_back(&self, replica: &ReplicaId) -> Vec<&ReplicaId> {
        let (reached, most) = (self.frontier.upto(replica), self.most_claimed(replica));
        if most <= reached {
            return Vec::new();
        }
        self.held_back_by(&Dot { replica: replica.clone(), seq: reached + 1 })
    }

    /// The last event of a replica that any member says it holds.
    fn most_claimed(&self, replica: &ReplicaId) -> u64 {
        let column = self.members.slot(replica).map(Slot::index);
        column.and_then(|column| self.rows.iter().map(|row| row[column]).max()).unwrap_or(0)
    }

    /// Admits a member, as the next epoch, and returns its slot.
    ///
    /// It starts at zero, so the frontier stays where it is until the new member has caught up with it. The frontier does
    /// not go back either: what is below it may be forgotten already, so a new member must start from the state of an old
    /// one, not from events.
    ///
    /// # Errors
    /// [`MembershipRefused`] if it is a member, was retired, or there is no slot left. Nothing was changed.
    pub fn admit(&mut self, id: ReplicaId) -> Result<Slot, MembershipRefused> {
        let members = self.members.clone().with(id)?;
        let slot = Slot::at(self.members.len());
        let reached = lanes_of(&self.frontier, &self.members);
        self.rows.iter_mut().for_each(|row| row.push(0));
        self.rows.push(alloc::vec![0; members.len()]);
        self.frontier = VersionVector::from_lanes(members.clone(), &reached);
        self.members = members;
        Ok(slot)
    }

    /// Retires a member all of whose events every other member holds, as far as anyone has acknowledged them.
    ///
    /// The replica must have stopped for good: an event that it mints later, or minted and never sent, is lost. And the
    /// acknowledgements must be from after that: an old one does not say what its sender received since. What members say
    /// they hold counts even beyond what the replica itself said: it may have died before it could. So a false claim can
    /// prevent this retirement, and can never cause one. Who knows the replica's last event uses
    /// [`retire_upto`](Self::retire_upto), which needs none of this.
    ///
    /// That members agree on the retirement is for a layer above; each then retires the replica in its own table.
    ///
    /// # Errors
    /// [`RetireRefused`], naming who lacks what. Nothing was changed.
    pub fn retire(&mut self, replica: &ReplicaId) -> Result<Retirement, RetireRefused> {
        self.retire_with(replica, self.most_claimed(replica))
    }

    /// As [`retire`](Self::retire), for a replica whose last event is known to be `last`; 0 if it minted none.
    ///
    /// `last` is trusted over all that members have claimed, so a false claim cannot keep a replica in. If it is too
    /// low, no vector that has a later event is carried over ([`TranslateRefused::AfterRetirement`]), and nothing is
    /// forgotten unnoticed.
    ///
    /// # Errors
    /// [`RetireRefused`], naming who lacks what; or that all members, the replica itself among them, hold more than
    /// `last`. Nothing was changed.
    ///
    /// [`TranslateRefused::AfterRetirement`]: crate::TranslateRefused::AfterRetirement
    pub fn retire_upto(&mut self, replica: &ReplicaId, last: u64) -> Result<Retirement, RetireRefused> {
        let held_by_all = self.frontier.upto(replica);
        if last < held_by_all {
            return Err(RetireRefused::HeldByAll { replica: replica.clone(), last, held_by_all });
        }
        self.retire_with(replica, last)
    }

    fn retire_with(&mut self, replica: &ReplicaId, needs: u64) -> Result<Retirement, RetireRefused> {
        let gone = self
            .members
            .slot(replica)
            .ok_or_else(|| RetireRefused::NotAMember { replica: replica.clone() })?;
        self.check_retirement(gone, needs)?;
        self.remove(gone);
        self.retired.insert(replica.clone(), needs);
        Ok(Retirement::new(replica.clone(), needs, self.members.clone()))
    }

    fn check_retirement(&self, gone: Slot, needs: u64) -> Result<(), RetireRefused> {
        let others = self.members.iter().filter(|(slot, _)| *slot != gone);
        let held = others.map(|(slot, id)| (id.clone(), self.rows[slot.index()][gone.index()]));
        let lacking: Vec<_> = held.filter(|(_, has)| *has < needs).collect();
        let replica = || self.members.ids()[gone.index()].clone();
        if self.members.len() == 1 {
            return Err(RetireRefused::LastMember { replica: replica() });
        }
        if !lacking.is_empty() {
            return Err(RetireRefused::StillLacking { replica: replica(), needs, lacking });
        }
        Ok(())
    }

    /// Takes out a row and its column. Without the row, what only that member lacked is held by all.
    fn remove(&mut self, gone: Slot) {
        let mut reached = lanes_of(&self.frontier, &self.members);
        reached.remove(gone.index());
        self.rows.remove(gone.index());
        self.rows.iter_mut().for_each(|row| _ = row.remove(gone.index()));
        self.members = self.members.without(gone);
        for (slot, _) in self.members.iter() {
            let entry = &mut reached[slot.index()];
            *entry = least_in(&self.rows, slot).max(*entry);
        }
        self.frontier = VersionVector::from_lanes(self.members.clone(), &reached);
    }
}

fn has(row: &[u64], column: Slot, dot: &Dot) -> bool {
    (1..=row[column.index()]).contains(&dot.seq)
}

fn least_in(rows: &[Vec<u64>], column: Slot) -> u64 {
    rows.iter().map(|row| row[column.index()]).min().unwrap_or(0)
}

fn lanes_of(vector: &VersionVector, members: &Membership) -> Vec<u64> {
    members.iter().map(|(slot, _)| vector.at(slot)).collect()
}
