//! A store too simple to be wrong, which writes histories: every set is a set, every answer is worked out from the
//! definition, nothing is kept up to date. It shares no code with the checks.

mod edit;

use std::collections::{BTreeMap, BTreeSet};

use clock_core::{Dot, Incarnation, Key, NodeId, ReplicaId, RequestId};
use clock_tests::history::{Answer, Call, Context, Line, Phase, ValueDigest, Version, What};

pub(crate) use edit::Edit;

const STATIONS: [&str; 3] = ["a", "b", "c"];
const KEYS: [&str; 2] = ["k1", "k2"];

#[derive(Debug, Clone)]
struct Write {
    request: RequestId,
    key: Key,
    value: ValueDigest,
    context: BTreeSet<Dot>,
    past: BTreeSet<Dot>,
    lamport: u64,
}

#[derive(Debug, Clone)]
struct Station {
    node: NodeId,
    incarnation: u32,
    /// What its disk holds, in the order of its log; all of it is shown.
    log: Vec<Dot>,
    /// What it took and has not synced, with the operation that waits for it.
    staged: Vec<(Dot, Option<u64>)>,
    lamport: u64,
}

/// A request that a client may repeat.
#[derive(Debug, Clone)]
struct Asked {
    station: usize,
    call: Call,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Forge {
    rng: fastrand::Rng,
    lines: Vec<Line>,
    writes: BTreeMap<Dot, Write>,
    stations: Vec<Station>,
    asked: Vec<Asked>,
    /// Operations whose client waits no more.
    given_up: BTreeSet<u64>,
    ops: u64,
    requests: u128,
}

impl Forge {
    /// A good history of about this many actions.
    pub(crate) fn history(seed: u64, actions: usize) -> Vec<Line> {
        let station = |name: &&str| Station {
            node: name.parse().expect("a name"),
            incarnation: 1,
            log: Vec::new(),
            staged: Vec::new(),
            lamport: 0,
        };
        let mut forge = Self {
            rng: fastrand::Rng::with_seed(seed),
            lines: Vec::new(),
            writes: BTreeMap::new(),
            stations: STATIONS.iter().map(station).collect(),
            asked: Vec::new(),
            given_up: BTreeSet::new(),
            ops: 0,
            requests: 0,
        };
        forge.run(actions);
        forge.lines
    }

    fn run(&mut self, actions: usize) {
        (0..STATIONS.len()).for_each(|at| self.started(at));
        self.say(What::Phase { phase: Phase::Safety });
        for _ in 0..actions {
            self.act();
        }
        self.say(What::Phase { phase: Phase::Healing });
        self.spread();
        self.say(What::Phase { phase: Phase::Converged });
        for at in 0..STATIONS.len() {
            self.put(at);
            self.sync(at);
        }
        self.say(What::Phase { phase: Phase::Fresh });
        self.spread();
        self.say(What::Phase { phase: Phase::ReadBack });
        for at in 0..STATIONS.len() {
            KEYS.iter().for_each(|key| self.get(at, &key.parse().expect("a key")));
            self.state(at);
        }
    }

    fn act(&mut self) {
        let at = self.rng.usize(..STATIONS.len());
        match self.rng.u32(..100) {
            0..25 => self.put(at),
            25..33 => self.resolve(at),
            33..44 => self.retry(),
            44..60 => self.sync(at),
            60..80 => self.replicate(at),
            80..92 => {
                let key = self.random_key();
                self.get(at, &key);
            }
            92..95 => self.status(at),
            95..97 => self.state(at),
            97..99 => self.crash(at, false),
            _ => self.crash(at, true),
        }
    }

    fn say(&mut self, what: What) {
        let at_us = self.lines.len() as u64;
        self.lines.push(Line { at_us, what });
    }

    fn next_op(&mut self, at: usize, call: Call) -> u64 {
        self.ops += 1;
        let (op, station) = (self.ops, self.stations[at].node.clone());
        self.say(What::Invoke { op, client: 0, station, call, w: None, session: None, batch: None });
        op
    }

    fn shown(&self, at: usize) -> BTreeSet<Dot> {
        self.stations[at].log.iter().cloned().collect()
    }

    fn siblings_among(&self, dots: &BTreeSet<Dot>, key: &Key) -> BTreeSet<Dot> {
        let of_key: Vec<&Dot> = dots.iter().filter(|dot| self.writes[*dot].key == *key).collect();
        let is_read = |dot: &Dot| of_key.iter().any(|later| self.writes[*later].context.contains(dot));
        let is_twin = |dot: &Dot, other: &Dot| {
            let (one, two) = (&self.writes[dot], &self.writes[other]);
            dot != other && (one.request, one.value) == (two.request, two.value)
        };
        // Another name of the same write was read, and lies above everything that this one supersedes.
        let falls = |dot: &Dot| {
            let below = self.writes[dot].context.iter().map(|read| self.height(read)).max().unwrap_or(0);
            of_key.iter().any(|other| is_twin(dot, other) && is_read(other) && below < self.height(other))
        };
        let stands = |dot: &&&Dot| !is_read(dot) && !falls(dot);
        of_key.iter().filter(stands).map(|dot| (*dot).clone()).collect()
    }

    /// How many writes happened before one, itself included.
    fn height(&self, dot: &Dot) -> usize {
        self.writes.get(dot).map_or(0, |write| write.past.len() + 1)
    }

    fn siblings(&self, at: usize, key: &Key) -> BTreeSet<Dot> {
        self.siblings_among(&self.shown(at), key)
    }

    /// What the station takes for its view: what it shows and its own writes that are on their way.
    fn known(&self, at: usize) -> BTreeSet<Dot> {
        let own = self.stations[at].staged.iter().filter(|(_, op)| op.is_some());
        self.shown(at).into_iter().chain(own.map(|(dot, _)| dot.clone())).collect()
    }

    fn versions(&self, siblings: &BTreeSet<Dot>) -> Vec<Version> {
        let mut versions: Vec<Version> = Vec::new();
        for dot in siblings {
            let Write { request, value, context, .. } = self.writes[dot].clone();
            let same = versions.iter_mut().find(|known| known.request == request && known.value == value);
            match same {
                Some(version) => version.dots.push(dot.clone()),
                None => versions.push(Version {
                    dots: vec![dot.clone()],
                    value,
                    context: context.into_iter().collect(),
                    request,
                }),
            }
        }
        versions
    }

    fn conflict(&self, siblings: &BTreeSet<Dot>) -> Option<String> {
        (self.versions(siblings).len() > 1).then(|| format!("{siblings:?}"))
    }

    fn random_key(&mut self) -> Key {
        KEYS[self.rng.usize(..KEYS.len())].parse().expect("a key")
    }

    fn put(&mut self, at: usize) {
        self.requests += 1;
        let key = self.random_key();
        let context = match self.rng.u32(..4) {
            0 => Context::Blind,
            1 => Context::Exactly(self.siblings(at, &key).into_iter().collect()),
            2 => Context::Exactly(self.siblings(at, &key).into_iter().take(1).collect()),
            _ => Context::Station,
        };
        let value = ValueDigest(self.rng.u64(..3));
        let call = Call::Put { key, value, context, request: RequestId(self.requests) };
        self.ask(Asked { station: at, call });
    }

    fn resolve(&mut self, at: usize) {
        let key = self.random_key();
        let siblings = self.siblings(at, &key);
        let Some(conflict) = self.conflict(&siblings) else { return };
        self.requests += 1;
        let (read, request) = (siblings.into_iter().collect(), RequestId(self.requests));
        let call = Call::Resolve { key, conflict, read, value: ValueDigest(9), request };
        self.ask(Asked { station: at, call });
    }

    fn retry(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let mut asked = self.asked[self.rng.usize(..self.asked.len())].clone();
        if self.rng.bool() {
            asked.station = self.rng.usize(..STATIONS.len());
        }
        self.ask(asked);
    }

    /// Hands a write to a station, which knows its request, refuses it, or mints it.
    fn ask(&mut self, asked: Asked) {
        let Asked { station: at, call } = asked.clone();
        let (Call::Put { key, value, request, .. } | Call::Resolve { key, value, request, .. }) =
            call.clone()
        else {
            return;
        };
        self.asked.push(asked);
        let op = self.next_op(at, call.clone());
        let station = &self.stations[at];
        let of_request = |dot: &&Dot| self.writes[*dot].request == request;
        if let Some(dot) = station.log.iter().find(of_request).cloned() {
            return self.acknowledge(at, op, &dot);
        }
        if station.staged.iter().any(|(dot, _)| of_request(&dot)) {
            return self.give_up(op);
        }
        let (shown, siblings) = (self.shown(at), self.siblings(at, &key));
        let context = match call {
            Call::Put { context: Context::Exactly(read), .. } => {
                let read: BTreeSet<Dot> = read.into_iter().collect();
                read.is_subset(&shown).then_some(read)
            }
            Call::Put { context: Context::Station, .. } => Some(self.siblings_among(&self.known(at), &key)),
            Call::Resolve { read, .. } => {
                let read: BTreeSet<Dot> = read.into_iter().collect();
                (read == siblings).then_some(read)
            }
            _ => Some(BTreeSet::new()),
        };
        match context {
            Some(context) => self.mint(at, op, (key, value, request), context),
            None => self.say(What::Fail { op, error: "refused".to_owned() }),
        }
    }

    fn mint(
        &mut self,
        at: usize,
        op: u64,
        (key, value, request): (Key, ValueDigest, RequestId),
        context: BTreeSet<Dot>,
    ) {
        let past = self.known(at);
        let station = &mut self.stations[at];
        let replica = ReplicaId { node: station.node.clone(), incarnation: Incarnation(station.incarnation) };
        let seq = past.iter().filter(|dot| dot.replica == replica).count() as u64 + 1;
        let dot = Dot { replica, seq };
        station.lamport += 1;
        let write = Write { request, key, value, context, past, lamport: station.lamport };
        station.staged.push((dot.clone(), Some(op)));
        let station = station.node.clone();
        self.writes.insert(dot.clone(), write);
        self.say(What::Minted { station, dot, request, op: Some(op) });
        if self.rng.u32(..6) == 0 {
            self.give_up(op);
        }
    }

    fn give_up(&mut self, op: u64) {
        if self.given_up.insert(op) {
            self.say(What::Info { op, why: "gave up".to_owned() });
        }
    }

    fn acknowledge(&mut self, at: usize, op: u64, dot: &Dot) {
        let write = self.writes[dot].clone();
        let shown = self.stations[at].log.iter().take_while(|known| *known != dot).cloned();
        let shown: BTreeSet<Dot> = shown.chain([dot.clone()]).collect();
        let is_same = |other: &Dot| {
            (self.writes[other].request, self.writes[other].value) == (write.request, write.value)
        };
        let siblings = self.siblings_among(&shown, &write.key);
        let mut vector: BTreeMap<ReplicaId, u64> = BTreeMap::new();
        for known in write.past.iter().chain([dot]) {
            let last = vector.entry(known.replica.clone()).or_default();
            *last = known.seq.max(*last);
        }
        let answer = Answer::Written {
            dot: dot.clone(),
            lamport: write.lamport,
            hlc: write.lamport << 20,
            wall_ms: 0,
            vector: vector.into_iter().map(|(replica, seq)| Dot { replica, seq }).collect(),
            context: write.context.into_iter().collect(),
            // A name that fell with its twin at once has met nothing.
            beside: match siblings.contains(dot) {
                true => siblings.into_iter().filter(|other| !is_same(other)).collect(),
                false => Vec::new(),
            },
            outcome: None,
            durable_on: Vec::new(),
        };
        self.say(What::Ok { op, answer, token: None });
    }

    /// The disk holds everything now, the station shows it, and answers.
    fn sync(&mut self, at: usize) {
        let staged = std::mem::take(&mut self.stations[at].staged);
        if staged.is_empty() {
            return;
        }
        let (station, dots) = (self.stations[at].node.clone(), staged.iter().map(|(dot, _)| dot.clone()));
        let dots: Vec<Dot> = dots.collect();
        self.say(What::Durable { station: station.clone(), dots: dots.clone() });
        self.say(What::Visible { station, dots: dots.clone() });
        self.stations[at].log.extend(dots);
        for (dot, op) in staged {
            let waiting = op.filter(|op| !self.given_up.contains(op));
            waiting.into_iter().for_each(|op| self.acknowledge(at, op, &dot));
        }
    }

    /// A station takes the next write that another one shows and it has not got.
    fn replicate(&mut self, to: usize) {
        let from = self.rng.usize(..STATIONS.len());
        let staged = self.stations[to].staged.iter().map(|(dot, _)| dot.clone());
        let has: BTreeSet<Dot> = self.shown(to).into_iter().chain(staged).collect();
        let Some(next) = self.stations[from].log.iter().find(|dot| !has.contains(*dot)).cloned() else {
            return;
        };
        let lamport = self.writes[&next].lamport.max(self.stations[to].lamport) + 1;
        self.stations[to].lamport = lamport;
        self.stations[to].staged.push((next, None));
    }

    fn spread(&mut self) {
        for _ in 0..self.writes.len() * 4 {
            let to = self.rng.usize(..STATIONS.len());
            self.replicate(to);
        }
        (0..STATIONS.len()).for_each(|at| self.sync(at));
        let all: BTreeSet<Dot> = (0..STATIONS.len()).flat_map(|at| self.shown(at)).collect();
        let behind = (0..STATIONS.len()).any(|at| self.shown(at) != all);
        if behind {
            self.spread();
        }
    }

    fn get(&mut self, at: usize, key: &Key) {
        let op = self.next_op(at, Call::Get { key: key.clone() });
        let revision = self.shown(at).iter().filter(|dot| self.writes[*dot].key == *key).count() as u64;
        if revision == 0 {
            return self.say(What::Ok { op, answer: Answer::Unknown, token: None });
        }
        let siblings = self.siblings(at, key);
        let (conflict, versions) = (self.conflict(&siblings), self.versions(&siblings));
        let answer = Answer::Entry { revision, conflict, versions, complete: true, seen: None };
        self.say(What::Ok { op, answer, token: None });
    }

    fn status(&mut self, at: usize) {
        let op = self.next_op(at, Call::Status);
        let shown = self.shown(at);
        let is_last = |dot: &&Dot| !shown.contains(&Dot { seq: dot.seq + 1, ..(*dot).clone() });
        let vector = shown.iter().filter(is_last).cloned().collect();
        let in_conflict = |key: &&&str| {
            let key: Key = key.parse().expect("a key");
            self.conflict(&self.siblings(at, &key)).is_some()
        };
        let conflicts = KEYS.iter().filter(in_conflict).count() as u64;
        let answer = Answer::Status { vector, lamport: self.stations[at].lamport, conflicts };
        self.say(What::Ok { op, answer, token: None });
    }

    fn state(&mut self, at: usize) {
        let (station, digest) = (self.stations[at].node.clone(), format!("{:?}", self.shown(at)));
        self.say(What::State { station, digest });
    }

    /// `kill -9`: what was not synced is gone; and with its disk, everything.
    fn crash(&mut self, at: usize, disk: bool) {
        let station = self.stations[at].node.clone();
        self.say(What::Stopped { station: station.clone(), how: "killed".to_owned() });
        let staged = std::mem::take(&mut self.stations[at].staged);
        for (dot, op) in staged.iter().filter_map(|(dot, op)| Some((dot, (*op)?))) {
            self.give_up(op);
            // Its own, so nobody but the process knew of it.
            self.writes.remove(dot);
        }
        if disk {
            let dots = std::mem::take(&mut self.stations[at].log);
            self.say(What::Lost { station, dots });
            self.stations[at].incarnation += 1;
        }
        self.started(at);
    }

    fn started(&mut self, at: usize) {
        let Station { node, incarnation, log, .. } = &self.stations[at];
        let replica = ReplicaId { node: node.clone(), incarnation: Incarnation(*incarnation) };
        let (station, visible) = (node.clone(), log.clone());
        self.say(What::Started { station, replica: Some(replica), visible });
    }
}
