//! W of N: which stations are known to have a write durably, and who waits for how many of them (rule 8).
//!
//! A copy is counted when a peer's *ack* covers the write: its durable vector, after its commit. What a peer claims in a
//! welcome does not count, since that also names what is still on its way to its disk, and neither does what it ships.
//!
//! With W above N/2 any two writes of a key that are both committed have met at some station, and that one tells the
//! author of the later one (`Beside`) before it acknowledges. So a copy is counted at once only on a session that was up
//! before the write became visible here: nothing was told on it too early to be heard. On a later session it is counted
//! once this station itself has everything the peer had, and so knows what the write met.
//!
//! When the deadline passes the answer is *indeterminate*, never *failed*: the write is durable here and travels by
//! itself. It stays on the list until enough peers have it, and that is reported.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::asker::{Asker, narrow};
use super::effect::Fact;
use super::input::{Lsn, Mono};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::{Dot, NodeId};
use crate::quorum::{AckTracker, Outcome as Counted, QuorumPolicy};
use crate::versions::VersionVector;
use crate::wire::message::Beside;
use crate::wire::{Outcome, Receipt};

/// Writes that wait for copies, and what peers have acknowledged.
#[derive(Debug, Default, Clone)]
pub(super) struct Copies {
    awaited: BTreeMap<Dot, Awaited>,
    /// Answered as indeterminate and not committed since, oldest first.
    indeterminate: VecDeque<Dot>,
    /// The latest ack of each peer.
    acked: BTreeMap<NodeId, VersionVector>,
}

/// One write that waits for copies.
#[derive(Debug, Clone)]
struct Awaited {
    receipt: Receipt,
    /// Its place in the log: sessions that were up before it have told everything about it.
    lsn: Lsn,
    waiting: Vec<Waiting>,
    /// How many copies somebody was told are not known to be there yet.
    promised: Option<usize>,
}

#[derive(Debug, Clone)]
struct Waiting {
    asker: Asker,
    tracker: AckTracker,
}

/// An ack, and what it is worth.
pub(super) struct Ack<'a> {
    pub(super) peer: &'a NodeId,
    pub(super) durable: &'a VersionVector,
    /// What was visible here when the session was established: about later writes everything was told on it.
    pub(super) up_since: Lsn,
}

impl Copies {
    /// How many writes wait for copies, or are watched because their outcome was indeterminate.
    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }

    /// When the next answer is due.
    pub(super) fn deadline(&self) -> Option<Mono> {
        let waiting = self.awaited.values().flat_map(|awaited| &awaited.waiting);
        // The deadline itself is still in time.
        waiting.map(|waiting| waiting.asker.deadline().plus(Duration::from_nanos(1))).min()
    }

    fn holders<'a>(&'a self, dot: &'a Dot) -> impl Iterator<Item = &'a NodeId> {
        self.acked.iter().filter(|(_, durable)| durable.covers(dot)).map(|(peer, _)| peer)
    }

    fn is_done(&self, dot: &Dot) -> bool {
        let idle = |awaited: &Awaited| awaited.waiting.is_empty() && awaited.promised.is_none();
        self.awaited.get(dot).is_some_and(idle)
    }

    /// Writes whose outcome was indeterminate and that are committed by now.
    fn committed_since(&self) -> Vec<Dot> {
        let is_committed = |dot: &&Dot| {
            let promised = self.awaited.get(*dot).and_then(|awaited| awaited.promised);
            promised.is_some_and(|w| self.holders(dot).count() + 1 >= w)
        };
        self.indeterminate.iter().filter(is_committed).cloned().collect()
    }
}

impl Replica {
    /// A write that is durable here is answered when as many stations have it as were asked for, at the latest at the
    /// deadline. Peers that are known to have it already are counted.
    pub(super) fn await_copies(&mut self, step: &mut Step<'_>, asker: Asker, lsn: Lsn, receipt: &Receipt) {
        if asker.w == 1 || planted(Bug::CopiesIgnored) {
            let outcome = if asker.w == 1 { Outcome::Local } else { Outcome::Committed };
            let receipt = Receipt { outcome, w: narrow(asker.w), ..receipt.clone() };
            return self.give_receipt(step, asker, receipt);
        }
        let mut tracker = self.tracker(asker, &receipt.dot);
        let now = since_start(step.now.mono);
        tracker.local_committed(now);
        for peer in self.copies.holders(&receipt.dot) {
            tracker.peer_acked(peer, &receipt.dot, now);
        }
        let fresh = || Awaited { receipt: receipt.clone(), lsn, waiting: Vec::new(), promised: None };
        let awaited = self.copies.awaited.entry(receipt.dot.clone()).or_insert_with(fresh);
        awaited.waiting.push(Waiting { asker, tracker });
        self.settle(step, &receipt.dot);
    }

    fn tracker(&self, asker: Asker, dot: &Dot) -> AckTracker {
        let w = if planted(Bug::SelfCountedTwice) { asker.w - 1 } else { asker.w };
        let policy = QuorumPolicy::new(self.members(), w).map(|p| p.with_ack_timeout(asker.patience));
        let (own, peers) = (self.config.station.clone(), self.other_members().cloned());
        policy
            .and_then(|policy| AckTracker::new(policy, dot.clone(), own, peers, since_start(asker.asked_at)))
            .expect("n is the number of these very members, at least 1")
    }

    /// A peer has said what is durable at its place.
    pub(super) fn note_ack(&mut self, step: &mut Step<'_>, ack: &Ack<'_>) {
        let now = since_start(step.now.mono);
        let knows_all = self.ledger.visible().contains(ack.durable) || planted(Bug::LateSessionCounted);
        for (dot, awaited) in &mut self.copies.awaited {
            if ack.durable.covers(dot) && (ack.up_since < awaited.lsn || knows_all) {
                for waiting in &mut awaited.waiting {
                    waiting.tracker.peer_acked(ack.peer, dot, now);
                }
            }
        }
        self.copies.acked.insert(ack.peer.clone(), ack.durable.clone());
        self.settle_all(step);
        for dot in self.copies.committed_since() {
            self.report_committed(step, &dot);
        }
    }

    /// A peer tells what stood beside a write of ours.
    pub(super) fn note_beside(&mut self, beside: Beside) {
        if let Some(awaited) = self.copies.awaited.get_mut(&beside.dot) {
            let known = &mut awaited.receipt.concurrent_with;
            known.extend(beside.versions);
            known.sort_unstable();
            known.dedup();
            self.requests.learn_beside(&awaited.receipt);
        }
    }

    /// Answers everyone whose outcome is decided by now.
    pub(super) fn settle_all(&mut self, step: &mut Step<'_>) {
        let waited_for = self.copies.awaited.iter().filter(|(_, awaited)| !awaited.waiting.is_empty());
        let dots: Vec<Dot> = waited_for.map(|(dot, _)| dot.clone()).collect();
        dots.iter().for_each(|dot| self.settle(step, dot));
    }

    fn settle(&mut self, step: &mut Step<'_>, dot: &Dot) {
        let now = since_start(step.now.mono);
        let Some(awaited) = self.copies.awaited.get_mut(dot) else { return };
        let mut decided = Vec::new();
        for mut waiting in std::mem::take(&mut awaited.waiting) {
            match outcome(&waiting.tracker.outcome(now)) {
                Some(outcome) => decided.push((waiting, outcome)),
                None => awaited.waiting.push(waiting),
            }
        }
        for (waiting, outcome) in decided {
            self.decide(step, dot, &waiting, outcome);
        }
        if self.copies.is_done(dot) {
            self.copies.awaited.remove(dot);
        }
    }

    fn decide(&mut self, step: &mut Step<'_>, dot: &Dot, waiting: &Waiting, outcome: Outcome) {
        let w = waiting.asker.w;
        let Some(awaited) = self.copies.awaited.get_mut(dot) else { return };
        if outcome == Outcome::Indeterminate {
            if awaited.promised.is_none() {
                self.copies.indeterminate.push_back(dot.clone());
            }
            awaited.promised = awaited.promised.max(Some(w));
        }
        let counted = waiting.tracker.counted().cloned();
        let durable_on: Vec<NodeId> = std::iter::once(self.config.station.clone()).chain(counted).collect();
        let missing = waiting.tracker.missing().cloned().collect();
        let mut receipt = Receipt { outcome, w: narrow(w), durable_on, ..awaited.receipt.clone() };
        receipt.concurrent_with = self.beside_by_now(&receipt);
        step.observe(Fact::CopiesDecided { dot: dot.clone(), outcome, w, missing });
        if outcome == Outcome::Indeterminate && planted(Bug::TimeoutIsFailure) {
            self.refuse_by_mistake(step, waiting.asker);
        } else {
            self.give_receipt(step, waiting.asker, receipt);
        }
        self.forget_oldest_indeterminate();
    }

    /// What a write met here since it became visible, beside what it met before and elsewhere.
    fn beside_by_now(&self, receipt: &Receipt) -> Vec<Dot> {
        let known = receipt.concurrent_with.iter().cloned();
        let entry = self.catalog.entry(&receipt.key).filter(|entry| entry.is_current(&receipt.dot));
        let now = entry.into_iter().flat_map(|entry| entry.beside(&receipt.dot)).cloned();
        known.chain(now).collect::<BTreeSet<Dot>>().into_iter().collect()
    }

    fn report_committed(&mut self, step: &mut Step<'_>, dot: &Dot) {
        self.copies.indeterminate.retain(|known| known != dot);
        let holders = self.copies.holders(dot).cloned();
        let durable_on = std::iter::once(self.config.station.clone()).chain(holders).collect();
        let Some(awaited) = self.copies.awaited.get_mut(dot) else { return };
        awaited.promised = None;
        let request = awaited.receipt.request;
        step.observe(Fact::Committed { dot: dot.clone(), request, durable_on });
        if self.copies.is_done(dot) {
            self.copies.awaited.remove(dot);
        }
    }

    /// Who asks for the receipt of a forgotten one is still told the truth, from the acks; only the report that it is
    /// committed does not come by itself any more.
    fn forget_oldest_indeterminate(&mut self) {
        while self.copies.indeterminate.len() > self.config.limits.indeterminate {
            let Some(dot) = self.copies.indeterminate.pop_front() else { return };
            if let Some(awaited) = self.copies.awaited.get_mut(&dot) {
                awaited.promised = None;
            }
            if self.copies.is_done(&dot) {
                self.copies.awaited.remove(&dot);
            }
        }
    }
}

/// What the count of copies means for the client. Its write is durable here, or it would not be counted yet.
fn outcome(counted: &Counted) -> Option<Outcome> {
    match counted {
        Counted::InFlight { .. } => None,
        Counted::Met { .. } => Some(Outcome::Committed),
        Counted::Timeout(_)
        | Counted::Unreachable(_)
        | Counted::LocalWriteFailed { .. }
        | Counted::InvalidPolicy(_) => Some(Outcome::Indeterminate),
    }
}

fn since_start(moment: Mono) -> Duration {
    Duration::from_nanos(moment.0)
}
