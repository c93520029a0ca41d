//! What the tracker says to each order of reports.

use super::*;
use crate::quorum::Certainty;

const START: Duration = Duration::from_secs(100);
const IN_TIME: Duration = Duration::from_secs(101);
const DEADLINE: Duration = Duration::from_secs(102);
const TOO_LATE: Duration = Duration::from_nanos(102_000_000_001);

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn write() -> Dot {
    "pacific.1a2b3c4d:17".parse().unwrap()
}

/// A write at `pacific`, with as many of the other stations as `n` needs.
fn waiting(n: usize, w: usize) -> AckTracker {
    let peers = ["antarctic", "atlantic", "indian_ocean"].map(node).into_iter().take(n - 1);
    let policy = QuorumPolicy::new(n, w).unwrap();
    AckTracker::new(policy, write(), node("pacific"), peers, START).unwrap()
}

fn committed(n: usize, w: usize) -> AckTracker {
    let mut tracker = waiting(n, w);
    assert_eq!(tracker.local_committed(START), LocalResult::Recorded);
    tracker
}

fn ack(tracker: &mut AckTracker, peer: &str, now: Duration) -> AckResult {
    let result = tracker.peer_acked(&node(peer), &write(), now);
    assert_eq!(tracker.invariant(), Ok(()));
    result
}

fn names<'a>(nodes: impl Iterator<Item = &'a NodeId>) -> Vec<&'a str> {
    nodes.map(NodeId::as_str).collect()
}

const IN_FLIGHT_ALONE: Outcome = Outcome::InFlight { copies: 1, ask_again_at: TOO_LATE };

#[test]
fn one_of_n_is_met_by_the_local_commit_alone() {
    for n in 1..=4 {
        let mut tracker = committed(n, 1);
        assert_eq!(tracker.outcome(START), Outcome::Met { copies: 1 });
        assert_eq!(tracker.missing().count(), n - 1);
    }
}

#[test]
fn peers_alone_do_not_meet_a_quorum_and_the_commit_then_does() {
    let mut tracker = waiting(3, 2);
    assert_eq!(ack(&mut tracker, "antarctic", START), AckResult::Counted);
    assert_eq!(ack(&mut tracker, "atlantic", START), AckResult::Counted);
    assert_eq!(tracker.outcome(START).certainty(), Certainty::Pending);
    tracker.local_committed(IN_TIME);
    assert_eq!(tracker.outcome(IN_TIME), Outcome::Met { copies: 3 });
}

#[test]
fn peers_without_the_local_commit_time_out() {
    let mut tracker = waiting(3, 2);
    ack(&mut tracker, "antarctic", START);
    ack(&mut tracker, "atlantic", START);
    let shortfall = Shortfall { copies: 2, w: 2, is_local_committed: false };
    assert_eq!(tracker.outcome(TOO_LATE), Outcome::Timeout(shortfall));
}

/// Mutant D1. Disproved by a quorum of two that one disk meets.
#[test]
fn the_local_node_is_counted_once() {
    let mut tracker = committed(3, 2);
    assert_eq!(tracker.outcome(START), IN_FLIGHT_ALONE);
    assert_eq!(ack(&mut tracker, "pacific", IN_TIME), AckResult::OwnNode);
    assert_eq!(tracker.local_committed(IN_TIME), LocalResult::Repeated);
    assert_eq!(tracker.outcome(IN_TIME), IN_FLIGHT_ALONE);
}

/// Mutant D2. Disproved by a quorum of three that two disks meet.
#[test]
fn a_duplicate_ack_is_not_counted() {
    let mut tracker = committed(4, 3);
    assert_eq!(ack(&mut tracker, "atlantic", START), AckResult::Counted);
    assert_eq!(ack(&mut tracker, "atlantic", IN_TIME), AckResult::Duplicate);
    assert_eq!(tracker.outcome(IN_TIME), Outcome::InFlight { copies: 2, ask_again_at: TOO_LATE });
    ack(&mut tracker, "antarctic", IN_TIME);
    assert_eq!(tracker.outcome(IN_TIME), Outcome::Met { copies: 3 });
}

/// Mutant D3. Disproved by counting a copy of another write that had the same number before a disk was lost.
#[test]
fn an_ack_of_an_older_incarnation_is_drift_and_not_counted() {
    let mut tracker = committed(3, 2);
    let older: Dot = "pacific.00c0ffee:17".parse().unwrap();
    assert_eq!(tracker.peer_acked(&node("atlantic"), &older, START), AckResult::IdDrift);
    assert_eq!(tracker.outcome(IN_TIME), IN_FLIGHT_ALONE);
    assert_eq!(tracker.drifted().collect::<Vec<_>>(), [(&node("atlantic"), &older)]);
    assert_eq!(names(tracker.missing()), ["antarctic", "atlantic"]);
    assert_eq!(ack(&mut tracker, "atlantic", IN_TIME), AckResult::Counted);
    assert_eq!(tracker.outcome(IN_TIME), Outcome::Met { copies: 2 });
}

#[test]
fn an_ack_of_another_write_or_origin_is_drift() {
    let mut tracker = committed(3, 2);
    for other in ["pacific.1a2b3c4d:16", "pacific.1a2b3c4d:18", "atlantic.1a2b3c4d:17"] {
        let result = tracker.peer_acked(&node("atlantic"), &other.parse().unwrap(), START);
        assert_eq!(result, AckResult::IdDrift, "{other}");
    }
    assert_eq!(tracker.outcome(IN_TIME), IN_FLIGHT_ALONE);
}

#[test]
fn a_stranger_is_not_counted_and_not_remembered() {
    let mut tracker = committed(3, 2);
    assert_eq!(ack(&mut tracker, "indian_ocean", START), AckResult::NotAMember);
    assert_eq!(tracker.outcome(TOO_LATE).as_str(), "unreachable");
}

/// Mutant D4. Disproved by a passed deadline that is answered with a failure, or that is not answered.
#[test]
fn a_timeout_is_unknown_and_tells_whether_anybody_was_heard() {
    let mut silent = committed(3, 2);
    let shortfall = Shortfall { copies: 1, w: 2, is_local_committed: true };
    assert_eq!(silent.outcome(TOO_LATE), Outcome::Unreachable(shortfall));
    let mut partial = committed(4, 3);
    ack(&mut partial, "atlantic", DEADLINE);
    let shortfall = Shortfall { copies: 2, w: 3, is_local_committed: true };
    assert_eq!(partial.outcome(TOO_LATE), Outcome::Timeout(shortfall));
    for tracker in [&mut silent, &mut partial] {
        assert_eq!(tracker.outcome(TOO_LATE).certainty(), Certainty::Unknown);
    }
}

#[test]
fn a_peer_that_drifted_was_heard() {
    let mut tracker = committed(3, 2);
    tracker.peer_acked(&node("atlantic"), &"pacific.00c0ffee:17".parse().unwrap(), START);
    assert_eq!(tracker.outcome(TOO_LATE).as_str(), "timeout");
}

#[test]
fn a_slow_disk_without_peers_is_a_timeout_and_not_unreachable() {
    assert_eq!(waiting(1, 1).outcome(TOO_LATE).as_str(), "timeout");
    assert_eq!(waiting(2, 1).outcome(TOO_LATE).as_str(), "unreachable");
}

#[test]
fn an_ack_at_the_deadline_counts_also_if_the_question_comes_later() {
    let mut tracker = committed(3, 2);
    assert_eq!(ack(&mut tracker, "atlantic", DEADLINE), AckResult::Counted);
    assert_eq!(tracker.outcome(TOO_LATE), Outcome::Met { copies: 2 });
}

#[test]
fn an_ack_after_the_deadline_is_late_also_if_nobody_asked_in_between() {
    let mut tracker = committed(3, 2);
    assert_eq!(ack(&mut tracker, "atlantic", TOO_LATE), AckResult::Late);
    assert_eq!(ack(&mut tracker, "atlantic", TOO_LATE), AckResult::Duplicate);
    assert_eq!(tracker.outcome(TOO_LATE).as_str(), "unreachable");
    assert_eq!(tracker.late_acks().collect::<Vec<_>>(), [(&node("atlantic"), TOO_LATE)]);
    assert_eq!(names(tracker.missing()), ["antarctic"]);
}

/// Disproved by an answer that somebody was given and that then changes.
#[test]
fn time_that_goes_back_does_not_reopen_a_passed_deadline() {
    let mut tracker = committed(3, 2);
    let answer = tracker.outcome(TOO_LATE);
    assert_eq!(ack(&mut tracker, "atlantic", START), AckResult::Late);
    assert_eq!(tracker.outcome(Duration::ZERO), answer);
    assert_eq!(tracker.late_acks().collect::<Vec<_>>(), [(&node("atlantic"), TOO_LATE)]);
}

#[test]
fn acks_after_a_met_quorum_are_late_and_change_nothing() {
    let mut tracker = committed(3, 2);
    ack(&mut tracker, "atlantic", IN_TIME);
    assert_eq!(ack(&mut tracker, "antarctic", DEADLINE), AckResult::Late);
    assert_eq!(tracker.outcome(TOO_LATE), Outcome::Met { copies: 2 });
    assert_eq!(names(tracker.counted()), ["atlantic"]);
    assert_eq!(tracker.missing().count(), 0);
}

#[test]
fn a_failed_local_write_is_reported_at_once_and_stays() {
    let mut tracker = waiting(3, 2);
    assert_eq!(tracker.local_failed(START), LocalResult::Recorded);
    assert_eq!(tracker.local_committed(START), LocalResult::Contradicts);
    assert_eq!(ack(&mut tracker, "atlantic", IN_TIME), AckResult::Late);
    let outcome = tracker.outcome(TOO_LATE);
    assert_eq!(outcome, Outcome::LocalWriteFailed { peer_acks: 0 });
    assert!(!tracker.is_local_committed());
}

#[test]
fn a_failed_local_write_that_a_peer_has_is_unknown() {
    let mut tracker = waiting(3, 2);
    ack(&mut tracker, "atlantic", START);
    tracker.local_failed(START);
    assert_eq!(tracker.outcome(START).certainty(), Certainty::Unknown);
}

#[test]
fn a_local_report_after_the_deadline_is_late_and_changes_no_answer() {
    let (mut slow, mut broken) = (waiting(3, 1), waiting(3, 1));
    assert_eq!(slow.local_committed(TOO_LATE), LocalResult::Late);
    assert_eq!(broken.local_failed(TOO_LATE), LocalResult::Late);
    assert!(slow.is_local_committed());
    for tracker in [&mut slow, &mut broken] {
        assert_eq!(tracker.outcome(TOO_LATE).as_str(), "unreachable");
        assert_eq!(tracker.invariant(), Ok(()));
    }
}

#[test]
fn a_failure_reported_after_a_commit_contradicts_it() {
    let mut tracker = committed(3, 2);
    assert_eq!(tracker.local_failed(START), LocalResult::Contradicts);
    assert_eq!(tracker.outcome(START), IN_FLIGHT_ALONE);
}

#[test]
fn asking_at_the_moment_it_names_gets_an_answer() {
    let mut tracker = committed(3, 2);
    let Outcome::InFlight { ask_again_at, .. } = tracker.outcome(DEADLINE) else { panic!("decided") };
    assert_eq!(tracker.outcome(ask_again_at).as_str(), "unreachable");
}

#[test]
fn a_deadline_beyond_all_durations_never_passes() {
    let policy = QuorumPolicy::new(1, 1).unwrap().with_ack_timeout(Duration::MAX);
    let mut tracker = AckTracker::new(policy, write(), node("pacific"), [], START).unwrap();
    assert_eq!(tracker.outcome(Duration::MAX).certainty(), Certainty::Pending);
}

#[test]
fn a_policy_for_another_cluster_is_refused() {
    let of_three = QuorumPolicy::majority(3).unwrap();
    let begin = |peers: &[&str]| {
        let peers = peers.iter().copied().map(node);
        AckTracker::new(of_three, write(), node("pacific"), peers, START).map(drop)
    };
    assert_eq!(begin(&["atlantic", "antarctic"]), Ok(()));
    assert_eq!(begin(&["atlantic"]), Err(InvalidPolicy::MemberCount { n: 3, members: 2 }));
    assert_eq!(begin(&["atlantic", "atlantic"]), Err(InvalidPolicy::MemberCount { n: 3, members: 2 }));
    assert_eq!(begin(&["a", "b", "c"]), Err(InvalidPolicy::MemberCount { n: 3, members: 4 }));
    let own = node("pacific");
    assert_eq!(begin(&["atlantic", "pacific"]), Err(InvalidPolicy::OwnNodeIsPeer { own }));
}

/// The checker itself: a forged state must be noticed.
#[test]
fn the_invariant_notices_a_forged_answer() {
    let mut met_for_nothing = committed(3, 2);
    met_for_nothing.decided = Some(Outcome::Met { copies: 2 });
    let forged = QuorumViolation::MetUnlikeCounted { is_reported_met: true, copies: 1, w: 2 };
    assert_eq!(met_for_nothing.invariant(), Err(forged));

    let mut undecided = committed(3, 2);
    undecided.latest = TOO_LATE;
    let forged = QuorumViolation::Undecided { latest: TOO_LATE, deadline: DEADLINE };
    assert_eq!(undecided.invariant(), Err(forged));

    let mut own_peer = committed(3, 2);
    own_peer.peers.insert(node("pacific"), Peer::default());
    assert_eq!(own_peer.invariant(), Err(QuorumViolation::TooManyCopies { copies: 1, n: 3 }));
}
