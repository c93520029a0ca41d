//! What became of a write, and what became of one acknowledgement.

use core::time::Duration;

use super::InvalidPolicy;

/// What is known of a quorum write, and so what its caller may do next.
///
/// | outcome | certainty | what to do |
/// |---|---|---|
/// | [`Met`](Self::Met) | done | nothing |
/// | [`InFlight`](Self::InFlight) | pending | ask again at the moment it names; do not retry |
/// | [`Timeout`](Self::Timeout) | **unknown** | retry with the *same request id*, here or at another node |
/// | [`Unreachable`](Self::Unreachable) | **unknown** | as above, after a back-off; look at the links |
/// | [`LocalWriteFailed`](Self::LocalWriteFailed) | not done, or **unknown** if a peer has it | retry with the same request id, best at another node; look at the disk |
/// | [`InvalidPolicy`](Self::InvalidPolicy) | not done | do not retry; correct the configuration |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `w` nodes have the write durably, the local one among them. Final; no retry.
    Met {
        /// How many nodes were known to have it when the quorum was met, the local one included. More than `w` if
        /// peers were quicker than the local disk.
        copies: usize,
    },
    /// Undecided, and the deadline has not passed. Not an answer: ask again.
    InFlight {
        /// How many nodes are known to have it so far, the local one included.
        copies: usize,
        /// The first moment at which the answer cannot be `InFlight` any more: one nanosecond after the deadline.
        ask_again_at: Duration,
    },
    /// The deadline passed with some peers heard of, or with none to hear of (`n` is 1), and the quorum not met.
    ///
    /// **Unknown, not failed**: what is durable here will reach the others, and what a silent peer has is not known.
    /// Retrying with the same request id is safe at once; a new id would make a second write.
    Timeout(Shortfall),
    /// The deadline passed and not one peer was heard of.
    ///
    /// **Unknown, not failed**: the acknowledgements may be what was lost, and a local copy ships by itself once a
    /// link is back. An immediate retry meets the same silence, so back off first, or ask at a node on the other side
    /// of the partition, with the same request id.
    Unreachable(Shortfall),
    /// The local node cannot store the write. Reported at once, without waiting for the deadline.
    ///
    /// Not done if no peer has it, which is certain where nothing is sent before the local commit. If a peer
    /// acknowledged, the write exists and will come back: unknown. Either way retry with the same request id, at
    /// another node if the local one is out of disk.
    LocalWriteFailed {
        /// How many peers had acknowledged by then.
        peer_acks: usize,
    },
    /// There was never a quorum to wait for, and nothing was written.
    ///
    /// An [`AckTracker`](super::AckTracker) does not return it, because it does not come into being with such a
    /// policy; a write path that has one type for its answer gets it by `Outcome::from`.
    InvalidPolicy(InvalidPolicy),
}

impl Outcome {
    /// Success, failure, or neither known.
    #[must_use]
    pub const fn certainty(&self) -> Certainty {
        match self {
            Self::Met { .. } => Certainty::Done,
            Self::InFlight { .. } => Certainty::Pending,
            Self::Timeout(_) | Self::Unreachable(_) => Certainty::Unknown,
            Self::LocalWriteFailed { peer_acks: 0 } | Self::InvalidPolicy(_) => Certainty::NotDone,
            Self::LocalWriteFailed { peer_acks: _ } => Certainty::Unknown,
        }
    }

    /// A fixed lower-case name, for the label of a metric.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Met { .. } => "met",
            Self::InFlight { .. } => "in_flight",
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::LocalWriteFailed { .. } => "local_write_failed",
            Self::InvalidPolicy(_) => "invalid_policy",
        }
    }
}

impl From<InvalidPolicy> for Outcome {
    fn from(refusal: InvalidPolicy) -> Self {
        Self::InvalidPolicy(refusal)
    }
}

/// What may be concluded from an [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The write is durable on `w` nodes.
    Done,
    /// Too early to say.
    Pending,
    /// It may or may not be durable, on any number of nodes, now or later. Only a retry with the same request id, or
    /// reading it back, can tell.
    Unknown,
    /// It is on no node and will not be.
    NotDone,
}

/// How far a write had come when its deadline passed. What arrives later does not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// How many nodes were known to have the write, the local one included. May be `w` or more if it was the local
    /// commit that was missing.
    pub copies: usize,
    /// How many were needed.
    pub w: usize,
    /// Whether the local node had it. If not, the local disk is what was waited for.
    pub is_local_committed: bool,
}

/// What an acknowledgement was worth. Only [`Counted`](Self::Counted) brings the quorum nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckResult {
    /// The first acknowledgement of this write by this peer, in time.
    Counted,
    /// This peer has acknowledged this write before, in time or late. Harmless.
    Duplicate,
    /// A member acknowledged something else: another write, or one of the same number by another incarnation.
    ///
    /// Never counts. The peer may still acknowledge the right one.
    IdDrift,
    /// The sender is not in the cluster that the policy is about. Never counts: a stranger's disk is no copy.
    NotAMember,
    /// The local node acknowledged to itself. Never counts: its copy is counted by the local commit.
    OwnNode,
    /// The first acknowledgement of this write by this peer, after the outcome was decided: the quorum was met
    /// without it, or the deadline had passed, or the local write had failed. Recorded, changes no answer.
    Late,
}

impl AckResult {
    /// A fixed lower-case name, for the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Duplicate => "duplicate",
            Self::IdDrift => "id_drift",
            Self::NotAMember => "not_a_member",
            Self::OwnNode => "own_node",
            Self::Late => "late",
        }
    }
}

/// What a report of the local disk was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalResult {
    /// The first report, in time.
    Recorded,
    /// The first report, after the deadline. Recorded, changes no answer.
    Late,
    /// The same as was reported before. Harmless.
    Repeated,
    /// The opposite of what was reported before: a defect of the caller. The first report stands.
    Contradicts,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTFALL: Shortfall = Shortfall { copies: 1, w: 2, is_local_committed: true };

    /// Mutant D4. Disproved by any passed deadline that reads as a failure: its caller would write a second time.
    #[test]
    fn a_passed_deadline_is_unknown_and_never_a_failure() {
        for outcome in [Outcome::Timeout(SHORTFALL), Outcome::Unreachable(SHORTFALL)] {
            assert_eq!(outcome.certainty(), Certainty::Unknown, "{outcome:?}");
        }
    }

    #[test]
    fn a_failed_local_write_is_a_failure_unless_a_peer_has_it() {
        assert_eq!(Outcome::LocalWriteFailed { peer_acks: 0 }.certainty(), Certainty::NotDone);
        assert_eq!(Outcome::LocalWriteFailed { peer_acks: 1 }.certainty(), Certainty::Unknown);
    }

    #[test]
    fn a_refused_policy_is_an_outcome_of_its_own() {
        let outcome = Outcome::from(InvalidPolicy::NoNodes);
        assert_eq!((outcome.certainty(), outcome.as_str()), (Certainty::NotDone, "invalid_policy"));
    }
}
