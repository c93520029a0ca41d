//! Counts the durable copies of one write.

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::{AckResult, InvalidPolicy, LocalResult, Outcome, QuorumPolicy, QuorumViolation, Shortfall};
use crate::id::{Dot, NodeId};

/// One nanosecond: the deadline itself is still in time, so the first moment after it is the next tick of a `Duration`.
const TICK: Duration = Duration::from_nanos(1);

/// Follows one write from its start to its [`Outcome`]: which nodes have it, and is that enough?
///
/// Every `now` is a moment of the caller's monotonic clock, as a duration since any start that is the same for all
/// calls. Memory is bounded by the members, whatever anybody sends.
///
/// A peer that acknowledges by a vector, up to a number of an incarnation, acknowledges each dot that the vector
/// covers; the caller asks the vector and reports this write's dot.
#[derive(Debug, Clone)]
pub struct AckTracker {
    policy: QuorumPolicy,
    id: Dot,
    own: NodeId,
    peers: BTreeMap<NodeId, Peer>,
    local: Local,
    /// The last moment that is in time.
    deadline: Duration,
    /// The latest moment seen; time does not go back behind it.
    latest: Duration,
    /// Never changes once it is there.
    decided: Option<Outcome>,
}

#[derive(Debug, Clone, Default)]
struct Peer {
    ack: Option<Ack>,
    /// The last other dot that it acknowledged.
    drift: Option<Dot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ack {
    Counted,
    Late(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Local {
    Pending,
    Committed { is_late: bool },
    Failed { is_late: bool },
}

impl AckTracker {
    /// Starts to wait for the write `id` at the node `own`, whose cluster is itself and `peers`. A peer that is listed
    /// twice is one peer.
    ///
    /// The deadline is `started` plus the policy's [`ack_timeout`](QuorumPolicy::ack_timeout). Should the sum exceed
    /// what a `Duration` holds, the deadline never passes.
    ///
    /// # Errors
    /// [`InvalidPolicy::OwnNodeIsPeer`] or [`InvalidPolicy::MemberCount`] if the policy is not about this cluster.
    pub fn new(
        policy: QuorumPolicy,
        id: Dot,
        own: NodeId,
        peers: impl IntoIterator<Item = NodeId>,
        started: Duration,
    ) -> Result<Self, InvalidPolicy> {
        let peers: BTreeMap<NodeId, Peer> = peers.into_iter().map(|peer| (peer, Peer::default())).collect();
        if peers.contains_key(&own) {
            return Err(InvalidPolicy::OwnNodeIsPeer { own });
        }
        let members = peers.len() + 1;
        if members != policy.n() {
            return Err(InvalidPolicy::MemberCount { n: policy.n(), members });
        }
        let deadline = started.saturating_add(policy.ack_timeout());
        Ok(Self { policy, id, own, peers, local: Local::Pending, deadline, latest: started, decided: None })
    }

    /// The local disk has the write. Call it after the sync, not after the append.
    pub fn local_committed(&mut self, now: Duration) -> LocalResult {
        self.advance(now);
        match self.local {
            Local::Committed { .. } => LocalResult::Repeated,
            Local::Failed { .. } => LocalResult::Contradicts,
            Local::Pending => {
                self.local = Local::Committed { is_late: self.decided.is_some() };
                self.recorded()
            }
        }
    }

    /// The local node does not have the write and will not get it from this attempt: it was refused before it was
    /// appended, say by a full disk.
    ///
    /// Not for a failed sync, after which nobody knows: report nothing then, and let the deadline say *unknown*.
    pub fn local_failed(&mut self, now: Duration) -> LocalResult {
        self.advance(now);
        match self.local {
            Local::Failed { .. } => LocalResult::Repeated,
            Local::Committed { .. } => LocalResult::Contradicts,
            Local::Pending => {
                self.local = Local::Failed { is_late: self.decided.is_some() };
                self.recorded()
            }
        }
    }

    /// `peer` says that it has `id` durably. `peer` must be the sender as the session has established it, not a name
    /// that the message claims.
    ///
    /// The sender is judged first, then the id, then whether it is the first, then whether it is in time.
    pub fn peer_acked(&mut self, peer: &NodeId, id: &Dot, now: Duration) -> AckResult {
        self.advance(now);
        if *peer == self.own {
            return AckResult::OwnNode;
        }
        let Some(known) = self.peers.get_mut(peer) else { return AckResult::NotAMember };
        if *id != self.id {
            known.drift = Some(id.clone());
            return AckResult::IdDrift;
        }
        if known.ack.is_some() {
            return AckResult::Duplicate;
        }
        if self.decided.is_some() {
            known.ack = Some(Ack::Late(self.latest));
            return AckResult::Late;
        }
        known.ack = Some(Ack::Counted);
        self.decide();
        AckResult::Counted
    }

    /// What is known by `now`. It needs `&mut`, because telling someone that the deadline has passed decides.
    pub fn outcome(&mut self, now: Duration) -> Outcome {
        self.advance(now);
        let in_flight =
            || Outcome::InFlight { copies: self.copies(), ask_again_at: self.deadline.saturating_add(TICK) };
        self.decided.clone().unwrap_or_else(in_flight)
    }

    /// The write that is waited for.
    #[must_use]
    pub fn id(&self) -> &Dot {
        &self.id
    }

    /// The policy it is held to.
    #[must_use]
    pub fn policy(&self) -> &QuorumPolicy {
        &self.policy
    }

    /// The last moment that is in time.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// The peers that have not acknowledged this write so far, in order of their names. Worth a line in the log also
    /// when the quorum was met; a late acknowledgement takes a peer off the list.
    pub fn missing(&self) -> impl Iterator<Item = &NodeId> {
        self.peers.iter().filter(|(_, peer)| peer.ack.is_none()).map(|(name, _)| name)
    }

    /// The peers whose acknowledgement counted, in order of their names.
    pub fn counted(&self) -> impl Iterator<Item = &NodeId> {
        self.peers.iter().filter(|(_, peer)| peer.ack == Some(Ack::Counted)).map(|(name, _)| name)
    }

    /// The peers that acknowledged after the outcome was decided, and when, in order of their names.
    pub fn late_acks(&self) -> impl Iterator<Item = (&NodeId, Duration)> {
        self.peers.iter().filter_map(|(name, peer)| match peer.ack {
            Some(Ack::Late(at)) => Some((name, at)),
            Some(Ack::Counted) | None => None,
        })
    }

    /// The peers that acknowledged something else, and what they did last, in order of their names. A peer stays on the
    /// list when it acknowledges the right write afterwards.
    pub fn drifted(&self) -> impl Iterator<Item = (&NodeId, &Dot)> {
        self.peers.iter().filter_map(|(name, peer)| Some((name, peer.drift.as_ref()?)))
    }

    /// Whether the local node has the write by now, in time or late.
    #[must_use]
    pub fn is_local_committed(&self) -> bool {
        matches!(self.local, Local::Committed { .. })
    }

    /// Checks what holds between any two calls.
    ///
    /// # Errors
    /// The first [`QuorumViolation`] found: a defect of this module. The answer given so far may be wrong.
    pub fn invariant(&self) -> Result<(), QuorumViolation> {
        let (copies, n) = (self.copies(), self.policy.n());
        if copies > n || self.peers.contains_key(&self.own) {
            return Err(QuorumViolation::TooManyCopies { copies, n });
        }
        let is_reported_met = matches!(self.decided, Some(Outcome::Met { .. }));
        if is_reported_met != self.is_met() {
            return Err(QuorumViolation::MetUnlikeCounted { is_reported_met, copies, w: self.policy.w() });
        }
        if self.decided.is_some() {
            return Ok(());
        }
        if self.late_acks().next().is_some() || self.latest > self.deadline {
            return Err(QuorumViolation::Undecided { latest: self.latest, deadline: self.deadline });
        }
        Ok(())
    }

    /// Moves time, and closes the books if the deadline lies behind. Called before anything is recorded, so that what
    /// arrives after the deadline finds them closed also if nobody has asked in between.
    fn advance(&mut self, now: Duration) {
        self.latest = self.latest.max(now);
        if self.decided.is_none() && self.latest > self.deadline {
            self.decided = Some(self.expired());
        }
    }

    /// Decides if the latest report was the last one needed.
    fn decide(&mut self) {
        if self.decided.is_some() {
            return;
        }
        if matches!(self.local, Local::Failed { .. }) {
            self.decided = Some(Outcome::LocalWriteFailed { peer_acks: self.counted().count() });
        } else if self.is_met() {
            self.decided = Some(Outcome::Met { copies: self.copies() });
        }
    }

    fn recorded(&mut self) -> LocalResult {
        if self.decided.is_some() {
            return LocalResult::Late;
        }
        self.decide();
        LocalResult::Recorded
    }

    /// A peer that drifted is not silent: calling it unreachable would send an operator to a link that works.
    fn expired(&self) -> Outcome {
        let is_local_committed = self.is_committed_in_time();
        let shortfall = Shortfall { copies: self.copies(), w: self.policy.w(), is_local_committed };
        let is_silent = self.peers.values().all(|peer| peer.ack.is_none() && peer.drift.is_none());
        if is_silent && !self.peers.is_empty() {
            return Outcome::Unreachable(shortfall);
        }
        Outcome::Timeout(shortfall)
    }

    fn is_met(&self) -> bool {
        self.is_committed_in_time() && self.copies() >= self.policy.w()
    }

    fn is_committed_in_time(&self) -> bool {
        self.local == Local::Committed { is_late: false }
    }

    /// The nodes known in time to have the write, the local one included.
    fn copies(&self) -> usize {
        self.counted().count() + usize::from(self.is_committed_in_time())
    }
}

#[cfg(test)]
mod tests;
