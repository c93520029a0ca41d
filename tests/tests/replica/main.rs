//! Claims about the replica, on the in-memory cluster: every order of events is drawn from a printed seed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

mod batches;
mod copies;
mod deletes;
mod identity;
mod limits;
mod past;
mod requests;
mod sessions;
mod twins;

use std::collections::BTreeSet;

use bytes::Bytes;
use clock_core::replica::{ConflictId, Fact, Limits, SessionId, Usage};
use clock_core::wire::message::Message;
use clock_core::wire::{Choice, EncodedEvent, EntryView, Receipt, Request, Response, WriteContext};
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
