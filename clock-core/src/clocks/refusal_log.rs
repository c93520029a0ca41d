//! How often each peer was refused, and when that is worth a line in a log.
//!
//! A peer whose clock is wrong is refused with every message it sends. A log line for each of them fills the
//! disk and hides everything else; none at all leaves the operator to guess. So: one warning per peer when it
//! begins, and a count. As in all of this crate nothing here logs or reads a clock: the caller does, with
//! what it is told.
//!
//! The clocks do not know who sent a timestamp. Their refusals, [`LamportJump`](super::LamportJump) and
//! [`HybridError::RemoteAhead`](super::HybridError::RemoteAhead) among them, say what was refused and by
//! which limit; the caller, who has the connection, adds the name here and in what it logs.
//!
//! Invariants: no more than [`REFUSED_PEERS_MAX`] peers are remembered, whatever names peers invent; every
//! refusal is counted, at its peer or among the others; counts do not wrap.

use alloc::collections::BTreeMap;

/// How many peers a [`RefusalLog`] tells apart: 1024, as many as a vector may have entries.
///
/// Refused peers that are honest are few. More names than members are an attack, for which one count is
/// enough.
pub const REFUSED_PEERS_MAX: usize = 1024;

/// Counts refusals by peer, and says when one is worth a warning.
///
/// Peers are named by whatever the caller knows them by: a [`NodeId`](crate::NodeId), the address of a
/// connection. A name that the peer has proven serves best, because any other may be somebody else's.
#[derive(Clone, Debug)]
pub struct RefusalLog<P> {
    quiet_ms: u64,
    by_peer: BTreeMap<P, Refusals>,
    others: Refusals,
}

#[derive(Clone, Copy, Debug, Default)]
struct Refusals {
    count: u64,
    latest_ms: u64,
}

/// Whose refusals a count is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<P> {
    /// Of this peer.
    Peer(P),
    /// Of all peers that came when there was no room for their names.
    Others,
}

impl<P: Ord + Clone> RefusalLog<P> {
    /// A log that warns of a peer again once it has not been refused for `quiet_ms` milliseconds.
    ///
    /// An hour is a good value: shorter than the time between two incidents, longer than a pause within one.
    #[must_use]
    pub const fn new(quiet_ms: u64) -> Self {
        let none = Refusals { count: 0, latest_ms: 0 };
        Self { quiet_ms, by_peer: BTreeMap::new(), others: none }
    }

    /// Counts a refusal of `peer` at a monotonic time, in milliseconds since whenever. Says whether it begins
    /// a run, so that a warning is due: it is the first, or comes after a quiet time. A run without a pause,
    /// however long, is one warning.
    ///
    /// Peers beyond [`REFUSED_PEERS_MAX`] count, and are warned of, as if they were one.
    #[must_use = "it says whether a warning is due"]
    pub fn note(&mut self, peer: &P, mono_ms: u64) -> bool {
        let has_room = self.by_peer.len() < REFUSED_PEERS_MAX;
        let refusals = match self.by_peer.get_mut(peer) {
            Some(known) => known,
            None if has_room => self.by_peer.entry(peer.clone()).or_default(),
            None => &mut self.others,
        };
        refusals.note(mono_ms, self.quiet_ms)
    }

    /// How often a peer was refused; 0 also for one whose name found no room.
    #[must_use]
    pub fn count(&self, peer: &P) -> u64 {
        self.by_peer.get(peer).map_or(0, |refusals| refusals.count)
    }

    /// All counts, for metrics: the peers in ascending order, then the others if there were any.
    pub fn counts(&self) -> impl Iterator<Item = (Refused<&P>, u64)> {
        let peers = self.by_peer.iter().map(|(peer, refusals)| (Refused::Peer(peer), refusals.count));
        let others = (self.others.count > 0).then_some((Refused::Others, self.others.count));
        peers.chain(others)
    }

    /// Makes room for other names, say when a peer has left for good. Returns its count.
    pub fn forget(&mut self, peer: &P) -> u64 {
        self.by_peer.remove(peer).map_or(0, |refusals| refusals.count)
    }
}

impl Refusals {
    fn note(&mut self, mono_ms: u64, quiet_ms: u64) -> bool {
        let begins = self.count == 0 || mono_ms.saturating_sub(self.latest_ms) >= quiet_ms;
        self.count = self.count.saturating_add(1);
        self.latest_ms = self.latest_ms.max(mono_ms);
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LamportClock, MAX_COUNTER};
    use super::*;
    use crate::NodeId;
    use alloc::vec::Vec;

    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn a_flood_is_one_warning_for_each_peer_and_a_count() {
        let (clock, mut log) = (LamportClock::new(), RefusalLog::new(HOUR_MS));
        let peers = ["atlantic", "pacific"].map(|name| NodeId::new(name).unwrap());
        let mut warned = Vec::new();
        for mono_ms in 0..10_000 {
            for peer in &peers {
                if clock.try_observe(MAX_COUNTER).is_err() && log.note(peer, mono_ms) {
                    warned.push(peer);
                }
            }
        }
        assert_eq!(warned, [&peers[0], &peers[1]]);
        assert_eq!((log.count(&peers[0]), log.count(&peers[1])), (10_000, 10_000));
    }

    #[test]
    fn after_a_quiet_time_it_warns_again_and_goes_on_counting() {
        let mut log = RefusalLog::new(HOUR_MS);
        assert!(log.note(&7u16, 5) && !log.note(&7, HOUR_MS - 1));
        assert!(!log.note(&7, 2 * HOUR_MS - 2), "the quiet time counts from the latest refusal");
        assert!(!log.note(&7, 3), "and a clock that steps back ends none");
        assert!(log.note(&7, 3 * HOUR_MS - 2));
        assert_eq!(log.count(&7), 5);
    }

    /// Disproved by a peer that fills the memory with names, or hides another's refusals behind them.
    #[test]
    fn invented_names_are_counted_together() {
        let mut log = RefusalLog::new(HOUR_MS);
        assert!(log.note(&0usize, 0));
        let warnings = (1..3_000).filter(|name| log.note(name, 1)).count();
        assert_eq!(warnings, REFUSED_PEERS_MAX - 1 + 1);
        assert!(!log.note(&0, 2), "a known peer keeps its count");
        assert_eq!((log.count(&0), log.count(&2_999)), (2, 0));
        assert_eq!(log.counts().count(), REFUSED_PEERS_MAX + 1);
        let others = u64::try_from(3_000 - REFUSED_PEERS_MAX).unwrap();
        assert_eq!(log.counts().last(), Some((Refused::Others, others)));
        assert_eq!((log.forget(&0), log.count(&0)), (2, 0));
        assert!(log.note(&5_000, 3), "there is room for one again");
    }
}
