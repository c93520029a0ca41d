//! A hybrid logical clock behind the same seam as the vector clock: coarse, and still safe.
//!
//! An HLC is one number, so it orders any two events, and most of those orders mean nothing: **an HLC cannot
//! detect concurrency.** A node that believed it would let the larger timestamp win, which is the incident
//! this project exists to prevent. This adapter therefore claims only what is certain. Its timestamps hold one
//! entry, the origin's own, and prove order along one origin only; events of different origins compare as
//! concurrent, even where one did know of the other. In general: a clock reports the strongest relation it can
//! prove, and what it cannot rule out is surfaced, never guessed.
//!
//! The price is false conflicts between events that in truth were ordered. What is never paid is a silent
//! winner.

use super::{Clock, ClockError, HybridClock, HybridTimestamp, TimeSource, Timestamp};
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;

/// The constant-size [`Clock`]: events of one origin are ordered, all others are surfaced as concurrent.
#[derive(Debug)]
pub struct HybridNodeClock<S> {
    node_id: String,
    hybrid: HybridClock,
    time: S,
}

impl<S: TimeSource> HybridNodeClock<S> {
    /// The clock of a node that has issued nothing, with the default drift bound.
    #[must_use]
    pub fn new(node_id: &str, time: S) -> Self {
        Self::with_hybrid(node_id, HybridClock::new(), time)
    }

    /// The clock of a node on a given hybrid clock, say a restored one.
    #[must_use]
    pub fn with_hybrid(node_id: &str, hybrid: HybridClock, time: S) -> Self {
        Self { node_id: node_id.to_owned(), hybrid, time }
    }

    /// The latest hybrid timestamp, to be stored for [`HybridClock::restored`].
    #[must_use]
    pub fn last(&self) -> HybridTimestamp {
        self.hybrid.last()
    }
}

impl<S: TimeSource + Send> Clock for HybridNodeClock<S> {
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
}
