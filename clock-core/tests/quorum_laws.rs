//! The laws of quorum writes: over generated histories against a model that recounts everything from the start, and
//! over every order of a small cluster's reports.

use clock_core::quorum::{AckResult, AckTracker, Outcome, QuorumPolicy, Shortfall};
use clock_core::{Dot, NodeId};
use core::time::Duration;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The local node, then its peers, as many as the policy has; who is beyond is a stranger.
const NODES: [&str; 6] = ["pacific", "antarctic", "atlantic", "indian_ocean", "svalbard", "troll"];
const OWN: usize = 0;
/// The write, then what it can be mistaken for: an older incarnation's, a neighbour's, another origin's.
const DOTS: [&str; 4] =
    ["pacific.1a2b3c4d:17", "pacific.00c0ffee:17", "pacific.1a2b3c4d:16", "atlantic.1a2b3c4d:17"];
const DEADLINE: Duration = Duration::from_secs(2);

fn node(index: usize) -> NodeId {
    NODES[index].parse().expect("a legal name")
}

fn dot(index: usize) -> Dot {
    DOTS[index].parse().expect("a legal dot")
}

fn tracker(n: usize, w: usize) -> AckTracker {
    let policy = QuorumPolicy::new(n, w).expect("n is not 0");
    let tracker = AckTracker::new(policy, dot(0), node(OWN), (1..n).map(node), Duration::ZERO);
    tracker.expect("the peers fit the policy")
}

#[derive(Debug, Clone, Copy)]
enum Report {
    Ack { node: usize, dot: usize },
    Committed,
    Failed,
    Asked,
}

/// Remembers everything and recounts it for every question.
struct Model {
    n: usize,
    w: usize,
    latest: Duration,
    history: Vec<(Duration, Report)>,
}

impl Model {
    fn take(&mut self, now: Duration, report: Report) {
        self.latest = self.latest.max(now);
        self.history.push((self.latest, report));
    }

    fn is_peer(&self, node: usize) -> bool {
        node != OWN && node < self.n
    }

    fn acked(&self, reports: &[(Duration, Report)]) -> BTreeSet<usize> {
        let right = reports.iter().filter_map(|(_, report)| match report {
            Report::Ack { node, dot: 0 } => Some(*node),
            _ => None,
        });
        right.filter(|node| self.is_peer(*node)).collect()
    }

    fn outcome(&self) -> Outcome {
        let in_time = self.history.iter().take_while(|(at, _)| *at <= DEADLINE).count();
        let copies = |upto: usize, local: bool| self.acked(&self.history[..upto]).len() + usize::from(local);
        let mut local = None;
        for upto in 1..=in_time {
            match self.history[upto - 1].1 {
                Report::Committed => local = local.or(Some(true)),
                Report::Failed => local = local.or(Some(false)),
                Report::Ack { .. } | Report::Asked => {}
            }
            match local {
                Some(false) => return Outcome::LocalWriteFailed { peer_acks: copies(upto, false) },
                Some(true) if copies(upto, true) >= self.w => {
                    return Outcome::Met { copies: copies(upto, true) };
                }
                _ => {}
            }
        }
        let is_local_committed = local == Some(true);
        let copies = copies(in_time, is_local_committed);
        if self.latest <= DEADLINE {
            return Outcome::InFlight { copies, ask_again_at: DEADLINE + Duration::from_nanos(1) };
        }
        let shortfall = Shortfall { copies, w: self.w, is_local_committed };
        let mut reports = self.history[..in_time].iter();
        let heard = reports.any(|(_, r)| matches!(r, Report::Ack { node, .. } if self.is_peer(*node)));
        if heard || self.n == 1 { Outcome::Timeout(shortfall) } else { Outcome::Unreachable(shortfall) }
    }

    /// What the report that was taken last was worth, given the outcome before it at the same moment.
    fn worth(&self, node: usize, dot: usize, before: &Outcome) -> AckResult {
        let earlier = &self.history[..self.history.len() - 1];
        match (node, dot) {
            (OWN, _) => AckResult::OwnNode,
            _ if !self.is_peer(node) => AckResult::NotAMember,
            (_, 1..) => AckResult::IdDrift,
            _ if self.acked(earlier).contains(&node) => AckResult::Duplicate,
            _ if matches!(before, Outcome::InFlight { .. }) => AckResult::Counted,
            _ => AckResult::Late,
        }
    }
}

fn reports() -> impl Strategy<Value = Report> {
    let dots = prop_oneof![4 => Just(0usize), 1 => 1..DOTS.len()];
    prop_oneof![
        6 => (0..NODES.len(), dots).prop_map(|(node, dot)| Report::Ack { node, dot }),
        2 => Just(Report::Committed),
        1 => Just(Report::Failed),
        2 => Just(Report::Asked),
    ]
}

/// Times in any order, most of them before the deadline and some next to it.
fn moments() -> impl Strategy<Value = Duration> {
    prop_oneof![
        8 => (0u64..2_000).prop_map(Duration::from_millis),
        1 => Just(DEADLINE),
        1 => Just(DEADLINE + Duration::from_nanos(1)),
        1 => Just(Duration::MAX),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Disproved by any history after which counting once, as it comes, differs from recounting it all; by an answer
    /// that changes after it was decided; or by a violated invariant.
    #[test]
    fn the_tracker_agrees_with_recounting_the_history(
        n in 1usize..=5,
        w in 1usize..=5,
        steps in prop::collection::vec((moments(), reports()), 0..24),
    ) {
        let w = w.min(n);
        let mut tracker = tracker(n, w);
        let mut model = Model { n, w, latest: Duration::ZERO, history: Vec::new() };
        let mut decided = None;
        for (now, report) in steps {
            model.take(now, Report::Asked);
            let before = model.outcome();
            model.take(now, report);
            match report {
                Report::Ack { node: from, dot: of } => {
                    let result = tracker.peer_acked(&node(from), &dot(of), now);
                    prop_assert_eq!(result, model.worth(from, of, &before));
                }
                Report::Committed => drop(tracker.local_committed(now)),
                Report::Failed => drop(tracker.local_failed(now)),
                Report::Asked => prop_assert_eq!(tracker.outcome(now), model.outcome()),
            }
            prop_assert_eq!(tracker.invariant(), Ok(()));
            // Through a copy: the question itself must not be what decides.
            let answer = tracker.clone().outcome(now);
            prop_assert_eq!(&answer, &model.outcome());
            prop_assert!(decided.as_ref().is_none_or(|earlier| *earlier == answer), "it was {:?}", decided);
            decided = (!matches!(answer, Outcome::InFlight { .. })).then_some(answer);
            let acked = model.acked(&model.history);
            let missing: BTreeSet<NodeId> = (1..n).filter(|peer| !acked.contains(peer)).map(node).collect();
            prop_assert_eq!(tracker.missing().cloned().collect::<BTreeSet<_>>(), missing);
            prop_assert_eq!(tracker.counted().count() + tracker.late_acks().count(), acked.len());
        }
    }

    /// Applying twice changes nothing. Disproved by a resent report that moves any answer.
    #[test]
    fn hearing_everything_twice_is_hearing_it_once(
        n in 1usize..=5,
        w in 1usize..=5,
        steps in prop::collection::vec((moments(), reports()), 0..24),
    ) {
        let (mut once, mut twice) = (tracker(n, w), tracker(n, w));
        for (now, report) in steps {
            apply(&mut once, now, report);
            apply(&mut twice, now, report);
            apply(&mut twice, now, report);
            prop_assert_eq!(once.outcome(now), twice.outcome(now));
        }
    }
}

fn apply(tracker: &mut AckTracker, now: Duration, report: Report) {
    match report {
        Report::Ack { node: from, dot: of } => drop(tracker.peer_acked(&node(from), &dot(of), now)),
        Report::Committed => drop(tracker.local_committed(now)),
        Report::Failed => drop(tracker.local_failed(now)),
        Report::Asked => drop(tracker.outcome(now)),
    }
}

fn orders(nodes: &[usize]) -> Vec<Vec<usize>> {
    if nodes.is_empty() {
        return vec![Vec::new()];
    }
    let first_then_rest = |first: &usize| {
        let rest: Vec<usize> = nodes.iter().copied().filter(|node| node != first).collect();
        orders(&rest).into_iter().map(|order| [vec![*first], order].concat()).collect::<Vec<_>>()
    };
    nodes.iter().flat_map(first_then_rest).collect()
}

/// One order of the reports of all nodes, each told twice, the first `in_time` of them in time.
fn play(n: usize, w: usize, order: &[usize], in_time: usize) -> AckTracker {
    let mut tracker = tracker(n, w);
    for (index, from) in order.iter().enumerate() {
        let now = if index < in_time { DEADLINE } else { Duration::MAX };
        let report = if *from == OWN { Report::Committed } else { Report::Ack { node: *from, dot: 0 } };
        apply(&mut tracker, now, report);
        apply(&mut tracker, now, report);
        assert_eq!(tracker.invariant(), Ok(()), "{w} of {n}, {order:?}, {in_time} in time");
    }
    tracker
}

/// Every cluster of up to four, every W, every order of the local commit and the acknowledgements, and the deadline at
/// every place in it. Disproved by a quorum that is met without W nodes, or without the local one, or not met with them.
#[test]
fn every_order_in_a_small_cluster_is_met_exactly_by_w_nodes_with_the_local_one() {
    let mut played = 0;
    for n in 1..=4 {
        let nodes: Vec<usize> = (0..n).collect();
        for (w, order) in (1..=n).flat_map(|w| orders(&nodes).into_iter().map(move |order| (w, order))) {
            for in_time in 0..=n {
                let mut tracker = play(n, w, &order, in_time);
                let heard = &order[..in_time];
                let is_met = heard.contains(&OWN) && heard.len() >= w;
                let is_silent = n > 1 && heard.iter().all(|node| *node == OWN);
                let expected = match (is_met, is_silent) {
                    (true, _) => "met",
                    (false, true) => "unreachable",
                    (false, false) => "timeout",
                };
                let case = format!("{w} of {n}, {order:?}, {in_time} in time");
                assert_eq!(tracker.outcome(Duration::MAX).as_str(), expected, "{case}");
                assert_eq!(tracker.missing().count(), 0, "{case}");
                played += 1;
            }
        }
    }
    assert_eq!(played, 2 + 2 * 2 * 3 + 3 * 6 * 4 + 4 * 24 * 5);
}
