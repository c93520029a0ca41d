//! How many of how many nodes must have a write, and how long to wait for them.

use core::time::Duration;

use super::ClockSkew;
use crate::id::NodeId;
use thiserror::Error;

/// How long acknowledgements are waited for unless said otherwise: 2 s.
///
/// Three round trips over a link of 600 ms. Half of it would report a timeout after one resend on such a link; twice
/// as much would only keep a client waiting that can ask again with the same request id.
pub const DEFAULT_ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// From which clock skew on an operator is told, unless said otherwise: 30 s.
///
/// No decision depends on it. It is far above what network delay adds to the figure, so that a warning is about a
/// clock; a tenth of it would warn of slow links, and ten times as much would let timestamps that people read mislead
/// them for minutes.
pub const DEFAULT_CLOCK_SKEW_WARNING: Duration = Duration::from_secs(30);

/// W of N: a write is acknowledged once `w` of `n` nodes have it durably, the local node always among them.
///
/// Invariant: `1 <= w <= n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumPolicy {
    n: usize,
    w: usize,
    ack_timeout: Duration,
    clock_skew_warning: Duration,
}

impl QuorumPolicy {
    /// `w` of `n` nodes, the local node included in both; `w` is clamped to `1..=n`. Both durations have their defaults.
    ///
    /// # Errors
    /// [`InvalidPolicy::NoNodes`] if `n` is 0.
    pub const fn new(n: usize, w: usize) -> Result<Self, InvalidPolicy> {
        if n == 0 {
            return Err(InvalidPolicy::NoNodes);
        }
        let w = match w {
            0 => 1,
            w if w > n => n,
            w => w,
        };
        Ok(Self { n, w, ack_timeout: DEFAULT_ACK_TIMEOUT, clock_skew_warning: DEFAULT_CLOCK_SKEW_WARNING })
    }

    /// The smallest majority of `n` nodes, `n / 2 + 1`: 1, 2, 2, 3, 3, 4, 4 for 1 to 7 nodes.
    ///
    /// Half of an even `n` is not enough: two halves can be disjoint, and then
    /// [`intersects_itself`](Self::intersects_itself) does not hold (Thomas 1979).
    ///
    /// # Errors
    /// [`InvalidPolicy::NoNodes`] if `n` is 0.
    pub const fn majority(n: usize) -> Result<Self, InvalidPolicy> {
        Self::new(n, n / 2 + 1)
    }

    /// The same policy with another [`ack_timeout`](Self::ack_timeout).
    #[must_use]
    pub const fn with_ack_timeout(self, ack_timeout: Duration) -> Self {
        Self { ack_timeout, ..self }
    }

    /// The same policy with another [`clock_skew_warning`](Self::clock_skew_warning).
    #[must_use]
    pub const fn with_clock_skew_warning(self, clock_skew_warning: Duration) -> Self {
        Self { clock_skew_warning, ..self }
    }

    /// How many nodes there are, the local one included. At least 1.
    #[must_use]
    pub const fn n(&self) -> usize {
        self.n
    }

    /// How many nodes must have a write, the local one included. From 1 to [`n`](Self::n).
    #[must_use]
    pub const fn w(&self) -> usize {
        self.w
    }

    /// How long after its start a write waits for acknowledgements. An acknowledgement at exactly that moment counts.
    #[must_use]
    pub const fn ack_timeout(&self) -> Duration {
        self.ack_timeout
    }

    /// The largest clock skew that is not worth a warning.
    #[must_use]
    pub const fn clock_skew_warning(&self) -> Duration {
        self.clock_skew_warning
    }

    /// Whether any two quorums of this policy share a node: `w > n / 2`.
    ///
    /// Then of any two acknowledged writes at least one node has both, so that two concurrent ones have already met and
    /// been surfaced somewhere when the later one is acknowledged. It does not prevent the conflict: nothing is locked
    /// and nobody votes. Without it, two sides of a partition can both acknowledge, and the pair is found only when
    /// they meet again.
    ///
    /// Source: Thomas, *A Majority Consensus Approach to Concurrency Control for Multiple Copy Databases*, ACM TODS
    /// 4(2), 1979; Gifford, *Weighted Voting for Replicated Data*, SOSP 1979, with one vote for each node.
    #[must_use]
    pub const fn intersects_itself(&self) -> bool {
        self.w > self.n - self.w
    }

    /// How many nodes a reader has to ask so that one of them has any given acknowledged write: `n - w + 1`, the
    /// smallest `r` with `r + w > n` (Gifford 1979).
    #[must_use]
    pub const fn read_quorum(&self) -> usize {
        self.n - self.w + 1
    }

    /// How many nodes, whichever, may lose their disks without an acknowledged write being lost: `w - 1`.
    #[must_use]
    pub const fn losses_survived(&self) -> usize {
        self.w - 1
    }

    /// How many peers may be silent and a write is still acknowledged: `n - w`.
    #[must_use]
    pub const fn silent_peers_max(&self) -> usize {
        self.n - self.w
    }

    /// How far a peer's wall clock is from the local one, both in milliseconds since 1970, the local one read when the
    /// acknowledgement arrived.
    ///
    /// For a histogram and for a warning. It is a function of the policy and not of the
    /// [`AckTracker`](super::AckTracker), which is never given a wall time and so cannot decide by one.
    #[must_use]
    pub fn clock_skew(&self, peer_wall_ms: u64, local_wall_ms: u64) -> ClockSkew {
        ClockSkew::between(peer_wall_ms, local_wall_ms, self.clock_skew_warning)
    }
}

/// Why a quorum policy, or its application to a cluster, was refused.
///
/// Nothing was written and nothing changed. Retrying is useless: the configuration has to be corrected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidPolicy {
    /// The policy has no nodes; the local node alone is already one.
    #[error("quorum of 0 nodes: n counts the local node and is at least 1")]
    NoNodes,
    /// The local node is listed as its own peer, and would be counted twice.
    #[error("{own} is listed as its own peer")]
    OwnNodeIsPeer {
        /// The local node.
        own: NodeId,
    },
    /// The policy was made for a cluster of another size: with more members two quorums could miss each other, with
    /// fewer a quorum could be out of reach.
    #[error("a quorum policy for {n} nodes was applied to {members} (the local node included)")]
    MemberCount {
        /// The nodes of the policy.
        n: usize,
        /// The distinct nodes that were given, the local one included.
        members: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_is_more_than_half_also_of_an_even_number() {
        let w = |n| QuorumPolicy::majority(n).unwrap().w();
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(w), [1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(w(usize::MAX), usize::MAX / 2 + 1);
    }

    #[test]
    fn a_quorum_of_no_nodes_is_refused() {
        assert_eq!(QuorumPolicy::new(0, 1), Err(InvalidPolicy::NoNodes));
        assert_eq!(QuorumPolicy::majority(0), Err(InvalidPolicy::NoNodes));
    }

    #[test]
    fn w_is_clamped_to_the_nodes_there_are() {
        let w = |w| QuorumPolicy::new(3, w).unwrap().w();
        assert_eq!([0, 1, 2, 3, 4, usize::MAX].map(w), [1, 1, 2, 3, 3, 3]);
    }

    /// Disproved by two disjoint sets of W nodes where intersection was claimed, or by none where it was denied.
    #[test]
    fn quorums_intersect_exactly_when_no_two_sets_of_w_are_disjoint() {
        for n in 1..=7usize {
            for w in 1..=n {
                let policy = QuorumPolicy::new(n, w).unwrap();
                let of_size = |size: usize| {
                    (0u32..1 << n).filter(move |set| usize::try_from(set.count_ones()) == Ok(size))
                };
                let all_meet = |r| of_size(r).all(|read| of_size(w).all(|write| read & write != 0));
                assert_eq!(policy.intersects_itself(), all_meet(w), "{w} of {n}");
                let smallest = (1..=n).find(|r| all_meet(*r));
                assert_eq!(Some(policy.read_quorum()), smallest, "{w} of {n}");
                assert_eq!(policy.losses_survived() + policy.silent_peers_max(), n - 1, "{w} of {n}");
            }
        }
    }

    #[test]
    fn the_defaults_are_two_and_thirty_seconds_and_can_be_changed() {
        let policy = QuorumPolicy::majority(3).unwrap();
        assert_eq!(
            (policy.ack_timeout(), policy.clock_skew_warning()),
            (Duration::from_secs(2), Duration::from_secs(30))
        );
        let (timeout, warning) = (Duration::from_millis(1), Duration::from_millis(2));
        let changed = policy.with_ack_timeout(timeout).with_clock_skew_warning(warning);
        assert_eq!((changed.ack_timeout(), changed.clock_skew_warning()), (timeout, warning));
        assert_eq!((changed.n(), changed.w()), (policy.n(), policy.w()));
    }
}
