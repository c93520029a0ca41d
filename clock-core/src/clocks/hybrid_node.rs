//! A hybrid logical clock behind the same seam as the vector clock: coarse, and still safe.
//!
//! An HLC is one number, so it orders any two events, and most of those orders mean nothing: **an HLC cannot
//! detect concurrency.** A node that believed it would let the larger timestamp win, which is the incident
//! this project exists to prevent. This adapter therefore claims only what is certain. Its timestamps hold
//! one entry, the origin's own, and prove order along one origin only; events of different origins compare as
//! concurrent, even where one did know of the other. In general: a clock reports the strongest relation it
//! can prove, and what it cannot rule out is surfaced, never guessed.
//!
//! The price is false conflicts between events that in truth were ordered. What is never paid is a silent
//! winner.

use super::{
    Clock, ClockError, HybridClock, HybridTimestamp, LeaseError, LeasedHybridClock, TimeSource, Timestamp,
};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

/// What stamps the events of a [`HybridNodeClock`]: a [`HybridClock`], or a [`LeasedHybridClock`] for a node
/// that comes back under its name.
///
/// Also an [`Arc`] of either, which is how the owner of a lease keeps a hand on it: the node ticks the clock,
/// and a task of the owner renews the lease.
pub trait HybridSource: Send {
    /// Stamps one local event at a wall time, in milliseconds since the Unix epoch. Above every earlier
    /// result.
    ///
    /// # Errors
    /// [`ClockError::Hybrid`] or [`ClockError::Lease`]. Nothing was issued.
    fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, ClockError>;

    /// Learns of a peer's timestamp without an event of its own: later timestamps are above it.
    ///
    /// # Errors
    /// As [`tick_at`](Self::tick_at). Later timestamps are as if the call had not been made.
    fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), ClockError>;
}

impl HybridSource for HybridClock {
    fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, ClockError> {
        Ok(self.tick_at(wall_ms)?)
    }

    fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), ClockError> {
        Ok(self.witness_at(remote, wall_ms)?)
    }
}

impl HybridSource for LeasedHybridClock {
    fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, ClockError> {
        Ok(self.tick_at(wall_ms)?)
    }

    fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), ClockError> {
        Ok(self.witness_at(remote, wall_ms)?)
    }
}

impl<H: HybridSource + Sync> HybridSource for Arc<H> {
    fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, ClockError> {
        H::tick_at(self, wall_ms)
    }

    fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), ClockError> {
        H::witness_at(self, remote, wall_ms)
    }
}

impl From<LeaseError> for ClockError {
    fn from(error: LeaseError) -> Self {
        match error {
            LeaseError::Hybrid(error) => Self::Hybrid(error),
            LeaseError::LeaseExceeded { .. } => Self::Lease(error),
        }
    }
}

/// The constant-size [`Clock`]: events of one origin are ordered, all others are surfaced as concurrent.
#[derive(Debug)]
pub struct HybridNodeClock<S, H = HybridClock> {
    node_id: String,
    hybrid: H,
    time: S,
}

impl<S: TimeSource> HybridNodeClock<S> {
    /// The clock of a node that has issued nothing and will not come back under this name, with the default
    /// bounds.
    #[must_use]
    pub fn new(node_id: &str, time: S) -> Self {
        Self::with_hybrid(node_id, HybridClock::new(), time)
    }

    /// The latest hybrid timestamp, to be stored for [`HybridClock::restored`].
    #[must_use]
    pub fn last(&self) -> HybridTimestamp {
        self.hybrid.last()
    }
}

impl<S: TimeSource, H: HybridSource> HybridNodeClock<S, H> {
    /// The clock of a node on a given hybrid clock: a restored one, or a leased one, which also survives a
    /// crash.
    #[must_use]
    pub fn with_hybrid(node_id: &str, hybrid: H, time: S) -> Self {
        Self { node_id: node_id.to_owned(), hybrid, time }
    }

    /// What stamps its events, say to renew a lease.
    #[must_use]
    pub fn hybrid(&self) -> &H {
        &self.hybrid
    }
}

impl<S: TimeSource + Send, H: HybridSource> Clock for HybridNodeClock<S, H> {
    /// `lamport` is the packed hybrid timestamp; `vector` is the one entry of this node with the same value.
    fn tick(&mut self) -> Result<Timestamp, ClockError> {
        let packed = self.hybrid.tick_at(self.time.wall_ms())?.as_packed();
        Ok(Timestamp { lamport: packed, vector: BTreeMap::from([(self.node_id.clone(), packed)]) })
    }

    /// Moves up to the remote timestamp, so that later local ones are larger, which is for display only.
    fn observe(&mut self, remote: &Timestamp) -> Result<(), ClockError> {
        let received = HybridTimestamp::from_packed(remote.lamport);
        self.hybrid.witness_at(received, self.time.wall_ms())?;
        Ok(())
    }

    /// Always: a timestamp that names no dependency cannot wait for one.
    fn deliverable(&self, _origin: &str, _ts: &Timestamp) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::ManualTime;
    use super::*;
    use crate::Ordering;

    #[test]
    fn it_proves_order_along_one_origin_only() {
        let time = ManualTime::starting_at(1_760_000_000_000);
        let mut x = HybridNodeClock::new("x", time.clone());
        let mut y = HybridNodeClock::new("y", time);
        let (first, second) = (x.tick().unwrap(), x.tick().unwrap());
        y.observe(&second).unwrap();
        let knew_of_both = y.tick().unwrap();
        assert_eq!(first.compare(&second), Ordering::Before);
        assert!(knew_of_both.lamport > second.lamport);
        assert_eq!(second.compare(&knew_of_both), Ordering::Concurrent);
    }

    #[test]
    fn it_stays_monotone_when_the_wall_steps_back() {
        let time = ManualTime::starting_at(1_760_000_000_000);
        let mut clock = HybridNodeClock::new("x", time.clone());
        let before = clock.tick().unwrap();
        time.jump_to(1_000);
        assert!(clock.tick().unwrap().lamport > before.lamport);
    }

    #[test]
    fn a_closure_is_a_time_source() {
        let mut clock = HybridNodeClock::new("x", || 5u64);
        assert_eq!(clock.tick().unwrap().lamport, 5 << 20);
    }

    /// Disproved by a life of the node that stamps what an earlier one has stamped, or something below it.
    #[test]
    fn a_node_on_a_lease_crashes_and_never_stamps_twice_though_the_wall_steps_back() {
        let time = ManualTime::starting_at(1_760_000_000_000);
        let mut disk = HybridTimestamp::default();
        let mut latest = 0;
        for _life in 0..5 {
            let leased = Arc::new(LeasedHybridClock::resumed(disk));
            let mut node = HybridNodeClock::with_hybrid("x", Arc::clone(&leased), time.clone());
            assert!(matches!(node.tick(), Err(ClockError::Lease(LeaseError::LeaseExceeded { .. }))));
            for _renewal in 0..3 {
                if let Some(bound) = leased.lease_wanted(time.wall_ms()) {
                    disk = bound;
                    leased.lease_persisted(disk);
                }
                for _event in 0..10 {
                    let stamp = node.tick().unwrap();
                    assert!(stamp.lamport > latest && stamp.get("x") == stamp.lamport);
                    latest = stamp.lamport;
                    time.advance_ms(300);
                }
            }
            time.jump_to(time.wall_ms() - 60_000);
        }
    }

    #[test]
    fn a_refusal_of_the_clock_below_the_lease_is_told_as_its_own() {
        let mut node = HybridNodeClock::with_hybrid("x", LeasedHybridClock::new(), || u64::MAX);
        assert!(matches!(node.tick(), Err(ClockError::Hybrid(_))));
        assert_eq!(node.hybrid().last(), HybridTimestamp::default());
    }
}
