//! `kill -9` of real stations, again and again, under load and while the network breaks and heals.
//!
//! The seed decides who is killed when, what is cut, and what the clients ask; real time is not repeated. `KILLS`
//! (20) says how many kills, `KILLS_SEED` which seed.

use std::collections::BTreeSet;
use std::time::Duration;

use clock_core::Key;
use clock_tests::processes::{FOUR, Processes, key, run_processes};
use clock_tests::read_back::read_back;
use clock_tests::recorder::{Worker, Workload};
use clock_tests::setting::setting;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

const WORKERS: usize = 6;
/// Keys that are written at one time; few, so that writes meet.
const KEYS: usize = 6;
/// Kills between one set of keys and the next: a key's history stays short however long the run is.
const KILLS_A_SET: u32 = 5;
/// Of ten restarted stations, how many are asked before they have heard from their peers.
const ASKED_AT_ONCE: u8 = 1;

/// What decides and what it has decided so far.
struct Storm {
    processes: Processes,
    load: Workload,
    rng: fastrand::Rng,
    kills: u32,
    keys: Vec<Key>,
    /// Restarted, and not asked yet.
    waiting: BTreeSet<&'static str>,
}

impl Storm {
    async fn begin(seed: u64) -> Self {
        let mut storm = Self {
            processes: Processes::start(&FOUR).await,
            load: Workload::default(),
            rng: fastrand::Rng::with_seed(seed),
            kills: 0,
            keys: Vec::new(),
            waiting: BTreeSet::new(),
        };
        FOUR.iter().for_each(|name| storm.load.open(storm.processes.place(name)));
        storm.turn_to_new_keys();
        storm
    }

    fn turn_to_new_keys(&mut self) {
        let set = self.keys.len() / KEYS;
        let keys: Vec<Key> = (0..KEYS).map(|n| key(&format!("set-{set}/{n}"))).collect();
        self.keys.extend(keys.iter().cloned());
        self.load.turn_to(keys);
    }

    async fn rage(&mut self, kills: u32) {
        while self.kills < kills {
            if self.kills / KILLS_A_SET >= u32::try_from(self.keys.len() / KEYS).expect("few") {
                self.turn_to_new_keys();
            }
            self.break_or_heal_the_network().await;
            let time = Duration::from_millis(self.rng.u64(20..250));
            self.load_for(time).await;
            self.kill_some().await;
        }
    }

    async fn break_or_heal_the_network(&mut self) {
        let mut names = FOUR;
        self.rng.shuffle(&mut names);
        let [a, b, c, d] = names;
        let command = match self.rng.u8(..20) {
            0..8 => "clear".to_owned(),
            8 => format!("cut {a}<->{b}"),
            9 => format!("cut {a}->{b} mode=drop"),
            10 => format!("isolate {a} mode=reset"),
            11 => format!("partition {a},{b} | {c},{d}"),
            12 => format!("partition {a} | {b},{c},{d} mode=refuse"),
            13 => "reorder *<->* p=0.2 gap=3".to_owned(),
            14 => format!("delay {a}<->* 20ms ±15ms"),
            15 => "dup *<->* p=0.1".to_owned(),
            16 => "drop *<->* p=0.05".to_owned(),
            17 => format!("corrupt {a}->{b} p=0.05"),
            _ => return,
        };
        self.processes.proxy(&command).await;
    }

    /// Lets clients work; who has found its peers again is asked again.
    async fn load_for(&mut self, time: Duration) {
        let opening = async {
            loop {
                for name in self.waiting.clone() {
                    if self.processes.is_linked(name).await {
                        self.waiting.remove(name);
                        self.load.open(self.processes.place(name));
                    }
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        // The time passes, whoever comes back in it.
        let _: Result<(), _> = timeout(time, opening).await;
    }

    async fn kill_some(&mut self) {
        let mut names = FOUR;
        self.rng.shuffle(&mut names);
        let victims = &names[..if self.rng.u8(..5) == 0 { 2 } else { 1 }];
        for name in victims {
            self.processes.kill(name).await;
            self.kills += 1;
            self.load.close(name);
            self.waiting.remove(name);
        }
        for name in victims {
            while self.rng.u8(..4) == 0 {
                let after = Duration::from_millis(self.rng.u64(..60));
                self.processes.restart_and_kill(name, after).await;
                self.kills += 1;
            }
            self.processes.restart(name).await;
            if self.rng.u8(..10) < ASKED_AT_ONCE {
                self.load.open(self.processes.place(name));
            } else {
                self.waiting.insert(name);
            }
        }
    }
}

/// Disproved by an acknowledged write that is gone at any station, a dot that names two writes, a station that does
/// not come back or does not agree with the others in the end, or anything the checks find in what clients were told.
#[test]
fn no_kill_loses_an_acknowledged_write_or_uses_a_dot_twice() {
    let (kills, seed) = (setting("KILLS", 20), setting("KILLS_SEED", 20_261_120));
    println!("{kills} kills, seed {seed}");
    run_processes(async {
        let mut storm = Storm::begin(seed).await;
        let workers: Vec<_> = (0..WORKERS)
            .map(|n| {
                let home = FOUR[n % FOUR.len()];
                let (recorder, pause) = (&storm.processes.recorder, Duration::from_millis(20));
                spawn_local(Worker::new(recorder, &storm.load, home, seed ^ n as u64, pause).work())
            })
            .collect();
        storm.rage(u32::try_from(kills).expect("a number of kills")).await;
        storm.processes.proxy("clear").await;
        storm.load.end();
        for worker in workers {
            worker.await.expect("a worker ends");
        }
        let Storm { mut processes, keys, kills, .. } = storm;
        read_back(&mut processes, &keys).await;
        let origins = processes.client(FOUR[0]).await.status().await.expect("it answers").durable.len();
        println!("{kills} kills, {} keys, {origins} incarnations", keys.len());
        let counts = processes.recorder.counts();
        assert!(counts.acknowledged > 10 * u64::from(kills), "hardly any load: {counts}");
        assert!(counts.conflicts > 0 && counts.looked_behind > 0, "nothing met: {counts}");
        processes.stop().await;
    });
}
