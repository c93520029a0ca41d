//! Dots are used once: lost disks, old backups, forged claims, and what peers tell of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use std::collections::BTreeSet;

use super::{FOUR, entry, log_is_causal, put, receipt, values};
use bytes::Bytes;
use clock_core::bugs::{Bug, plant};
use clock_core::replica::Fact;
use clock_core::wire::EncodedEvent;
use clock_core::wire::message::{Message, Refusal};
use clock_core::{Dot, ReplicaId};
use clock_tests::memory::{FrameFaults, MemoryCluster, station};

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

/// Disproved by a bug that the claim above does not see. Simulated seeds meet these three too rarely to be relied on.
#[test]
fn the_rarest_bugs_are_caught_here() {
    let claims: [(Bug, fn()); 3] = [
        (Bug::HelloIsWitness, a_hello_from_a_peer_is_no_witness),
        (Bug::EarlierSessionsHeard, a_later_session_of_a_station_takes_the_place_of_the_earlier),
        (Bug::WelcomeHidesUnshown, a_peer_tells_a_station_of_its_events_that_are_not_durable_yet),
    ];
    for (bug, claim) in claims {
        plant(Some(bug));
        let caught = std::panic::catch_unwind(claim);
        plant(None);
        assert!(caught.is_err(), "{} passes: {}", bug.name(), bug.what());
    }
}
