//! A client that works: it reads, writes in every way there is, ends conflicts, and asks again when it does not know
//! what became of a write. What it does is decided by its seed; when, by the stations.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clock_core::wire::{EntryView, WriteContext};
use clock_core::{Dot, Key, RequestId};
use tokio::time::sleep;

use super::{NotAnswered, Place, Recorder, RecordingClient, Write, WriteKind};

/// How long a worker waits for an answer before the outcome is unknown to it: longer than a busy disk takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it asks again for a write whose outcome it does not know.
const RETRIES_MAX: u32 = 6;
/// How many of its acknowledged writes it may ask for again.
const REMEMBERED_MAX: usize = 8;

/// What the workers of a test work on. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Workload(Rc<RefCell<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    keys: Vec<Key>,
    open: BTreeMap<String, Place>,
    is_over: bool,
}

impl Workload {
    /// From now on, these keys.
    pub fn turn_to(&self, keys: Vec<Key>) {
        self.0.borrow_mut().keys = keys;
    }

    /// From now on this station is asked, too.
    pub fn open(&self, place: Place) {
        self.0.borrow_mut().open.insert(place.station.to_string(), place);
    }

    /// From now on nobody begins to ask this station.
    pub fn close(&self, name: &str) {
        self.0.borrow_mut().open.remove(name);
    }

    /// Every worker ends after what it is doing.
    pub fn end(&self) {
        self.0.borrow_mut().is_over = true;
    }

    fn is_over(&self) -> bool {
        self.0.borrow().is_over
    }

    fn place(&self, home: &str, rng: &mut fastrand::Rng) -> Option<Place> {
        let shared = self.0.borrow();
        let at_home = shared.open.get(home).filter(|_| rng.u8(..10) < 7);
        at_home.cloned().or_else(|| rng.choice(shared.open.values()).cloned())
    }

    fn key(&self, rng: &mut fastrand::Rng) -> Option<Key> {
        rng.choice(self.0.borrow().keys.iter()).cloned()
    }
}

/// One worker.
#[derive(Debug)]
pub struct Worker {
    client: RecordingClient,
    load: Workload,
    home: String,
    rng: fastrand::Rng,
    /// Between two operations, at the most.
    pause: Duration,
    unknown: Option<(Write, u32)>,
    acknowledged: VecDeque<Write>,
    /// What it read last of each key, wherever that was.
    read: BTreeMap<Key, Vec<Dot>>,
}

impl Worker {
    /// A worker that mostly asks the station `home`, and rests for up to `pause` after each answer.
    pub fn new(recorder: &Recorder, load: &Workload, home: &str, seed: u64, pause: Duration) -> Self {
        Self {
            client: recorder.client().with_patience(PATIENCE),
            load: load.clone(),
            home: home.to_owned(),
            rng: fastrand::Rng::with_seed(seed),
            pause,
            unknown: None,
            acknowledged: VecDeque::new(),
            read: BTreeMap::new(),
        }
    }

    /// Works until the workload ends.
    pub async fn work(mut self) {
        while !self.load.is_over() {
            // A pace, not a synchronisation: nothing relies on how long it takes.
            sleep(self.pause.mul_f64(self.rng.f64())).await;
            let place = self.load.place(&self.home, &mut self.rng);
            let Some((place, key)) = place.zip(self.load.key(&mut self.rng)) else { continue };
            self.step(&place, key).await;
        }
    }

    async fn step(&mut self, place: &Place, key: Key) {
        if let Some((write, retries)) = self.unknown.take() {
            return self.write(place, write, retries).await;
        }
        match self.rng.u8(..100) {
            0..30 => drop(self.look(place, &key).await),
            30..55 => self.put(place, key, WriteContext::StationView).await,
            55..63 => self.put(place, key, WriteContext::Blind).await,
            63..70 => {
                let read = self.read.get(&key).cloned().unwrap_or_default();
                self.put(place, key, WriteContext::Exactly(read)).await;
            }
            70..80 => {
                let Some(entry) = self.look(place, &key).await else { return };
                self.put(place, key, WriteContext::Exactly(dots(&entry))).await;
            }
            80..92 => self.resolve(place, key).await,
            92..97 => {
                let Some(write) = self.rng.choice(self.acknowledged.iter()).cloned() else { return };
                self.write(place, write, RETRIES_MAX).await;
            }
            _ => drop(self.client.status(place).await),
        }
    }

    async fn look(&mut self, place: &Place, key: &Key) -> Option<EntryView> {
        let look_behind = self.rng.bool();
        let entry = self.client.get(place, key, look_behind).await.ok().flatten()?;
        self.read.insert(key.clone(), dots(&entry));
        Some(entry)
    }

    async fn put(&mut self, place: &Place, key: Key, context: WriteContext) {
        let write =
            Write { key, value: self.value(), request: self.request(), kind: WriteKind::Put(context) };
        self.write(place, write, 0).await;
    }

    async fn resolve(&mut self, place: &Place, key: Key) {
        let Some(entry) = self.look(place, &key).await else { return };
        let Some(conflict) = entry.conflict else { return };
        let taken = self.rng.choice(&entry.versions).filter(|_| self.rng.bool());
        let take = taken.and_then(|version| version.dots.first().cloned());
        let value = taken.map(|version| version.value.clone());
        let value = value.unwrap_or_else(|| self.value());
        let kind = WriteKind::Resolve { conflict, read: dots(&entry), take };
        let write = Write { key, value, request: self.request(), kind };
        self.write(place, write, 0).await;
    }

    async fn write(&mut self, place: &Place, write: Write, retries: u32) {
        match self.client.write(place, &write).await {
            Ok(_) => {
                self.acknowledged.push_front(write);
                self.acknowledged.truncate(REMEMBERED_MAX);
            }
            Err(NotAnswered::Refused(_)) => {}
            Err(NotAnswered::Unreachable(_)) if retries == 0 => {}
            Err(_) if retries < RETRIES_MAX => self.unknown = Some((write, retries + 1)),
            Err(_) => {}
        }
    }

    fn request(&mut self) -> RequestId {
        RequestId(self.rng.u128(..))
    }

    /// Unlike any other, and of any length: a torn page is to cut through values, too.
    fn value(&mut self) -> Bytes {
        let mut value = vec![0; self.rng.usize(16..400)];
        self.rng.fill(&mut value);
        value.into()
    }
}

fn dots(entry: &EntryView) -> Vec<Dot> {
    entry.versions.iter().flat_map(|version| version.dots.iter().cloned()).collect()
}
