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
use crate::event::WriteEvent;
use crate::id::{Dot, NodeId};
use crate::quorum::{AckTracker, Outcome as Counted, QuorumPolicy};
use crate::versions::VersionVector;
use crate::wire::message::Beside;
use crate::wire::{Outcome, Receipt};

/// Writes that wait for copies, and what peers have acknowledged.
#[derive(Debug, Default, Clone)]
pub(super) struct Copies {
    awaited: BTreeMap<Dot, Awaited>,
    /// How many clients wait.
    waiting: usize,
    /// Answered as indeterminate and not committed since, oldest first.
    indeterminate: VecDeque<Dot>,
    acked: BTreeMap<NodeId, Acked>,
}

/// One write that waits for copies.
#[derive(Debug, Clone)]
struct Awaited {
    receipt: Receipt,
    /// Its place in the log: sessions that were up before it have told everything about it.
    lsn: Lsn,
    waiting: Vec<Waiting>,
    /// For how many copies somebody was told that they are not known to be there yet.
    promised: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct Waiting {
    asker: Asker,
    tracker: AckTracker,
}

/// What one peer has acknowledged.
#[derive(Debug, Clone)]
struct Acked {
    /// Its latest ack.
    durable: VersionVector,
    /// What was visible here when that session was established: about later writes everything was told on it.
    up_since: Lsn,
    /// An ack all of which is visible here since: what the writes in it met at the peer is known.
    met: VersionVector,
    /// An ack of which not all is visible here yet.
    unmet: Option<VersionVector>,
}

/// An ack, and what it is worth.
pub(super) struct Ack<'a> {
    pub(super) peer: &'a NodeId,
    pub(super) durable: &'a VersionVector,
    /// What was visible here when the session was established.
    pub(super) up_since: Lsn,
}

impl Acked {
    /// Whether the peer has the write, and this station knows what it met there.
    fn counts(&self, dot: &Dot, lsn: Lsn) -> bool {
        let is_told = self.up_since < lsn || self.met.covers(dot);
        self.durable.covers(dot) && is_told
    }

    /// Takes up what has become visible here; `true` if more counts now.
    fn catch_up(&mut self, visible: &VersionVector) -> bool {
        let unmet = self.unmet.take_if(|unmet| visible.contains(unmet));
        let latest = (unmet.is_some() && visible.contains(&self.durable)).then(|| self.durable.clone());
        latest.or(unmet).map(|met| self.met = met).is_some()
    }
}

impl Copies {
    /// How many writes wait for copies, or are watched because their outcome was indeterminate.
    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }

    /// How many clients wait for copies.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// When the next answer is due.
    pub(super) fn deadline(&self) -> Option<Mono> {
        if self.waiting == 0 {
            return None;
        }
        let waiting = self.awaited.values().flat_map(|awaited| &awaited.waiting);
        // The deadline itself is still in time.
        waiting.map(|waiting| waiting.asker.deadline().plus(Duration::from_nanos(1))).min()
    }

    fn holders<'a>(&'a self, dot: &'a Dot) -> impl Iterator<Item = &'a NodeId> {
        self.acked.iter().filter(|(_, acked)| acked.durable.covers(dot)).map(|(peer, _)| peer)
    }

    fn forget_if_done(&mut self, dot: &Dot) {
        let is_done = |awaited: &Awaited| awaited.waiting.is_empty() && awaited.promised.is_empty();
        if self.awaited.get(dot).is_some_and(is_done) {
            self.awaited.remove(dot);
        }
    }

    /// Writes whose outcome was indeterminate and that have as many copies by now as somebody was told are missing.
    fn committed_since(&self) -> Vec<Dot> {
        let is_committed = |dot: &&Dot| {
            let promised = self.awaited.get(*dot).and_then(|awaited| awaited.promised.first());
            promised.is_some_and(|w| self.holders(dot).count() + 1 >= *w)
        };
        self.indeterminate.iter().filter(is_committed).cloned().collect()
    }

    /// A peer's ack; what of it counts is decided later.
    fn note(&mut self, ack: &Ack<'_>) {
        let nothing = || Acked {
            durable: VersionVector::new(),
            up_since: ack.up_since,
            met: VersionVector::new(),
            unmet: None,
        };
        let acked = self.acked.entry(ack.peer.clone()).or_insert_with(nothing);
        acked.durable = ack.durable.clone();
        acked.up_since = ack.up_since;
        // The oldest, which is met the soonest; unless the peer has lost some of it, and nobody may ever have that again.
        if acked.unmet.as_ref().is_none_or(|unmet| !ack.durable.contains(unmet)) {
            acked.unmet = Some(ack.durable.clone());
        }
    }

    /// Counts what a peer has for everyone who waits.
    fn count(&mut self, peer: &NodeId, now: Duration) {
        let Some(acked) = self.acked.get(peer) else { return };
        let waited_for = self.awaited.iter_mut().filter(|(_, awaited)| !awaited.waiting.is_empty());
        for (dot, awaited) in waited_for {
            if acked.counts(dot, awaited.lsn) {
                for waiting in &mut awaited.waiting {
                    waiting.tracker.peer_acked(peer, dot, now);
                }
            }
        }
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
        let counting = self.copies.acked.iter().filter(|(_, acked)| acked.counts(&receipt.dot, lsn));
        for (peer, _) in counting {
            tracker.peer_acked(peer, &receipt.dot, now);
        }
        let fresh =
            || Awaited { receipt: receipt.clone(), lsn, waiting: Vec::new(), promised: BTreeSet::new() };
        let awaited = self.copies.awaited.entry(receipt.dot.clone()).or_insert_with(fresh);
        awaited.waiting.push(Waiting { asker, tracker });
        self.copies.waiting += 1;
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
        self.copies.note(ack);
        self.catch_up_with_acks();
        self.copies.count(ack.peer, since_start(step.now.mono));
        self.settle_all(step);
        self.report_committed(step);
    }

    /// More is visible here: of acks that were ahead of it, more counts now.
    pub(super) fn count_met(&mut self, step: &mut Step<'_>) {
        let now = since_start(step.now.mono);
        let peers = self.catch_up_with_acks();
        if !peers.is_empty() {
            peers.iter().for_each(|peer| self.copies.count(peer, now));
            self.settle_all(step);
        }
    }

    fn catch_up_with_acks(&mut self) -> Vec<NodeId> {
        let visible = self.ledger.visible();
        let caught_up = self
            .copies
            .acked
            .iter_mut()
            .filter_map(|(peer, acked)| acked.catch_up(visible).then(|| peer.clone()));
        caught_up.collect()
    }

    /// A write has become visible here: what happened beside it and still waits for copies has met it, also if something
    /// has superseded that since.
    pub(super) fn note_met(&mut self, event: &WriteEvent, vector: &VersionVector) {
        if self.copies.waiting == 0 {
            return;
        }
        let of_key = self.copies.awaited.values_mut().filter(|awaited| awaited.receipt.key == event.key);
        for Awaited { receipt, .. } in of_key {
            let is_twin = receipt.request == event.request;
            if !is_twin && !vector.covers(&receipt.dot) && !receipt.vector.covers(&event.dot) {
                receipt.learn_beside(std::slice::from_ref(&event.dot));
            }
        }
    }

    /// A peer tells what stood beside a write of ours.
    pub(super) fn note_beside(&mut self, beside: &Beside) {
        if let Some(awaited) = self.copies.awaited.get_mut(&beside.dot) {
            awaited.receipt.learn_beside(&beside.versions);
        }
        self.requests.learn_beside(&beside.dot, &beside.versions);
    }

    /// Nobody waits any more whose session has ended.
    pub(super) fn forget_waiting(&mut self) {
        let (clients, batches) = (&self.clients, &self.batches);
        let is_there =
            |asker: Asker| batches.ticket(asker).is_some_and(|ticket| clients.contains(&ticket.session));
        for awaited in self.copies.awaited.values_mut() {
            awaited.waiting.retain(|waiting| is_there(waiting.asker));
        }
        self.ledger.retain_waiters(is_there);
        self.copies.waiting = self.copies.awaited.values().map(|awaited| awaited.waiting.len()).sum();
        self.copies.awaited.retain(|_, awaited| !awaited.waiting.is_empty() || !awaited.promised.is_empty());
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
        self.copies.waiting -= decided.len();
        for (waiting, outcome) in decided {
            self.decide(step, dot, &waiting, outcome);
        }
        self.copies.forget_if_done(dot);
    }

    fn decide(&mut self, step: &mut Step<'_>, dot: &Dot, waiting: &Waiting, outcome: Outcome) {
        let w = waiting.asker.w;
        let Some(awaited) = self.copies.awaited.get_mut(dot) else { return };
        if outcome == Outcome::Indeterminate {
            if awaited.promised.is_empty() {
                self.copies.indeterminate.push_back(dot.clone());
            }
            awaited.promised.insert(w);
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

    /// Reports writes that have by now as many copies as somebody was told are missing.
    fn report_committed(&mut self, step: &mut Step<'_>) {
        let committed: BTreeSet<Dot> = self.copies.committed_since().into_iter().collect();
        for dot in &committed {
            let holders = self.copies.holders(dot).cloned();
            let durable_on: Vec<NodeId> =
                std::iter::once(self.config.station.clone()).chain(holders).collect();
            let Some(awaited) = self.copies.awaited.get_mut(dot) else { continue };
            awaited.promised.retain(|w| *w > durable_on.len());
            let request = awaited.receipt.request;
            step.observe(Fact::Committed { dot: dot.clone(), request, durable_on });
            self.copies.forget_if_done(dot);
        }
        let copies = &mut self.copies;
        let is_open = |dot: &Dot| copies.awaited.get(dot).is_some_and(|awaited| !awaited.promised.is_empty());
        if !committed.is_empty() {
            copies.indeterminate.retain(is_open);
        }
    }

    /// Who asks for the receipt of a forgotten one is still told the truth, from the acks; only the report that it is
    /// committed does not come by itself any more.
    fn forget_oldest_indeterminate(&mut self) {
        while self.copies.indeterminate.len() > self.config.limits.indeterminate {
            let Some(dot) = self.copies.indeterminate.pop_front() else { return };
            if let Some(awaited) = self.copies.awaited.get_mut(&dot) {
                awaited.promised.clear();
            }
            self.copies.forget_if_done(&dot);
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
