//! Small clusters, explored whole: every history that a scope allows, on the real [`Replica`].
//!
//! A simulation draws histories; this enumerates them. A state is all replicas, disks and frames on their way, and
//! what the clients know; a step is one action (`action`). After each step the oracle judges (`checks`) from what
//! clients sent and what disks hold, never from a vector or a context that a station computed. The search itself is
//! stateright's.
//!
//! # What is explored
//!
//! Two or three stations, one key. Clients write after what a station shows, beside everything, or instead of *any
//! set* of versions that any station has; they resolve conflicts, and ask again, at any station, for what was asked
//! before. A disk ends one sync or all. Frames arrive in any order between sessions and in order within one. A
//! session breaks at either end, at any moment, and the other end hears any prefix of what was sent, while the next
//! session is up already: so everything may arrive twice. A station loses power after any of its syncs, told of it or
//! not, and starts again from its disk. A station may dial twice. A frame of events may vanish within a session, and
//! heartbeats repair it.
//!
//! # What is left out, and why nothing hides there
//!
//! - **Numbers that only count.** A session's id is taken again once both ends have forgotten the session. Requests
//!   are numbered for each station. Counters of a replica that only people read are no part of its state, nor are its
//!   clocks once nobody can write any more: no decision but the next timestamp depends on them.
//! - **Waiting.** A station dials again at once, and starts again at once: until its hello arrives and a client asks
//!   it, that cannot be told from later. Time stands still; nothing waits for it, because an event of a third station
//!   is relayed at once and a tick is an action.
//! - **Acks that a later one replaces.** They are absolute, and a station itself keeps only the latest until it can
//!   write it.
//! - **The first handshakes.** The stations are empty and have met; each later handshake is explored.
//!
//! # What is not explored
//!
//! Reads of the log that are overtaken by other inputs (a log is read at once), a delay of relays, damaged disks, new
//! incarnations, more than one key, and clocks that move. In scopes with *acks at once*, also what a station ships
//! because it does not know yet what another has: fewer events travel twice. An endless exchange of frames would be
//! a circle of states, in which every state is judged and none is silent: it would not be noticed.
//!
//! `MODEL_FULL=1` and `MODEL_OPERATIONS=4` (or more) make the long explorations, `MODEL_BUGS=all` hunts every planted
//! bug through every scope; see the tests that read them.
//!
//! [`Replica`]: clock_core::replica::Replica

#![allow(clippy::panic, reason = "test helpers stop the test")]

mod action;
mod checks;
mod clients;
mod disk;
mod dots;
mod scope;
mod search;
mod session;
mod station;
mod world;

use clock_core::bugs::Bug;

use self::scope::{Budget, Room, Scope};
use self::search::{Cluster, Extent, search, story};

const NONE: Budget = Budget { operations: 0, cuts: 0, crashes: 0, seconds: 0, losses: 0, ticks: 0 };
const CUT: Budget = Budget { cuts: 1, ..NONE };
const CRASH: Budget = Budget { crashes: 1, ..NONE };
const SECOND: Budget = Budget { seconds: 1, ..NONE };
const LOSS: Budget = Budget { losses: 1, ticks: 1, ..NONE };
/// Everything at once.
const ALL: Budget = Budget { cuts: 1, crashes: 1, seconds: 1, losses: 1, ticks: 1, ..NONE };

/// Disproved by a path to a state in which a property does not hold, which is printed; or by an exploration in which
/// one of the things never happened that it is there for.
fn holds(name: &str, scope: Scope, extent: Extent) {
    let found = search(name, Cluster { scope, bug: None }, extent);
    if let Some((property, path)) = found.failures.into_iter().next() {
        panic!("{name}: {property}: does not hold:\n{}", story(path));
    }
    let must_reach = matches!(extent, Extent::All);
    assert!(!must_reach || found.unreached.is_empty(), "{name}: never happened: {:?}", found.unreached);
}

/// Whether the long explorations are asked for.
fn is_full() -> bool {
    std::env::var_os("MODEL_FULL").is_some()
}

#[test]
fn two_stations_and_three_operations_in_every_order() {
    holds("two stations", Scope::calm(2, 3), Extent::All);
}

#[test]
fn three_stations_and_one_operation_with_acks_in_every_order() {
    holds("three stations, one write", Scope::calm(3, 1), Extent::All);
    if is_full() {
        holds("three stations, two writes", Scope::calm(3, 2), Extent::All);
    }
}

#[test]
fn three_stations_and_two_operations_in_every_order() {
    holds("three stations", Scope::calm(3, 2).acks_at_once(), Extent::All);
    let asked = std::env::var("MODEL_OPERATIONS").ok().and_then(|count| count.parse().ok());
    if let Some(operations) = asked.or(is_full().then_some(3)) {
        holds("three stations, more operations", Scope::calm(3, operations).acks_at_once(), Extent::All);
    }
}

/// Disproved by a receipt that names a station without the write, by one that is given too early, or never.
#[test]
fn two_copies_in_every_order() {
    holds("two copies of three", Scope::calm(3, 1).copies(2), Extent::All);
    holds("two copies, two writes", Scope::calm(2, 2).copies(2), Extent::All);
    holds("two copies and a cut", Scope::calm(2, 1).copies(2).with(CUT), Extent::Nearest(20_000));
}

#[test]
fn deletions_in_every_order() {
    holds("deletions", Scope::calm(2, 3).deletes(), Extent::All);
}

#[test]
fn a_session_that_breaks_anywhere() {
    holds("a cut", Scope::calm(2, 2).with(CUT), Extent::All);
    if is_full() {
        holds("a cut among three", Scope::calm(3, 2).acks_at_once().with(CUT), Extent::All);
    }
}

#[test]
fn a_station_that_loses_power_anywhere() {
    holds("a crash", Scope::calm(2, 2).acks_at_once().with(CRASH), Extent::All);
    if is_full() {
        holds("a crash and acks in any order", Scope::calm(2, 2).with(CRASH), Extent::All);
        holds("a crash among three", Scope::calm(3, 2).acks_at_once().with(CRASH), Extent::All);
    }
}

#[test]
fn a_second_session_for_one_pair() {
    holds("a second session", Scope::calm(2, 2).with(SECOND), Extent::All);
}

#[test]
fn frames_that_vanish_with_room_for_one_event_and_for_many() {
    let calm = Scope::calm(2, 2);
    holds("a lost frame", calm.with(LOSS), Extent::All);
    holds("a lost frame, one in flight", calm.room(Room::OneInFlight).with(LOSS), Extent::All);
    let three = Scope::calm(2, 3).acks_at_once().room(Room::OneHeldBack);
    holds("a lost frame, one held back", three.with(Budget { losses: 1, ..NONE }), Extent::All);
}

/// Too many to explore whole: the nearest alone.
#[test]
fn three_stations_and_three_operations_with_every_fault() {
    let steps = if is_full() { 20_000_000 } else { 20_000 };
    holds("every fault", Scope::calm(3, 3).with(ALL), Extent::Nearest(steps));
}

/// Searches one scope after the other for the nearest failure that a bug leads to, and prints the path to it.
fn finds(bug: Bug, scopes: &[Scope]) -> bool {
    scopes.iter().any(|scope| {
        let cluster = Cluster { scope: *scope, bug: Some(bug) };
        let found = search(bug.name(), cluster, Extent::FirstFailure);
        let failure = found.failures.into_iter().next();
        failure.is_some_and(|(property, path)| {
            println!("FOUND {} in {scope} breaks {property}:\n{}\n", bug.name(), story(path));
            true
        })
    })
}

/// Disproved by a search that ends without a counterexample.
#[test]
fn planted_bugs_are_found_with_the_path_to_them() {
    let calm = Scope::calm(2, 2);
    let bugs = [
        (Bug::LastWriterWins, calm),
        (Bug::AnsweredBeforeSync, calm),
        (Bug::UnsyncedShown, calm),
        (Bug::DeltaLeftOut, calm),
        (Bug::BlindSeesAll, calm),
        (Bug::ConcurrentIsEqual, calm),
        (Bug::DominatedKept, calm),
        (Bug::ContextAheadAccepted, calm),
        (Bug::AppliedTwice, calm.with(CUT)),
        (Bug::IncarnationIgnored, calm.acks_at_once().with(CRASH)),
        (Bug::GapAccepted, calm.with(LOSS)),
        (Bug::CopiesIgnored, calm.copies(2)),
        (Bug::TombstoneWins, Scope::calm(2, 3).deletes()),
        (Bug::TwinStands, Scope::calm(2, 3)),
    ];
    for (bug, scope) in bugs {
        assert!(finds(bug, &[scope]), "{} was not found in {scope}", bug.name());
    }
}

/// A list for reading: `MODEL_BUGS=all`, or names with commas between them, and where each bug is found.
#[test]
fn every_planted_bug_if_asked_for() {
    let Ok(asked) = std::env::var("MODEL_BUGS") else { return };
    let calm = Scope::calm(2, 2);
    let scopes = [
        calm,
        calm.with(CUT),
        calm.acks_at_once().with(CRASH),
        calm.with(LOSS),
        calm.with(SECOND),
        Scope::calm(3, 1),
        Scope::calm(3, 2).acks_at_once(),
        Scope::calm(3, 2).acks_at_once().with(Budget { losses: 1, ..NONE }),
        Scope::calm(2, 3).acks_at_once().room(Room::OneHeldBack).with(Budget { losses: 1, ..NONE }),
        Scope::calm(2, 3),
    ];
    let is_asked = |bug: &&Bug| asked == "all" || asked.split(',').any(|name| name == bug.name());
    let missed = Bug::ALL.iter().filter(is_asked).filter(|bug| !finds(**bug, &scopes));
    println!("not found in any scope: {:?}", missed.map(|bug| bug.name()).collect::<Vec<_>>());
}
