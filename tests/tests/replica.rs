//! Claims about the replica, on the in-memory cluster: every order of events is drawn from a printed seed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use std::collections::BTreeSet;

use bytes::Bytes;
use clock_core::replica::{ConflictId, Fact, Limits, SessionId, Usage};
use clock_core::wire::message::{Message, Refusal};
use clock_core::wire::{
    Choice, EncodedEvent, EntryView, Receipt, Request, RequestError, Response, WriteContext,
};
use clock_core::{BodyKind, Dot, Key, ReplicaId, RequestId, VersionVector};
use clock_tests::memory::{FrameFaults, MemoryCluster, station};

const FOUR: [&str; 4] = ["pacific", "indian_ocean", "atlantic", "antarctic"];

fn key() -> Key {
    Key::new("MSS-17/attitude").unwrap()
}

fn put(value: &str, request: u128) -> Request {
    put_with(value, request, WriteContext::StationView)
}

fn put_with(value: &str, request: u128, context: WriteContext) -> Request {
    let value = Bytes::copy_from_slice(value.as_bytes());
    Request::Put { key: key(), kind: BodyKind::OPAQUE, value, context, request: RequestId(request) }
}

fn receipt(response: Response) -> Receipt {
    match response {
        Response::Written(receipt) => receipt,
        other => panic!("expected a receipt, got {other:?}"),
    }
}

fn entry(cluster: &mut MemoryCluster, name: &str) -> EntryView {
    match cluster.ask(name, Request::Get { key: key(), skip: 0 }) {
        Response::Entry(entry) => entry,
        other => panic!("{name}: expected an entry, got {other:?}"),
    }
}

fn values(entry: &EntryView) -> BTreeSet<String> {
    entry.versions.iter().map(|version| String::from_utf8_lossy(&version.value).into_owned()).collect()
}

/// Disproved by a station whose siblings or conflict id differ, or that shows one value only.
#[test]
fn concurrent_writes_are_one_conflict_on_every_station_in_any_order() {
    for seed in 0..50 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.ask("pacific", put("base", 1));
        cluster.settle();
        cluster.cut("pacific", "indian_ocean");
        let stale = receipt(cluster.ask("pacific", put("stale", 2)));
        let newer = receipt(cluster.ask("indian_ocean", put("newer", 3)));
        cluster.settle();
        let expected = ConflictId::of([&stale.dot, &newer.dot]);
        for name in FOUR {
            let entry = entry(&mut cluster, name);
            assert_eq!(values(&entry), ["newer", "stale"].map(str::to_owned).into(), "{name}, seed {seed}");
            assert_eq!(
                entry.conflict,
                Some(expected),
                "{name}: conflict of {} and {}, seed {seed}",
                stale.dot,
                newer.dot
            );
        }
        let choice = Choice::Take(newer.dot.clone());
        let resolved = receipt(
            cluster.ask("atlantic", Request::Resolve { conflict: expected, choice, request: RequestId(4) }),
        );
        assert_eq!(BTreeSet::from_iter(resolved.context), BTreeSet::from([stale.dot, newer.dot]));
        cluster.settle();
        for name in FOUR {
            let entry = entry(&mut cluster, name);
            assert_eq!(
                (values(&entry), entry.conflict),
                (["newer".to_owned()].into(), None),
                "{name}, seed {seed}"
            );
        }
    }
}

/// Disproved by an answer, or a frame to a peer, while the write was not yet synced.
#[test]
fn a_write_is_answered_and_shown_only_after_its_sync() {
    let mut cluster = MemoryCluster::start(&FOUR, 1);
    cluster.settle();
    cluster.freeze_disks();
    let number = cluster.submit("pacific", put("value", 1));
    // The network runs on; only the disk does not answer.
    cluster.settle();
    assert_eq!(cluster.take_reply("pacific", number), None);
    for name in &FOUR[1..] {
        assert_eq!(shown(&cluster, name), BTreeSet::new(), "{name} was told of a write that is not durable");
        let Response::Status(status) = cluster.ask(name, Request::Status) else {
            panic!("{name} has no status")
        };
        assert_eq!(status.held_back, 0, "{name} was told of a write that is not durable");
    }
    let get = Request::Get { key: key(), skip: 0 };
    let asked = cluster.submit("pacific", get);
    assert_eq!(cluster.take_reply("pacific", asked), Some(Response::UnknownKey));
    cluster.crash_and_restart("pacific", |_| {});
    cluster.settle();
    for name in FOUR {
        let get = Request::Get { key: key(), skip: 0 };
        assert_eq!(cluster.ask(name, get), Response::UnknownKey, "{name} saw a write that was never durable");
    }
}

/// Disproved by a second version of the key, or by two dots for one request.
#[test]
fn retry_with_same_request_id_gives_same_dot_also_after_a_restart() {
    let mut cluster = MemoryCluster::start(&FOUR, 2);
    let first = cluster.submit("pacific", put("value", 7));
    let second = cluster.submit("pacific", put("value", 7));
    cluster.finish_sync(&station("pacific"));
    let first = receipt(cluster.take_reply("pacific", first).unwrap());
    let second = receipt(cluster.take_reply("pacific", second).unwrap());
    cluster.crash_and_restart("pacific", |_| {});
    let third = receipt(cluster.ask("pacific", put("value", 7)));
    assert_eq!((&first, &first), (&second, &third));
    let reused = cluster.ask("pacific", put("another value", 7));
    assert_eq!(
        reused,
        Response::Refused(RequestError::RequestReused { request: RequestId(7), dot: first.dot })
    );
    assert_eq!(entry(&mut cluster, "pacific").revision, 1);
}

/// Disproved by two siblings with the same value and request.
#[test]
fn a_retry_at_another_station_collapses_into_one_version() {
    let mut cluster = MemoryCluster::start(&FOUR, 3);
    cluster.cut("pacific", "atlantic");
    cluster.submit("pacific", put("value", 7));
    cluster.submit("atlantic", put("value", 7));
    cluster.settle();
    cluster.heal();
    cluster.settle();
    for name in FOUR {
        let entry = entry(&mut cluster, name);
        assert_eq!((entry.versions.len(), entry.conflict), (1, None), "{name}");
        assert_eq!(entry.versions[0].dots.len(), 2, "{name}");
    }
}

/// Disproved by a conflict between two writes that one station accepted in a row.
#[test]
fn quick_writes_at_one_station_never_conflict_with_each_other() {
    let mut cluster = MemoryCluster::start(&FOUR, 4);
    let numbers: Vec<u64> = (0..10).map(|n| cluster.submit("pacific", put(&n.to_string(), n))).collect();
    cluster.finish_sync(&station("pacific"));
    for number in numbers {
        assert_eq!(receipt(cluster.take_reply("pacific", number).unwrap()).concurrent_with, []);
    }
    assert_eq!(values(&entry(&mut cluster, "pacific")), ["9".to_owned()].into());
}

/// Disproved by a station that does not have all events although others could relay them.
#[test]
fn a_pair_that_never_connects_converges_over_the_others() {
    let mut cluster = MemoryCluster::start(&FOUR, 5);
    cluster.cut("pacific", "indian_ocean");
    for n in 0..20 {
        cluster.ask("pacific", put(&format!("p{n}"), n));
        cluster.ask("indian_ocean", put(&format!("i{n}"), 100 + n));
    }
    cluster.settle();
    for name in FOUR {
        assert_eq!(cluster.at(name).log.dots().len(), 40, "{name}");
        assert_eq!(values(&entry(&mut cluster, name)), ["p19", "i19"].map(str::to_owned).into(), "{name}");
    }
}

/// Disproved by a lost acknowledged write, a difference after healing, or an event applied before its past.
/// Returns the highest usage of any station.
fn storm(seeds: std::ops::Range<u64>, faults: FrameFaults, limits: Limits) -> Usage {
    let mut highest = Usage::default();
    for seed in seeds {
        let mut cluster = MemoryCluster::start_with(&FOUR, seed, limits);
        cluster.set_frame_faults(faults);
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut open, mut acknowledged) = (Vec::new(), BTreeSet::new());
        for n in 0..400_u128 {
            let name = FOUR[rng.usize(..4)];
            match rng.u8(..100) {
                0..30 => open.push((name, cluster.submit(name, put(&format!("v{n}"), n)))),
                30..32 => cluster.crash_and_restart(name, |_| {}),
                32..36 => cluster.cut(name, FOUR[rng.usize(..4)]),
                36..38 => cluster.heal(),
                38..40 => cluster.advance(std::time::Duration::from_millis(rng.u64(..1500))),
                _ => cluster.steps(rng.usize(..20)),
            }
            open.retain(|(name, number)| match cluster.take_reply(name, *number) {
                Some(response) => {
                    acknowledged.insert(receipt(response).dot);
                    false
                }
                None => true,
            });
            FOUR.iter().for_each(|name| raise(&mut highest, cluster.at(name).replica.usage()));
        }
        cluster.heal();
        cluster.set_frame_faults(FrameFaults::default());
        cluster.settle();
        let reference: BTreeSet<Dot> = cluster.at("pacific").log.dots().into_iter().collect();
        assert!(
            acknowledged.is_subset(&reference),
            "seed {seed}: lost {:?}",
            acknowledged.difference(&reference)
        );
        let expected = entry(&mut cluster, "pacific");
        for name in FOUR {
            let dots: BTreeSet<Dot> = cluster.at(name).log.dots().into_iter().collect();
            assert_eq!(dots, reference, "{name}, seed {seed}");
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
            log_is_causal(&cluster, name);
        }
    }
    highest
}

fn raise(highest: &mut Usage, usage: Usage) {
    highest.held_events = highest.held_events.max(usage.held_events);
    highest.held_bytes = highest.held_bytes.max(usage.held_bytes);
    highest.requests = highest.requests.max(usage.requests);
    highest.window_events = highest.window_events.max(usage.window_events);
    highest.window_bytes = highest.window_bytes.max(usage.window_bytes);
}

/// Each station's log, read from the start, never has an event before its past.
fn log_is_causal(cluster: &MemoryCluster, name: &str) {
    let mut before = VersionVector::new();
    for (lsn, event) in cluster.at(name).log.events() {
        let event = event.decode().unwrap();
        let missing = event.delta.iter().find(|(replica, seq)| before.upto(replica) < *seq);
        assert_eq!(missing, None, "{name}: {event} at {lsn:?} stands before its past");
        before.advance(&event.dot).unwrap();
    }
}

#[test]
fn storms_of_cuts_and_crashes_lose_no_acknowledged_write() {
    storm(0..30, FrameFaults::default(), Limits::default());
}

#[test]
fn frames_that_overtake_each_other_change_nothing() {
    storm(100..130, FrameFaults { overtake: 5, lose_events: 0.0 }, Limits::default());
}

#[test]
fn frames_that_vanish_within_a_session_are_shipped_again() {
    storm(200..230, FrameFaults { overtake: 2, lose_events: 0.3 }, Limits::default());
}

/// Disproved by a buffer that exceeds its limit, or by a small one that loses an event or stops replication.
#[test]
fn tiny_buffers_are_filled_and_lose_nothing() {
    let limits = Limits {
        held_events: 3,
        window_events: 4,
        window_bytes: 300,
        chunk_bytes: 200,
        frame_events: 2,
        requests: 5,
        ..Limits::default()
    };
    let faults = FrameFaults { overtake: 5, lose_events: 0.1 };
    let highest = storm(300..330, faults, limits);
    assert_eq!((highest.held_events, highest.window_events, highest.requests), (3, 4, 5));
    let by_bytes = Limits { held_bytes: 300, ..Limits::default() };
    let highest = storm(330..340, faults, by_bytes);
    assert!((300..1300).contains(&highest.held_bytes), "one event may exceed it: {}", highest.held_bytes);
}

/// Disproved by an event that is applied before one it depends on, or never.
#[test]
fn an_event_that_overtakes_its_past_waits_for_it() {
    let mut held = 0;
    for seed in 0..20 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.set_frame_faults(FrameFaults { overtake: 8, lose_events: 0.0 });
        for n in 0..40_u128 {
            let name = FOUR[usize::try_from(n % 4).unwrap()];
            cluster.submit(name, put(&format!("v{n}"), n));
            cluster.steps(6);
        }
        cluster.settle();
        for name in FOUR {
            assert_eq!(cluster.at(name).log.dots().len(), 40, "{name}, seed {seed}");
            log_is_causal(&cluster, name);
            held +=
                cluster.at(name).facts.iter().filter(|fact| matches!(fact, Fact::HeldBack { .. })).count();
        }
    }
    assert!(held > 0, "no event ever overtook its past: this proves nothing");
}

/// Disproved by a second content of one dot that is taken, that vanishes, or that stops the station.
#[test]
fn one_dot_with_two_contents_is_quarantined_and_reported() {
    let mut cluster = MemoryCluster::start(&FOUR, 9);
    let first = receipt(cluster.ask("pacific", put("honest", 1)));
    cluster.settle();
    let (_, stored) = cluster.at("atlantic").log.events().next().unwrap();
    let mut forged = stored.decode().unwrap();
    forged.body.bytes = Bytes::from_static(b"forged");
    let forged = EncodedEvent::encode(&forged).unwrap();
    cluster.inject("antarctic", "atlantic", Message::Events(vec![forged, stored]));
    cluster.settle();
    let reported = Fact::Equivocation { dot: first.dot, from: station("antarctic") };
    assert!(cluster.at("atlantic").facts.contains(&reported));
    assert_eq!(cluster.at("atlantic").log.quarantined(), 1);
    for name in FOUR {
        assert_eq!(values(&entry(&mut cluster, name)), ["honest".to_owned()].into(), "{name}");
    }
    cluster.ask("pacific", put("goes on", 2));
}

/// Disproved by entries that differ because the names of one write arrived, and were superseded, in another order.
#[test]
fn what_is_left_of_a_collapsed_retry_is_the_same_everywhere() {
    for seed in 0..40 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.cut("antarctic", "pacific");
        cluster.cut("antarctic", "atlantic");
        cluster.cut("antarctic", "indian_ocean");
        cluster.submit("antarctic", put("value", 7));
        cluster.submit("pacific", put("value", 7));
        cluster.settle();
        cluster.ask("antarctic", put("later", 8));
        cluster.heal();
        cluster.settle();
        let expected = entry(&mut cluster, "pacific");
        for name in FOUR {
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
        }
    }
}

/// Disproved by a resolution that is reported as done because its request id was used for something else.
#[test]
fn a_request_id_of_another_write_does_not_resolve_anything() {
    let mut cluster = MemoryCluster::start(&FOUR, 10);
    let first = receipt(cluster.ask("pacific", put("one", 1)));
    receipt(cluster.ask("pacific", put_with("two", 2, WriteContext::Blind)));
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let resolve = |request| Request::Resolve {
        conflict,
        choice: Choice::Take(first.dot.clone()),
        request: RequestId(request),
    };
    let reused = cluster.ask("pacific", resolve(1));
    let expected = RequestError::RequestReused { request: RequestId(1), dot: first.dot.clone() };
    assert_eq!(reused, Response::Refused(expected));
    assert_eq!(entry(&mut cluster, "pacific").conflict, Some(conflict));
    let ended = conflict;
    let third = receipt(cluster.ask("pacific", put_with("three", 5, WriteContext::Exactly(Vec::new()))));
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let take =
        |dot: &Dot| Request::Resolve { conflict, choice: Choice::Take(dot.clone()), request: RequestId(3) };
    let done = receipt(cluster.ask("pacific", take(&first.dot)));
    let other = cluster.ask("pacific", take(&third.dot));
    let expected = RequestError::RequestReused { request: RequestId(3), dot: done.dot.clone() };
    assert_eq!(other, Response::Refused(expected), "it took another sibling");
    cluster.crash_and_restart("pacific", |_| {});
    assert_eq!(receipt(cluster.ask("pacific", take(&first.dot))), done, "a retry of the resolution itself");
    assert_eq!(cluster.ask("pacific", resolve(4)), Response::Refused(RequestError::UnknownConflict(ended)));
}

/// Disproved by a second write for a request whose first this station has seen: it would supersede what came since.
#[test]
fn a_retry_at_a_station_that_has_seen_the_write_gets_the_original() {
    let mut cluster = MemoryCluster::start(&FOUR, 14);
    let first = receipt(cluster.ask("pacific", put("first", 7)));
    cluster.settle();
    receipt(cluster.ask("atlantic", put("newer", 8)));
    let retried = receipt(cluster.ask("atlantic", put("first", 7)));
    assert_eq!(retried.dot, first.dot);
    cluster.crash_and_restart("atlantic", |_| {});
    assert_eq!(receipt(cluster.ask("atlantic", put("first", 7))).dot, first.dot, "after a restart");
    cluster.settle();
    for name in FOUR {
        assert_eq!(values(&entry(&mut cluster, name)), ["newer".to_owned()].into(), "{name}");
    }
}

/// Disproved by anything that a refused session still says and that has an effect.
#[test]
fn a_refused_session_is_not_heard_any_more() {
    let mut cluster = MemoryCluster::start(&FOUR, 15);
    cluster.settle();
    receipt(cluster.ask("antarctic", put("honest", 1)));
    let (_, event) = cluster.at("antarctic").log.events().next().unwrap();
    let session = cluster.session("antarctic", "atlantic").unwrap();
    let junk = EncodedEvent::from_bytes(Bytes::from_static(b"junk"));
    cluster.inject_on(session, "atlantic", Message::Events(vec![junk]));
    assert_eq!(cluster.at("atlantic").refusals.len(), 1);
    cluster.inject_on(session, "atlantic", Message::Events(vec![event]));
    cluster.submit_on(SessionId(1_000_000), "atlantic", put("uninvited", 2));
    cluster.finish_sync(&station("atlantic"));
    assert_eq!(cluster.at("atlantic").log.dots(), []);
}

/// Disproved by a write that nobody can read, or a conflict that can never be ended.
#[test]
fn a_conflict_of_more_versions_than_one_write_can_name_ends_in_parts() {
    let mut cluster = MemoryCluster::start(&["pacific", "atlantic"], 16);
    cluster.cut("pacific", "atlantic");
    for n in 0..600_u128 {
        receipt(cluster.ask("pacific", put_with("p", n, WriteContext::Blind)));
        receipt(cluster.ask("atlantic", put_with("a", 1000 + n, WriteContext::Blind)));
    }
    cluster.heal();
    cluster.settle();
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let siblings = cluster.at("pacific").log.dots();
    let choice = Choice::Take(siblings[0].clone());
    let refused = cluster.ask("pacific", Request::Resolve { conflict, choice, request: RequestId(5000) });
    assert_eq!(refused, Response::Refused(RequestError::TooManySiblings(1200)));
    assert_eq!(
        cluster.ask("pacific", put("all", 5001)),
        Response::Refused(RequestError::TooManySiblings(1200))
    );
    for (part, dots) in siblings.chunks(1000).enumerate() {
        let context = WriteContext::Exactly(dots.to_vec());
        receipt(cluster.ask("pacific", put_with("part", 6000 + part as u128, context)));
    }
    receipt(cluster.ask("pacific", put("whole", 7000)));
    cluster.settle();
    for name in ["pacific", "atlantic"] {
        assert_eq!(values(&entry(&mut cluster, name)), ["whole".to_owned()].into(), "{name}");
    }
}

/// Disproved by a station that a peer can drive from incarnation to incarnation.
#[test]
fn a_claim_of_events_that_were_never_minted_changes_the_incarnation_once() {
    let mut cluster = MemoryCluster::start(&FOUR, 17);
    receipt(cluster.ask("pacific", put("value", 1)));
    cluster.settle();
    let mut seen = BTreeSet::new();
    for _ in 0..5 {
        let me = cluster.at("pacific").replica.id().clone();
        seen.insert(me.clone());
        let sent = [(me, 1_000_000)].into_iter().collect();
        if cluster.session("atlantic", "pacific").is_some() {
            cluster.inject("atlantic", "pacific", Message::Heartbeat { sent });
        }
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(cluster.at("pacific").refusals.len(), 1);
    receipt(cluster.ask("pacific", put("goes on", 2)));
}

/// Disproved by a vector that grows until no peer can read it.
#[test]
fn the_number_of_origins_is_bounded() {
    let mut cluster = MemoryCluster::start(&FOUR, 18);
    receipt(cluster.ask("antarctic", put("value", 1)));
    cluster.settle();
    let (_, stored) = cluster.at("antarctic").log.events().next().unwrap();
    for incarnation in 0..1100 {
        let mut forged = stored.decode().unwrap();
        forged.dot = Dot { replica: format!("antarctic.{incarnation:08x}").parse().unwrap(), seq: 1 };
        let forged = EncodedEvent::encode(&forged).unwrap();
        if cluster.session("antarctic", "atlantic").is_some() {
            cluster.inject("antarctic", "atlantic", Message::Events(vec![forged]));
        }
        cluster.finish_sync(&station("atlantic"));
    }
    assert_eq!(cluster.at("atlantic").refusals.len(), 1);
    // Every message still decodes at its receiver, or this would panic.
    cluster.settle();
    assert_eq!(cluster.at("pacific").log.dots().len(), 960);
    receipt(cluster.ask("pacific", put("goes on", 2)));
}

/// Disproved by a context that hides a version nobody here has read yet.
#[test]
fn a_context_ahead_of_the_station_is_refused_and_nothing_is_written() {
    let mut cluster = MemoryCluster::start(&FOUR, 11);
    cluster.cut("pacific", "atlantic");
    let elsewhere = receipt(cluster.ask("pacific", put("elsewhere", 1)));
    let ahead = put_with("blind guess", 2, WriteContext::Exactly(vec![elsewhere.dot.clone()]));
    assert_eq!(
        cluster.ask("atlantic", ahead.clone()),
        Response::Refused(RequestError::ContextAhead(elsewhere.dot))
    );
    cluster.heal();
    cluster.settle();
    assert_eq!(entry(&mut cluster, "atlantic").revision, 1);
    receipt(cluster.ask("atlantic", ahead));
    assert_eq!(values(&entry(&mut cluster, "atlantic")), ["blind guess".to_owned()].into());
}

/// Disproved by a dot that names two different writes, or by an event that stays lost.
#[test]
fn a_station_that_lost_its_newest_events_gets_them_back_and_never_reuses_a_dot() {
    let mut cluster = MemoryCluster::start(&FOUR, 6);
    (0..10).for_each(|n| drop(cluster.ask("pacific", put(&format!("v{n}"), n))));
    cluster.settle();
    let before = cluster.at("pacific").replica.id().clone();
    cluster.crash_and_restart("pacific", |log| log.forget_newest(3));
    cluster.settle();
    let after = cluster.at("pacific").replica.id().clone();
    assert_ne!(before, after, "a new incarnation was due");
    let receipt = receipt(cluster.ask("pacific", put("after the loss", 50)));
    assert_eq!(receipt.dot, Dot { replica: after, seq: 1 });
    cluster.settle();
    for name in FOUR {
        assert_eq!(cluster.at(name).log.dots().len(), 11, "{name}");
        assert_eq!(values(&entry(&mut cluster, name)), ["after the loss".to_owned()].into(), "{name}");
    }
}

/// What the storage of every station names, with the content: no dot may have two.
fn contents(cluster: &MemoryCluster) -> BTreeSet<(Dot, Bytes)> {
    let logged = FOUR.iter().flat_map(|name| cluster.at(name).log.events());
    logged.map(|(_, event)| (event.decode().unwrap().dot, event.as_bytes().clone())).collect()
}

fn no_dot_names_two_writes(cluster: &MemoryCluster, context: &str) {
    let contents = contents(cluster);
    let dots: BTreeSet<&Dot> = contents.iter().map(|(dot, _)| dot).collect();
    assert_eq!(dots.len(), contents.len(), "{context}: a dot was used twice");
    for name in FOUR {
        let disputes = cluster.at(name).facts.iter().filter(|fact| matches!(fact, Fact::Equivocation { .. }));
        assert_eq!(disputes.collect::<Vec<_>>(), Vec::<&Fact>::new(), "{context}: {name}");
    }
}

/// Disproved by a dot that names two writes, or by a write that waits for somebody to be heard.
#[test]
fn a_restored_backup_that_writes_before_any_peer_is_heard_takes_a_new_incarnation() {
    let mut cluster = MemoryCluster::start(&FOUR, 20);
    let before = cluster.at("pacific").replica.id().clone();
    (0..10).for_each(|n| drop(cluster.ask("pacific", put(&format!("v{n}"), n))));
    assert_eq!(*cluster.at("pacific").replica.id(), before, "a fresh store needs no other incarnation");
    cluster.settle();
    FOUR[1..].iter().for_each(|other| cluster.cut("pacific", other));
    cluster.crash_and_restart("pacific", |log| log.forget_newest(3));
    assert_eq!(*cluster.at("pacific").replica.id(), before, "nothing has been written yet");
    let first = receipt(cluster.ask("pacific", put("alone", 50)));
    assert_ne!(first.dot.replica, before);
    let second = receipt(cluster.ask("pacific", put("still alone", 51)));
    assert_eq!(second.dot, Dot { replica: first.dot.replica, seq: 2 }, "one new incarnation is enough");
    cluster.crash_and_restart("pacific", |_| {});
    cluster.heal();
    cluster.settle();
    for name in FOUR {
        assert_eq!(cluster.at(name).log.dots().len(), 12, "{name}");
    }
    no_dot_names_two_writes(&cluster, "restored");
}

/// Disproved by a restart that changes the incarnation although every peer could tell that nothing is lost.
#[test]
fn a_restart_keeps_its_incarnation_once_every_peer_was_heard() {
    let mut cluster = MemoryCluster::start(&FOUR, 21);
    let first = receipt(cluster.ask("pacific", put("value", 1)));
    cluster.settle();
    cluster.crash_and_restart("pacific", |_| {});
    cluster.settle();
    let second = receipt(cluster.ask("pacific", put("next", 2)));
    assert_eq!(second.dot, Dot { seq: 2, ..first.dot.clone() });
    // All but one is not all: the events that were lost may be where nobody can look.
    cluster.cut("pacific", "antarctic");
    cluster.crash_and_restart("pacific", |_| {});
    cluster.settle();
    let third = receipt(cluster.ask("pacific", put("without a witness", 3)));
    assert_ne!(third.dot.replica, first.dot.replica);
}

/// Disproved by a station that believes a peer's own hello: what was on its way to that peer can still arrive there.
#[test]
fn a_hello_from_a_peer_is_no_witness() {
    let mut cluster = MemoryCluster::start(&["pacific", "atlantic"], 25);
    let first = receipt(cluster.ask("pacific", put("value", 1)));
    cluster.settle();
    cluster.cut_one_way("pacific", "atlantic");
    cluster.crash_and_restart("pacific", |_| {});
    cluster.settle();
    assert_eq!(
        cluster.at("pacific").replica.usage().sessions,
        3,
        "a client, its own dial, and atlantic's hello"
    );
    let second = receipt(cluster.ask("pacific", put("next", 2)));
    assert_ne!(second.dot.replica, first.dot.replica);
}

/// Disproved by an incarnation given up by a station that nobody else can have heard of.
#[test]
fn a_station_without_peers_keeps_its_incarnation() {
    let mut cluster = MemoryCluster::start(&["pacific"], 22);
    let first = receipt(cluster.ask("pacific", put("value", 1)));
    cluster.crash_and_restart("pacific", |_| {});
    let second = receipt(cluster.ask("pacific", put("next", 2)));
    assert_eq!(second.dot, Dot { seq: 2, ..first.dot });
}

/// Disproved by a welcome that keeps silent about an event of the asker that will be shown a moment later.
#[test]
fn a_peer_tells_a_station_of_its_events_that_are_not_durable_yet() {
    let mut cluster = MemoryCluster::start(&["pacific", "atlantic"], 23);
    cluster.settle();
    let lost = receipt(cluster.ask("pacific", put("lost", 1)));
    cluster.freeze_disks();
    cluster.settle();
    assert_eq!(cluster.at("atlantic").replica.usage().staged, 1, "it is on its way to the disk");
    cluster.crash_and_restart("pacific", |log| log.forget_newest(1));
    cluster.settle();
    let written = receipt(cluster.ask("pacific", put("after the loss", 2)));
    assert_ne!(written.dot.replica, lost.dot.replica);
}

/// Disproved by a frame of an earlier session that is still heard, by a held-back event of it that comes to life, or
/// by sessions that end each other for ever.
#[test]
fn a_later_session_of_a_station_takes_the_place_of_the_earlier() {
    let mut cluster = MemoryCluster::start(&["pacific", "atlantic"], 24);
    cluster.cut("pacific", "atlantic");
    (0..3).for_each(|n| drop(cluster.ask("pacific", put(&format!("v{n}"), n))));
    let events: Vec<EncodedEvent> = cluster.at("pacific").log.events().map(|(_, event)| event).collect();
    cluster.heal();
    let earlier = cluster.session("pacific", "atlantic").unwrap();
    while cluster.at("atlantic").replica.usage().sessions < 3 {
        assert!(cluster.step());
    }
    cluster.cut("pacific", "atlantic");
    cluster.inject("pacific", "atlantic", Message::Events(vec![events[2].clone()]));
    assert_eq!(cluster.at("atlantic").replica.usage().held_events, 1);
    cluster.heal();
    cluster.dial_again("pacific", "atlantic");
    while cluster.at("atlantic").refusals.is_empty() {
        assert!(cluster.step());
    }
    assert_eq!(cluster.at("atlantic").replica.usage().held_events, 0);
    cluster.inject_on(earlier, "atlantic", Message::Events(vec![events[0].clone()]));
    assert_eq!(cluster.at("atlantic").replica.usage().staged, 0);
    cluster.settle();
    assert_eq!(cluster.at("atlantic").log.dots().len(), 3);
    assert_eq!(cluster.at("atlantic").refusals, [Refusal::Superseded]);
}

/// Disproved by a dot that names two writes, or by stations that differ in the end. One station is put back to old
/// backups again and again; what it had sent before still arrives.
#[test]
fn backups_put_back_in_a_storm_never_reuse_a_dot() {
    let mut changed = 0;
    for seed in 400..440 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.set_frame_faults(FrameFaults { overtake: 3, lose_events: 0.1 });
        let mut rng = fastrand::Rng::with_seed(seed);
        for n in 0..300_u128 {
            let name = FOUR[rng.usize(..4)];
            match rng.u8(..100) {
                0..25 => drop(cluster.submit(name, put(&format!("v{n}"), n))),
                25..27 => cluster.crash_and_restart("pacific", |log| log.forget_newest(rng.usize(..6))),
                27..29 => cluster.crash_and_restart(name, |_| {}),
                29..31 => cluster.dial_again(FOUR[rng.usize(..4)], name),
                31..34 => cluster.cut(name, FOUR[rng.usize(..4)]),
                34..37 => cluster.heal(),
                37..40 => cluster.advance(std::time::Duration::from_millis(rng.u64(..1500))),
                _ => cluster.steps(rng.usize(..30)),
            }
        }
        cluster.heal();
        cluster.set_frame_faults(FrameFaults::default());
        cluster.settle();
        no_dot_names_two_writes(&cluster, &format!("seed {seed}"));
        let expected = entry(&mut cluster, "pacific");
        for name in FOUR {
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
            log_is_causal(&cluster, name);
        }
        let of_pacific = |replica: &&ReplicaId| replica.node == station("pacific");
        let dots = cluster.at("pacific").log.dots();
        let incarnations: BTreeSet<&ReplicaId> =
            dots.iter().map(|dot| &dot.replica).filter(of_pacific).collect();
        changed += usize::from(incarnations.len() > 1);
    }
    assert!(changed > 0, "no incarnation was ever given up: this proves nothing");
}

/// Disproved by a damaged event that is served, or by what depended on it being lost.
#[test]
fn a_damaged_stored_event_is_fetched_again_and_what_depends_on_it_waits() {
    for victim in 1..=5 {
        let mut cluster = MemoryCluster::start(&FOUR, 7);
        let dots: Vec<Dot> =
            (0..5).map(|n| receipt(cluster.ask("pacific", put(&format!("v{n}"), n))).dot).collect();
        cluster.settle();
        let old = cluster.at("pacific").replica.id().clone();
        cluster.crash_and_restart("pacific", |log| log.damage(&dots[victim - 1]));
        cluster.settle();
        assert_ne!(*cluster.at("pacific").replica.id(), old);
        assert_eq!(cluster.at("pacific").log.dots().len(), 5, "event {victim} was damaged");
        assert_eq!(values(&entry(&mut cluster, "pacific")), ["v4".to_owned()].into());
        // The repaired log is in causal order again: another restart takes it up without a gap.
        cluster.crash_and_restart("pacific", |_| {});
        assert_eq!(values(&entry(&mut cluster, "pacific")), ["v4".to_owned()].into());
        assert_eq!(cluster.at("pacific").log.dots(), dots, "event {victim} was damaged");
    }
}

/// Disproved by a vector that has more, or less, than what the station had shown when it wrote: the true past is
/// recorded here from what became visible, never taken from the replica's own vectors.
#[test]
fn the_vector_of_a_write_is_exactly_what_its_station_had_shown() {
    for seed in 0..20 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        for n in 0..40_u128 {
            let name = FOUR[usize::try_from(n % 4).unwrap()];
            let mut past = shown(&cluster, name);
            let receipt = receipt(cluster.ask(name, put(&format!("v{n}"), n)));
            past.insert(receipt.dot.clone());
            let claimed: BTreeSet<Dot> =
                receipt.vector.iter().flat_map(|(replica, upto)| dots_upto(replica, upto)).collect();
            assert_eq!(claimed, past, "{}, seed {seed}", receipt.dot);
            cluster.steps(5);
        }
    }
}

fn shown(cluster: &MemoryCluster, name: &str) -> BTreeSet<Dot> {
    let dot = |fact: &Fact| match fact {
        Fact::Applied(applied) => applied.version.dots.first().cloned(),
        _ => None,
    };
    cluster.at(name).facts.iter().filter_map(dot).collect()
}

fn dots_upto(replica: &ReplicaId, upto: u64) -> impl Iterator<Item = Dot> {
    (1..=upto).map(|seq| Dot { replica: replica.clone(), seq })
}

/// Disproved by a backlog that stops when the window is full.
#[test]
fn a_backlog_of_many_windows_is_shipped_whole() {
    let mut cluster = MemoryCluster::start(&FOUR, 12);
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    for n in 0..1500_u128 {
        cluster.ask("pacific", put(&format!("v{n}"), n));
    }
    cluster.heal();
    cluster.settle();
    for name in FOUR {
        assert_eq!(cluster.at(name).log.dots().len(), 1500, "{name}");
    }
}

/// Disproved by a peer that is given events whose past is lost, or a station that cannot write any more.
#[test]
fn what_waits_for_a_lost_event_stays_where_it_is() {
    let mut cluster = MemoryCluster::start(&FOUR, 13);
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    let dots: Vec<Dot> =
        (0..3).map(|n| receipt(cluster.ask("pacific", put(&format!("v{n}"), n))).dot).collect();
    cluster.crash_and_restart("pacific", |log| log.damage(&dots[0]));
    cluster.heal();
    receipt(cluster.ask("pacific", put("after the loss", 9)));
    cluster.settle();
    for name in FOUR {
        let Response::Status(status) = cluster.ask(name, Request::Status) else {
            panic!("{name} has no status")
        };
        assert_eq!(status.held_back, if name == "pacific" { 2 } else { 0 }, "{name}");
        assert_eq!(values(&entry(&mut cluster, name)), ["after the loss".to_owned()].into(), "{name}");
    }
}

/// Disproved by an event that waits for ever, or by one that is applied before what it follows.
#[test]
fn facts_tell_what_became_visible_in_causal_order() {
    let mut cluster = MemoryCluster::start(&FOUR, 8);
    for n in 0..12_u128 {
        cluster.ask(FOUR[usize::try_from(n % 4).unwrap()], put(&format!("v{n}"), n));
        cluster.steps(10);
    }
    cluster.settle();
    for name in FOUR {
        let mut seen = clock_core::VersionVector::new();
        for fact in &cluster.at(name).facts {
            let Fact::Applied(applied) = fact else { continue };
            seen.advance(&applied.version.dots[0]).unwrap();
            assert!(
                seen.contains(&applied.version.vector),
                "{name}: {} before its past",
                applied.version.dots[0]
            );
        }
        assert_eq!(seen.iter().map(|(_, seq)| seq).sum::<u64>(), 12, "{name}");
    }
}
