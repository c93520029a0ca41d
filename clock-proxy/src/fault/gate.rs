//! How many bytes of a lane may be written now: rate, slice, limit.
//!
//! These faults act on the stream behind all frames. They look at no frame and keep no bytes; a lane asks how much
//! may go, says how much went, and asks again at the time it is told. With several of a kind the strictest wins.

use std::sync::Arc;

use tokio::time::Instant;

use super::bucket::Bucket;
use crate::directory::{FlowId, NodeId};
use crate::rule::decision::{LaneKey, Purpose, Question};
use crate::rule::{Fault, Rule, RuleId, Slice};

/// A rule as it was when it came into force: an update is another one.
pub(super) type Version = (RuleId, u64);

#[derive(Debug)]
struct Slicer {
    version: Version,
    slice: Slice,
    seed: u64,
    /// Bytes left of the piece.
    left: usize,
    /// No byte before this.
    until: Option<Instant>,
}

impl Slicer {
    /// The piece that begins at this offset: its length is keyed by it.
    fn begin(&mut self, offset: u64, lane: LaneKey) {
        let question = Question { seed: self.seed, rule: self.version.0, lane, index: offset };
        let spread = self.slice.variation.saturating_mul(2).saturating_add(1);
        let longest = self.slice.average.saturating_add(self.slice.variation);
        self.left = longest.saturating_sub(question.below(spread, Purpose::Piece)).max(1);
    }
}

#[derive(Debug)]
struct Limit {
    version: Version,
    bytes: u64,
    left: u64,
}

/// A limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) rule: RuleId,
    pub(crate) bytes: u64,
}

/// Which lane it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) lane: LaneKey,
    pub(crate) flow: FlowId,
    pub(crate) from: NodeId,
}

/// What stands between a lane and its sink.
#[derive(Debug)]
pub(crate) struct Gates {
    course: Course,
    rates: Vec<(Version, Arc<Bucket>)>,
    slices: Vec<Slicer>,
    limits: Vec<Limit>,
    /// Bytes written by this lane, ever.
    offset: u64,
}

impl Gates {
    pub(crate) fn new(course: Course) -> Self {
        Self { course, rates: Vec::new(), slices: Vec::new(), limits: Vec::new(), offset: 0 }
    }

    /// Takes the rules in force. Those that stay keep what they know.
    pub(crate) fn sync<'a>(&mut self, rules: impl Iterator<Item = &'a Rule>, seed: u64, now: Instant) {
        let (mut rates, mut slices) = (std::mem::take(&mut self.rates), std::mem::take(&mut self.slices));
        let mut limits = std::mem::take(&mut self.limits);
        for rule in rules {
            let version = (rule.id, rule.since_epoch);
            if let Fault::Rate(rate) = rule.fault {
                let known = rates.iter().position(|(known, _)| *known == version);
                let Course { flow, from, .. } = self.course;
                self.rates.push(match known {
                    Some(at) => rates.swap_remove(at),
                    None => (version, rule.pools.bucket(rate, flow, from, now)),
                });
            } else if let Fault::Slice(slice) = rule.fault {
                let known = slices.iter().position(|known| known.version == version);
                self.slices.push(match known {
                    Some(at) => slices.swap_remove(at),
                    None => self.slicer(version, slice, seed),
                });
            } else if let Fault::Limit { bytes } = rule.fault {
                let known = limits.iter().position(|known| known.version == version);
                self.limits.push(match known {
                    Some(at) => limits.swap_remove(at),
                    None => Limit { version, bytes, left: bytes },
                });
            }
        }
    }

    fn slicer(&self, version: Version, slice: Slice, seed: u64) -> Slicer {
        let mut slicer = Slicer { version, slice, seed, left: 0, until: None };
        slicer.begin(self.offset, self.course.lane);
        slicer
    }

    pub(crate) fn is_open(&self) -> bool {
        self.rates.is_empty() && self.slices.is_empty() && self.limits.is_empty()
    }

    /// Bytes that may be written now, of so many that wait. Less than a portion is not worth a system call.
    pub(crate) fn allowance(&self, waiting: usize, now: Instant) -> usize {
        let rates = self.rates.iter().map(|(_, bucket)| {
            let allowance = bucket.allowance(now);
            if allowance < waiting.min(bucket.portion()) { 0 } else { allowance }
        });
        let slices = self.slices.iter().map(|slicer| match slicer.until {
            Some(until) if until > now => 0,
            Some(_) | None => slicer.left,
        });
        let limits = self.limits.iter().map(|limit| usize::try_from(limit.left).unwrap_or(usize::MAX));
        rates.chain(slices).chain(limits).min().unwrap_or(usize::MAX)
    }

    /// When it is worth asking again with this many bytes to write. None if time alone brings nothing.
    pub(crate) fn next_deadline(&self, waiting: usize, now: Instant) -> Option<Instant> {
        let mut latest = None;
        for (_, bucket) in &self.rates {
            let wanted = waiting.min(bucket.portion());
            if bucket.allowance(now) < wanted {
                latest = latest.max(Some(bucket.ready_at(wanted)?));
            }
        }
        let pauses = self.slices.iter().filter_map(|slicer| slicer.until.filter(|until| *until > now));
        latest.max(pauses.max())
    }

    /// Takes note of bytes that were written. Returns the limit that they used up.
    pub(crate) fn handle_written(&mut self, bytes: usize, now: Instant) -> Option<Spent> {
        let count = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.offset += count;
        for (_, bucket) in &self.rates {
            bucket.take(bytes, now);
        }
        for slicer in &mut self.slices {
            slicer.left = slicer.left.saturating_sub(bytes);
            if slicer.left == 0 {
                slicer.begin(self.offset, self.course.lane);
                slicer.until = Some(now + slicer.slice.pause);
            }
        }
        for limit in &mut self.limits {
            limit.left = limit.left.saturating_sub(count);
        }
        self.spent()
    }

    /// The limit that is used up, if one is.
    pub(crate) fn spent(&self) -> Option<Spent> {
        let spent = self.limits.iter().find(|limit| limit.left == 0)?;
        Some(Spent { rule: spent.version.0, bytes: spent.bytes })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fault::standing::tests::rules;
    use crate::rule::{Rate, RateScope};

    const MS: Duration = Duration::from_millis(1);

    fn gates(faults: &[Fault], now: Instant) -> Gates {
        let (rules, course) = rules(faults);
        let mut gates = Gates::new(course);
        gates.sync(rules.iter().map(AsRef::as_ref), 1, now);
        gates
    }

    fn pieces(gates: &mut Gates, mut now: Instant, bytes: usize) -> Vec<usize> {
        let (mut pieces, mut left) = (Vec::new(), bytes);
        while left > 0 {
            let piece = gates.allowance(left, now).min(left);
            if piece == 0 {
                now = gates.next_deadline(left, now).unwrap();
                continue;
            }
            gates.handle_written(piece, now);
            (pieces, left) = ([pieces, vec![piece]].concat(), left - piece);
        }
        pieces
    }

    #[test]
    fn pieces_are_keyed_by_their_offset_and_stay_in_their_range() {
        let slice = Fault::Slice(Slice { average: 100, variation: 20, pause: MS });
        let now = Instant::now();
        let all = pieces(&mut gates(std::slice::from_ref(&slice), now), now, 5000);
        assert!(all[..all.len() - 1].iter().all(|piece| (80..=120).contains(piece)), "{all:?}");
        assert!(all.windows(2).any(|pair| pair[0] != pair[1]));
        // Written in halves, the pieces end where they ended before.
        let mut halved = gates(&[slice], now);
        let (mut ends, mut offset, mut at) = (Vec::new(), 0, now);
        while ends.len() < 10 {
            let part = halved.allowance(1, at).div_ceil(2);
            halved.handle_written(part, at);
            offset += part;
            if halved.allowance(1, at) == 0 {
                ends.push(offset);
                at += MS;
            }
        }
        let sums = all.iter().scan(0, |sum, piece| {
            *sum += piece;
            Some(*sum)
        });
        assert_eq!(ends, sums.take(10).collect::<Vec<_>>());
    }

    /// Disproved by a gate that waits for more than its bucket can hold: it would never open, and always be about to.
    #[test]
    fn a_bucket_smaller_than_a_portion_is_passed_all_the_same() {
        let rate = Rate { bytes_per_second: 10_000_000, burst: 1000, scope: RateScope::Connection };
        let now = Instant::now();
        let mut gates = gates(&[Fault::Rate(rate)], now);
        assert_eq!(gates.allowance(100_000, now), 1000);
        gates.handle_written(1000, now);
        let next = gates.next_deadline(100_000, now).unwrap();
        assert_eq!((next, gates.allowance(100_000, next)), (now + MS / 10, 1000));
    }

    #[test]
    fn a_limit_is_met_to_the_byte() {
        let now = Instant::now();
        let mut gates = gates(&[Fault::Limit { bytes: 1000 }], now);
        assert_eq!(gates.handle_written(999, now), None);
        assert_eq!(gates.allowance(1, now), 1);
        assert_eq!(gates.handle_written(1, now), Some(Spent { rule: RuleId(1), bytes: 1000 }));
        assert_eq!((gates.allowance(1, now), gates.next_deadline(5, now)), (0, None));
    }

    #[test]
    fn of_several_rates_the_slowest_wins_and_a_rule_that_stays_keeps_its_debt() {
        let rate = |bytes_per_second| {
            Fault::Rate(Rate { bytes_per_second, burst: 1000, scope: RateScope::Connection })
        };
        let now = Instant::now();
        let (rules, course) = rules(&[rate(1_000_000), rate(10_000)]);
        let mut gates = Gates::new(course);
        gates.sync(rules.iter().map(AsRef::as_ref), 1, now);
        gates.handle_written(1000, now);
        assert_eq!(gates.allowance(1, now + MS * 10), 100);
        gates.sync(rules[..1].iter().map(AsRef::as_ref), 1, now);
        assert_eq!(gates.allowance(1, now + MS / 2), 500);
        gates.sync([].into_iter(), 1, now);
        assert!(gates.is_open() && gates.allowance(1, now) == usize::MAX);
    }
}
