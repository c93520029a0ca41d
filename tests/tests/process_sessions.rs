//! Clients that roam between real stations with a token, across partitions and `kill -9`: they read their writes, and
//! never go back. What they were told is recorded, and checked from its file.
//!
//! The seed decides who asks what, what is cut and who is killed; real time is not repeated. `ROAMERS_OPERATIONS` (1000)
//! says how many answers each client wants, `ROAMERS_SEED` which seed.

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clock_core::wire::{Copies, EntryView, RequestError, Terms, WriteContext};
use clock_core::{Dot, Key, RequestId, VersionVector};
use clock_tests::processes::{FOUR, Processes, key, run_processes};
use clock_tests::read_back::read_back;
use clock_tests::recorder::{NotAnswered, Place, RecordingClient, Write, WriteKind};
use clock_tests::setting::setting;
use tokio::task::spawn_local;
use tokio::time::sleep;

const CLIENTS: u64 = 4;
/// Answers of a client for one set of keys: the history of each key stays short.
const ANSWERS_A_SET: u64 = 50;
const KEYS: u64 = 6;
/// The longest that a station may wait to catch up with a session: shorter than some partitions, longer than others.
const DEADLINE_MS_MAX: u32 = 80;

/// What all see: who runs where, and how it goes.
#[derive(Debug, Default)]
struct Shared {
    open: BTreeMap<&'static str, Place>,
    /// Requests that a station could not serve in time.
    behind: u64,
    /// Answers of stations that had lacked something of the session when they were asked.
    waited: u64,
    answered: u64,
    running: u64,
    roamed: u64,
    keys: BTreeSet<Key>,
}

/// A client with its session.
struct Roamer {
    shared: Rc<RefCell<Shared>>,
    client: RecordingClient,
    rng: fastrand::Rng,
    token: VersionVector,
    at: Option<Place>,
    /// Its write whose outcome it does not know.
    unknown: Option<Write>,
    read: BTreeMap<Key, Vec<Dot>>,
    answered: u64,
}

impl Roamer {
    async fn roam(mut self, answers: u64) {
        self.shared.borrow_mut().running += 1;
        while self.answered < answers {
            self.choose_station();
            let Some(place) = self.at.clone() else {
                // Everything is down: a pace, not a synchronisation.
                sleep(Duration::from_millis(5)).await;
                continue;
            };
            self.step(&place).await;
        }
        self.shared.borrow_mut().running -= 1;
    }

    fn choose_station(&mut self) {
        let shared = Rc::clone(&self.shared);
        let mut shared = shared.borrow_mut();
        let stays = self.at.as_ref().is_some_and(|at| shared.open.values().any(|place| place == at));
        if stays && self.rng.u8(..4) > 0 {
            return;
        }
        self.at = self.rng.choice(shared.open.values()).cloned();
        shared.roamed += 1;
    }

    async fn step(&mut self, place: &Place) {
        let is_behind = match self.rng.u8(..4) {
            0 => self.client.status(place).await.ok().map(|status| !status.durable.contains(&self.token)),
            _ => None,
        };
        let key = self.key();
        let answer = match (self.unknown.take(), self.rng.u8(..20)) {
            (Some(write), _) => self.write(place, write).await,
            (None, 0..11) => self.get(place, &key).await,
            (None, 11..16) => self.put(place, key, WriteContext::StationView).await,
            (None, 16) => self.put(place, key, WriteContext::Blind).await,
            (None, 17) => self.delete(place, key).await,
            (None, _) => {
                let read = self.read.get(&key).cloned().unwrap_or_default();
                self.put(place, key, WriteContext::Exactly(read)).await
            }
        };
        let mut shared = self.shared.borrow_mut();
        match answer {
            Ok(()) => {
                self.answered += 1;
                shared.answered += 1;
                shared.waited += u64::from(is_behind == Some(true));
            }
            Err(NotAnswered::Refused(RequestError::Behind { missing, events })) => {
                assert!(events > 0 && self.token.covers(&missing), "behind by {events}, without {missing}");
                shared.behind += 1;
                self.at = None;
            }
            Err(NotAnswered::Refused(RequestError::UnknownKey(_) | RequestError::Busy { .. })) => {}
            Err(NotAnswered::Refused(error)) => panic!("at {}: {error}", place.station),
            Err(NotAnswered::Unreachable(_) | NotAnswered::Unknown(_)) => self.at = None,
        }
    }

    fn key(&mut self) -> Key {
        let key = key(&format!("set-{}/{}", self.answered / ANSWERS_A_SET, self.rng.u64(..KEYS)));
        self.shared.borrow_mut().keys.insert(key.clone());
        key
    }

    fn terms(&mut self) -> Terms {
        let deadline_ms = self.rng.u32(1..=DEADLINE_MS_MAX);
        Terms { copies: Copies::Count(1), deadline_ms, session: Some(self.token.clone()) }
    }

    async fn get(&mut self, place: &Place, key: &Key) -> Result<(), NotAnswered> {
        let terms = self.terms();
        let (entry, token) = self.client.get_on(place, key, terms).await?;
        self.token = token.expect("who asks with a token is given the next");
        self.read.insert(key.clone(), entry.as_ref().map(dots).unwrap_or_default());
        Ok(())
    }

    async fn put(&mut self, place: &Place, key: Key, context: WriteContext) -> Result<(), NotAnswered> {
        let value = Bytes::from(format!("{:032x}", self.rng.u128(..)));
        let request = RequestId(self.rng.u128(..));
        self.write(place, Write { key, value, request, kind: WriteKind::Put(context) }).await
    }

    async fn delete(&mut self, place: &Place, key: Key) -> Result<(), NotAnswered> {
        let kind = WriteKind::Delete(WriteContext::StationView);
        let request = RequestId(self.rng.u128(..));
        self.write(place, Write { key, value: Bytes::new(), request, kind }).await
    }

    /// A write without an answer is asked for again, with the same id, wherever the client is by then.
    async fn write(&mut self, place: &Place, write: Write) -> Result<(), NotAnswered> {
        let terms = self.terms();
        match self.client.write_on(place, &write, terms).await {
            Ok((_, token)) => self.token = token.expect("who asks with a token is given the next"),
            Err(error @ NotAnswered::Refused(RequestError::UnknownKey(_))) => return Err(error),
            Err(error) => {
                self.unknown = Some(write);
                return Err(error);
            }
        }
        Ok(())
    }
}

fn dots(entry: &EntryView) -> Vec<Dot> {
    entry.versions.iter().flat_map(|version| version.dots.iter().cloned()).collect()
}

/// Cuts, heals and kills until everyone has roamed enough.
async fn trouble(processes: &mut Processes, shared: &Rc<RefCell<Shared>>, rng: &mut fastrand::Rng) -> u32 {
    let mut kills = 0;
    while shared.borrow().running > 0 {
        let mut names = FOUR;
        rng.shuffle(&mut names);
        let [a, b, c, d] = names;
        let command = match rng.u8(..8) {
            0 | 1 => format!("partition {a},{b} | {c},{d}"),
            2 => format!("isolate {a}"),
            3 => format!("cut {a}<->{b} mode=reset"),
            4 => format!("delay {a}<->* 40ms ±30ms"),
            _ => "clear".to_owned(),
        };
        processes.proxy(&command).await;
        // For so long it stays so: a pace, not a synchronisation.
        sleep(Duration::from_millis(rng.u64(20..300))).await;
        if rng.u8(..4) == 0 {
            shared.borrow_mut().open.remove(a);
            processes.kill(a).await;
            processes.restart(a).await;
            shared.borrow_mut().open.insert(a, processes.place(a));
            kills += 1;
        }
    }
    processes.proxy("clear").await;
    kills
}

/// Disproved by an answer in a session that lacks what the session wrote or read, a write that does not follow it, a
/// token that lacks something of it, or by anything else that the checks find in what the clients were told.
#[test]
fn who_roams_with_a_token_keeps_its_session_across_partitions_and_kills() {
    let (answers, seed) = (setting("ROAMERS_OPERATIONS", 1000), setting("ROAMERS_SEED", 20_261_122));
    println!("{CLIENTS} clients, {answers} answers each, seed {seed}");
    run_processes(async {
        let mut processes = Processes::start(&FOUR).await;
        let shared = Rc::new(RefCell::new(Shared::default()));
        for name in FOUR {
            shared.borrow_mut().open.insert(name, processes.place(name));
        }
        let roamers: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let roamer = Roamer {
                    shared: Rc::clone(&shared),
                    client: processes.recorder.client().with_patience(Duration::from_secs(5)),
                    rng: fastrand::Rng::with_seed(seed ^ (n + 1)),
                    token: VersionVector::new(),
                    at: None,
                    unknown: None,
                    read: BTreeMap::new(),
                    answered: 0,
                };
                spawn_local(roamer.roam(answers))
            })
            .collect();
        tokio::task::yield_now().await;
        let mut rng = fastrand::Rng::with_seed(seed);
        let kills = trouble(&mut processes, &shared, &mut rng).await;
        for roamer in roamers {
            roamer.await.expect("everyone comes home");
        }
        let Shared { keys, answered, behind, waited, roamed, .. } = shared.take();
        println!("{answered} answers, {roamed} times elsewhere, {kills} kills");
        println!("{behind} times behind, {waited} waits served in time");
        assert!(answered >= CLIENTS * answers, "{answered} answers");
        assert!(behind > 0 && waited > 0 && kills > 0, "nothing was hard about it");
        read_back(&mut processes, &keys.into_iter().collect::<Vec<Key>>()).await;
        processes.stop().await;
    });
}
