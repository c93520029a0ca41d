//! Sets of writes as counts: of each replica, how many of its first writes are in the set.
//!
//! What a station shows has no gaps (a gap is a violation of its own), so a count for each replica says it all.

use super::names::{DotAt, ReplicaIndex};

/// A set of writes without gaps.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    pub(super) fn upto(&self, replica: ReplicaIndex) -> u64 {
        self.0.get(replica.0).copied().unwrap_or(0)
    }

    pub(super) fn covers(&self, dot: DotAt) -> bool {
        dot.seq <= self.upto(dot.replica)
    }

    pub(super) fn raise(&mut self, dot: DotAt) {
        let at = dot.replica.0;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] = self.0[at].max(dot.seq);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.entries().for_each(|dot| self.raise(dot));
    }

    /// Takes out a write and all that follow it at its replica.
    pub(super) fn lower_below(&mut self, dot: DotAt) {
        if let Some(count) = self.0.get_mut(dot.replica.0) {
            *count = (*count).min(dot.seq - 1);
        }
    }

    /// Leaves what `other` has too.
    pub(super) fn lower_to(&mut self, other: &Self) {
        for (at, count) in self.0.iter_mut().enumerate() {
            *count = (*count).min(other.upto(ReplicaIndex(at)));
        }
    }

    /// The last write of each replica.
    pub(super) fn entries(&self) -> impl Iterator<Item = DotAt> {
        let numbered = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        numbered.map(|(replica, count)| DotAt { replica: ReplicaIndex(replica), seq: *count })
    }

    /// The first write of `other` that is not here.
    pub(super) fn first_missing(&self, other: &Self) -> Option<DotAt> {
        let missing = other.0.iter().enumerate().find(|(at, count)| **count > self.upto(ReplicaIndex(*at)));
        missing.map(|(at, _)| {
            let replica = ReplicaIndex(at);
            DotAt { replica, seq: self.upto(replica) + 1 }
        })
    }

    pub(super) fn contains(&self, other: &Self) -> bool {
        self.first_missing(other).is_none()
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.contains(other) && other.contains(self)
    }
}
