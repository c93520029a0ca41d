//! Every request three times, at the same station and at others, through cuts and `kill -9` between the attempts: one
//! version each.
//!
//! The seed decides what is asked, where, and what goes wrong meanwhile. `RETRIES` (16) says how many rounds there are,
//! `RETRIES_SEED` which seed.

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use clock_core::wire::{EntryView, Receipt, WriteContext};
use clock_core::{Dot, Key, NodeId, RequestId};
use clock_tests::processes::{FOUR, Processes, key, run_processes};
use clock_tests::read_back::read_back;
use clock_tests::recorder::{NotAnswered, RecordingClient, Write, WriteKind};
use clock_tests::setting::setting;
use tokio::task::{spawn_local, yield_now};

/// Few, so that the next round of a key builds on the last.
const KEYS: usize = 3;

/// What is sent: one write, or a batch of several.
type Sent = Vec<Write>;

/// One client, and what its requests came to.
struct Insistent {
    processes: Processes,
    /// Taken while it asks.
    client: Option<RecordingClient>,
    rng: fastrand::Rng,
    /// By request and station that it was asked of: the name that was answered.
    answers: BTreeMap<(RequestId, NodeId), Dot>,
    requests: BTreeSet<RequestId>,
    attempts: u32,
    kills: u32,
    elsewhere: u32,
}

impl Insistent {
    async fn begin(seed: u64) -> Self {
        let processes = Processes::start(&FOUR).await;
        let client = Some(processes.recorder.client());
        let rng = fastrand::Rng::with_seed(seed);
        let (answers, requests) = (BTreeMap::new(), BTreeSet::new());
        Self { processes, client, rng, answers, requests, attempts: 0, kills: 0, elsewhere: 0 }
    }

    /// Whatever has to be there before: all stations have the same, and each key has one version at the most.
    async fn until_healed(&mut self) {
        self.processes.proxy("clear").await;
        let agreed = async |processes: &mut Processes| {
            let mut vectors = Vec::new();
            for name in FOUR {
                match processes.client(name).await.status().await {
                    Ok(status) => vectors.push(status.durable),
                    Err(_) => return false,
                }
            }
            vectors.windows(2).all(|pair| pair[0] == pair[1])
        };
        self.processes.until("all stations have the same", agreed).await;
    }

    /// What the client supersedes: all that it reads.
    async fn context(&mut self, key: &Key) -> WriteContext {
        let name = FOUR[self.rng.usize(..FOUR.len())];
        let entry = self.processes.get(name, key.as_str()).await;
        WriteContext::Exactly(entry.as_ref().map(names).unwrap_or_default())
    }

    fn write(&mut self, key: Key, kind: WriteKind) -> Write {
        let request = RequestId(self.rng.u128(..));
        self.requests.insert(request);
        Write { key, value: Bytes::from(format!("{request}")), request, kind }
    }

    async fn put(&mut self, n: usize) -> Write {
        let key = key(&format!("turn/{n}"));
        let context = self.context(&key).await;
        self.write(key, WriteKind::Put(context))
    }

    async fn draw(&mut self, round: u64) -> Sent {
        let n = self.rng.usize(..KEYS);
        match round % 4 {
            0 => vec![self.put(n).await],
            1 => {
                let key = key(&format!("turn/{n}"));
                let context = self.context(&key).await;
                vec![self.write(key, WriteKind::Delete(context))]
            }
            2 => vec![self.resolution(n).await],
            _ => {
                let mut all = Vec::new();
                for n in 0..KEYS {
                    all.push(self.put(n).await);
                }
                all
            }
        }
    }

    /// Makes a conflict that all stations know, and ends it.
    async fn resolution(&mut self, n: usize) -> Write {
        let key = key(&format!("turn/{n}"));
        for name in ["pacific", "atlantic"] {
            let blind = self.write(key.clone(), WriteKind::Put(WriteContext::Blind));
            self.processes.write(name, &blind).await;
        }
        self.until_healed().await;
        let entry = self.processes.get("pacific", key.as_str()).await.expect("just written");
        let conflict = entry.conflict.expect("two versions that know nothing of each other");
        self.write(key, WriteKind::Resolve { conflict, read: names(&entry), take: None })
    }

    /// Three attempts, and a fourth if none of them was answered.
    async fn insist(&mut self, sent: &Sent) {
        let mut stations = FOUR;
        self.rng.shuffle(&mut stations);
        let [first, other, third, fourth] = stations;
        match self.rng.u8(..4) {
            0 => drop(self.processes.proxy(&format!("isolate {first}")).await),
            1 => drop(self.processes.proxy(&format!("partition {first},{third} | {other},{fourth}")).await),
            2 => drop(self.processes.proxy(&format!("isolate {first},{other} mode=reset")).await),
            _ => {}
        }
        let second = if self.rng.bool() { first } else { other };
        let mut is_answered = self.attempt(first, sent, true).await;
        is_answered |= self.attempt(second, sent, true).await;
        if self.rng.bool() {
            self.processes.proxy("clear").await;
        }
        let last = *self.rng.choice(&stations).expect("four");
        is_answered |= self.attempt(last, sent, false).await;
        if !is_answered {
            self.until_healed().await;
            assert!(self.attempt(other, sent, false).await, "{sent:?} has no answer, though all is well");
        }
    }

    /// Asks once; perhaps the station is killed while it answers, or when it has.
    async fn attempt(&mut self, name: &'static str, sent: &Sent, may_kill: bool) -> bool {
        let mut client = self.client.take().expect("it was given back");
        let (place, writes) = (self.processes.place(name), sent.clone());
        let (kills, at_once) = (may_kill && self.rng.u8(..3) == 0, self.rng.bool());
        let asked = spawn_local(async move {
            let answered = match &writes[..] {
                [write] => client.write(&place, write).await.map(|receipt| vec![receipt]),
                batch => client.write_batch(&place, batch).await,
            };
            (client, answered)
        });
        if kills && at_once {
            yield_now().await;
            self.kill(name).await;
        }
        let (mut client, answered) = asked.await.expect("it ends");
        if kills && !at_once {
            self.kill(name).await;
        }
        if kills {
            client.disconnect(&self.processes.place(name).station);
        }
        self.client = Some(client);
        self.attempts += 1;
        match answered {
            Ok(receipts) => self.note(name, sent, &receipts),
            Err(NotAnswered::Unknown(_) | NotAnswered::Unreachable(_)) => return false,
            Err(NotAnswered::Refused(error)) => panic!("{sent:?} at {name}: expected a receipt, got {error}"),
        }
        true
    }

    async fn kill(&mut self, name: &str) {
        self.processes.kill(name).await;
        self.processes.restart(name).await;
        self.kills += 1;
    }

    /// The same station says the same of a request, whenever it is asked.
    fn note(&mut self, name: &str, sent: &Sent, receipts: &[Receipt]) {
        assert_eq!(receipts.len(), sent.len(), "a receipt for each write");
        for (write, receipt) in sent.iter().zip(receipts) {
            assert_eq!((receipt.request, &receipt.key), (write.request, &write.key));
            self.elsewhere += u32::from(receipt.dot.replica.node.as_str() != name);
            let at = (write.request, clock_tests::processes::station(name));
            let before = self.answers.insert(at, receipt.dot.clone());
            assert!(
                before.is_none_or(|before| before == receipt.dot),
                "{name} says {} now of {write:?}",
                receipt.dot
            );
        }
    }

    /// Every key has one version at each station, and of one request no station has made two writes.
    async fn is_one_version_each(&mut self) {
        for n in 0..KEYS {
            let key = format!("turn/{n}");
            for name in FOUR {
                let Some(entry) = self.processes.get(name, &key).await else { continue };
                assert_eq!((entry.versions.len(), entry.conflict), (1, None), "{name} shows {entry:?}");
                let history = self.processes.client(name).await.history(&entry.key).await;
                let history = history.expect("it answers").into_iter().flatten();
                let mut made = BTreeSet::new();
                for entry in history.filter(|entry| self.requests.contains(&entry.request)) {
                    let once = made.insert((entry.request, entry.dot.replica.node.clone()));
                    assert!(once, "{} is the second write of request {}", entry.dot, entry.request);
                }
            }
        }
    }
}

fn names(entry: &EntryView) -> Vec<Dot> {
    entry.versions.iter().flat_map(|version| version.dots.iter().cloned()).collect()
}

/// Disproved by a conflict of a key that one client writes in turn, by a station that names a request's write
/// differently when asked again, or that has written it twice.
#[test]
fn every_request_sent_three_times_is_one_version() {
    let (rounds, seed) = (setting("RETRIES", 16), setting("RETRIES_SEED", 20_261_123));
    println!("{rounds} rounds, seed {seed}");
    run_processes(async {
        let mut insistent = Insistent::begin(seed).await;
        for n in 0..KEYS {
            let first = insistent.put(n).await;
            insistent.processes.write("pacific", &first).await;
        }
        for round in 0..rounds {
            insistent.until_healed().await;
            let sent = insistent.draw(round).await;
            insistent.insist(&sent).await;
            insistent.until_healed().await;
            insistent.is_one_version_each().await;
        }
        let Insistent { mut processes, attempts, kills, elsewhere, requests, .. } = insistent;
        println!("{} requests, {attempts} attempts, {kills} kills", requests.len());
        println!("{elsewhere} answers named another station's write");
        assert!(kills > 0 && elsewhere > 0, "nothing was hard about it");
        let keys: Vec<Key> = (0..KEYS).map(|n| key(&format!("turn/{n}"))).collect();
        read_back(&mut processes, &keys).await;
        processes.stop().await;
    });
}
