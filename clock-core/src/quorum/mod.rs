//! Quorum writes: when has a write enough durable copies to be acknowledged?
//!
//! # Problem
//!
//! A write that is durable on one node is gone with that node's disk. A writer that wants more asks for W of N copies
//! before it is told *done*. Counting to W sounds trivial, and goes wrong in well-known ways: the local copy is
//! counted twice, a resent acknowledgement is counted twice, an acknowledgement of a predecessor's write, which had
//! the same number before a disk was lost, is counted at all, and silence is reported as failure.
//!
//! # Approach
//!
//! A [`QuorumPolicy`] says how many of how many. An [`AckTracker`] lives for one write: it is told of the local commit
//! and of each acknowledgement, and asked for the [`Outcome`]. It does no I/O and never reads a clock: `now` is an
//! argument, a [`Duration`](core::time::Duration) since an arbitrary start of the caller's *monotonic* clock. Wall
//! time is not given to it at all, see [`QuorumPolicy::clock_skew`].
//!
//! # Rules
//!
//! 1. The local node is one of the N, its commit is one of the W, and it is required: without it the quorum is not
//!    met, whatever peers say. A node that acknowledges what it may have lost itself could reuse the write's dot. So
//!    W = 1 is met by the local commit alone, with no peer asked.
//! 2. A peer counts once, only if it is a member, and only for exactly this [`Dot`](crate::Dot), its incarnation
//!    included. A peer that was restarted is the same peer. An acknowledgement says what was durable when it was
//!    said; a disk lost afterwards is not uncounted.
//! 3. The outcome depends only on what was reported up to the deadline (inclusive), not on when anyone asked. It is
//!    decided when the quorum is met, when the local write fails, or by the first report or question with a later
//!    `now` than the deadline. Once decided it never changes: what arrives afterwards is recorded as late.
//! 4. `now` may go back (it should not): the tracker goes on with the latest it has seen.
//! 5. **A deadline that passed means unknown, never failed.** [`Outcome`] has the retry strategy for each answer.
//!
//! [`AckTracker::invariant`] checks what follows from these rules and is cheap enough for operation; a violation is a
//! defect of this module and should be a metric.
//!
//! A quorum here is about durability and about where a conflict is noticed
//! ([`intersects_itself`](QuorumPolicy::intersects_itself)). There is no vote, no lock, no leader and no
//! linearizability: two concurrent writes can both reach their quorum, and both stay, as siblings.
//!
//! # Reading
//!
//! Gifford, *Weighted Voting for Replicated Data*, SOSP 1979; Thomas, *A Majority Consensus Approach to Concurrency
//! Control for Multiple Copy Databases*, ACM TODS 4(2), 1979.
//!
//! ```
//! use clock_core::quorum::{AckResult, AckTracker, Certainty, Outcome, QuorumPolicy};
//! use clock_core::{Dot, NodeId};
//! use core::time::Duration;
//!
//! let policy = QuorumPolicy::majority(3)?;
//! let write: Dot = "pacific.1a2b3c4d:17".parse()?;
//! let node = NodeId::new;
//! let (pacific, atlantic, antarctic) = (node("pacific")?, node("atlantic")?, node("antarctic")?);
//! let at = Duration::from_millis;
//!
//! let peers = [atlantic.clone(), antarctic.clone()];
//! let mut tracker = AckTracker::new(policy, write.clone(), pacific, peers, at(0))?;
//! tracker.local_committed(at(3));
//! assert_eq!(tracker.outcome(at(3)).certainty(), Certainty::Pending);
//!
//! // The same number, by an incarnation whose disk is gone: it is another write.
//! let older: Dot = "pacific.00c0ffee:17".parse()?;
//! assert_eq!(tracker.peer_acked(&atlantic, &older, at(40)), AckResult::IdDrift);
//!
//! assert_eq!(tracker.peer_acked(&atlantic, &write, at(600)), AckResult::Counted);
//! assert_eq!(tracker.outcome(at(600)), Outcome::Met { copies: 2 });
//! assert_eq!(tracker.missing().collect::<Vec<_>>(), [&antarctic]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod outcome;
mod policy;
mod skew;
mod tracker;
mod violation;

pub use outcome::{AckResult, Certainty, LocalResult, Outcome, Shortfall};
pub use policy::{DEFAULT_ACK_TIMEOUT, DEFAULT_CLOCK_SKEW_WARNING, InvalidPolicy, QuorumPolicy};
pub use skew::ClockSkew;
pub use tracker::AckTracker;
pub use violation::QuorumViolation;
