//! A whole cluster in memory: the real replicas, in-memory logs, a network of queues, one thread, no time.
//!
//! Messages are encoded and decoded for real. The order in which things happen is drawn from a seed, so a run is
//! repeated exactly by its seed; within one session frames keep their order, as TCP would have it.

mod log;
mod network;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clock_core::replica::{
    Effect, Fact, Input, Limits, Mono, Now, Opener, Recovered, Replica, ReplicaConfig, SessionId, Ticket,
    lineage,
};
use clock_core::wire::message::{Message, Refusal, Role};
use clock_core::wire::{Request, Response, Terms, frame};
use clock_core::{Incarnation, NodeId, VersionVector};

pub use log::MemoryLog;
pub use network::FrameFaults;
use network::{Connection, EVENTS, kind, overtaker};

/// Where client requests of a test come from.
const CLIENT: SessionId = SessionId(0);

/// One station of the cluster.
#[derive(Debug)]
pub struct Station {
    /// The replica under test.
    pub replica: Replica,
    /// Its disk.
    pub log: MemoryLog,
    /// What it reported, oldest first.
    pub facts: Vec<Fact>,
    /// Why it closed sessions, oldest first.
    pub refusals: Vec<Refusal>,
    inbox: VecDeque<Input>,
    replies: BTreeMap<u64, Response>,
    tokens: BTreeMap<u64, VersionVector>,
    syncing: Option<clock_core::replica::Lsn>,
}

/// The cluster. Every step is drawn from the seed.
#[derive(Debug)]
pub struct MemoryCluster {
    stations: BTreeMap<NodeId, Station>,
    connections: BTreeMap<SessionId, Connection>,
    cut: BTreeSet<(NodeId, NodeId)>,
    members: BTreeSet<NodeId>,
    rng: fastrand::Rng,
    now: Now,
    next_session: u64,
    next_number: u64,
    faults: FrameFaults,
    disks_frozen: bool,
    limits: Limits,
}

/// A station's id from a name that the test knows to be valid.
pub fn station(name: &str) -> NodeId {
    name.parse().expect("test names are valid")
}

impl MemoryCluster {
    /// Starts stations with empty disks and connects all pairs. The seed is printed.
    pub fn start(names: &[&str], seed: u64) -> Self {
        Self::start_with(names, seed, Limits::default())
    }

    /// As [`start`](Self::start), with buffers of other sizes.
    pub fn start_with(names: &[&str], seed: u64, limits: Limits) -> Self {
        println!("memory cluster of {names:?}, seed {seed}");
        let members: BTreeSet<NodeId> = names.iter().map(|name| station(name)).collect();
        let mut cluster = Self {
            stations: BTreeMap::new(),
            connections: BTreeMap::new(),
            cut: BTreeSet::new(),
            members: members.clone(),
            rng: fastrand::Rng::with_seed(seed),
            now: Now { mono: Mono(0), wall_ms: 1_700_000_000_000 },
            next_session: 1,
            next_number: 1,
            faults: FrameFaults::default(),
            disks_frozen: false,
            limits,
        };
        members.iter().for_each(|member| cluster.boot(member, MemoryLog::default()));
        members.iter().for_each(|member| cluster.dial_all(member));
        cluster
    }

    fn boot(&mut self, member: &NodeId, mut log: MemoryLog) {
        let peers = self.members.iter().filter(|peer| *peer != member).cloned().collect();
        let seed = self.rng.u64(..);
        let config = ReplicaConfig {
            limits: self.limits,
            ..ReplicaConfig::new(station("test"), member.clone(), peers, seed)
        };
        let incarnation_is_fresh = !log.has_incarnation();
        let recovered = Recovered {
            incarnation_is_fresh,
            incarnation: log.incarnation_or(Incarnation(self.rng.u32(..))),
            may_have_lost_events: log.is_damaged(),
            quarantined: log.quarantined(),
            last_lsn: log.last_lsn(),
        };
        let events = log.events().collect::<Vec<_>>();
        let (replica, effects) =
            Replica::recover(config, self.now, recovered, events).expect("the log is valid");
        let booted = Station {
            replica,
            log,
            facts: Vec::new(),
            refusals: Vec::new(),
            inbox: VecDeque::new(),
            replies: BTreeMap::new(),
            tokens: BTreeMap::new(),
            syncing: None,
        };
        self.stations.insert(member.clone(), booted);
        self.perform(member, effects);
        let opener = Opener::Client { cluster: station("test") };
        self.handle(member, Input::SessionUp { session: CLIENT, opener });
    }

    fn dial_all(&mut self, dialler: &NodeId) {
        let others: Vec<NodeId> = self.stations.keys().filter(|other| *other != dialler).cloned().collect();
        for other in others {
            self.dial(dialler, &other);
        }
    }

    /// Opens another session; an earlier one between the two lives on, as when its end was not noticed.
    pub fn dial_again(&mut self, from: &str, to: &str) {
        self.dial(&station(from), &station(to));
    }

    fn dial(&mut self, dialler: &NodeId, acceptor: &NodeId) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let queues = (VecDeque::new(), VecDeque::new());
        let connection = Connection {
            dialler: dialler.clone(),
            acceptor: acceptor.clone(),
            to_acceptor: queues.0,
            to_dialler: queues.1,
            orphaned: false,
        };
        self.connections.insert(session, connection);
        self.handle(dialler, Input::SessionUp { session, opener: Opener::Dialled(acceptor.clone()) });
    }

    /// Stops a station at once: what it had not synced is gone. It comes back with what its disk holds.
    pub fn crash_and_restart(&mut self, name: &str, damage: impl FnOnce(&mut MemoryLog)) {
        let member = station(name);
        let mut log = self.stations.remove(&member).expect("the station runs").log;
        log.crash();
        damage(&mut log);
        let touches = |connection: &Connection| connection.dialler == member || connection.acceptor == member;
        let leaves_frames = |connection: &Connection| {
            connection.dialler == member && (connection.orphaned || !connection.to_acceptor.is_empty())
        };
        let orphans = self.connections.values_mut().filter(|connection| leaves_frames(connection));
        orphans.for_each(Connection::orphan);
        let is_broken = |connection: &Connection| touches(connection) && !leaves_frames(connection);
        let broken: Vec<(SessionId, Connection)> =
            self.connections.extract_if(.., |_, connection| is_broken(connection)).collect();
        for (session, connection) in broken {
            for end in [&connection.dialler, &connection.acceptor] {
                if *end != member {
                    self.handle(end, Input::SessionDown { session });
                }
            }
        }
        self.boot(&member, log);
        self.dial_all(&member);
        let others: Vec<NodeId> = self.stations.keys().filter(|other| **other != member).cloned().collect();
        others.iter().for_each(|other| self.dial(other, &member));
    }

    /// Holds everything between two stations until [`heal`](Self::heal).
    pub fn cut(&mut self, left: &str, right: &str) {
        self.cut.insert((station(left), station(right)));
        self.cut.insert((station(right), station(left)));
    }

    /// As [`cut`](Self::cut), for what one station sends to the other alone.
    pub fn cut_one_way(&mut self, from: &str, to: &str) {
        self.cut.insert((station(from), station(to)));
    }

    /// From now on frames of established sessions overtake each other or vanish.
    pub fn set_frame_faults(&mut self, faults: FrameFaults) {
        self.faults = faults;
    }

    /// Hands a station a message as if a peer had sent it on its session.
    pub fn inject(&mut self, from: &str, to: &str, message: Message) {
        let session = self.session(from, to).unwrap_or_else(|| panic!("{from} has no session to {to}"));
        self.inject_on(session, to, message);
    }

    /// Hands a station a message on a session that may have ended.
    pub fn inject_on(&mut self, session: SessionId, to: &str, message: Message) {
        self.handle(&station(to), Input::Frame { session, message });
    }

    /// The session that one station dialled to another, if it is up: the latest, if there are several.
    pub fn session(&self, from: &str, to: &str) -> Option<SessionId> {
        let ends = (station(from), station(to));
        let between = |connection: &Connection| {
            !connection.orphaned && connection.dialler == ends.0 && connection.acceptor == ends.1
        };
        self.connections.iter().rfind(|(_, connection)| between(connection)).map(|(session, _)| *session)
    }

    /// Hands in a request on a session of the test's choice; nobody may have accepted it.
    pub fn submit_on(&mut self, session: SessionId, name: &str, request: Request) {
        let ticket = Ticket { session, number: 0 };
        self.handle(&station(name), Input::Client { ticket, terms: Terms::default(), request });
    }

    /// The test's own session at a station ends.
    pub fn end_client_session(&mut self, name: &str) {
        self.handle(&station(name), Input::SessionDown { session: CLIENT });
    }

    /// From now on no disk finishes a sync.
    pub fn freeze_disks(&mut self) {
        self.disks_frozen = true;
    }

    /// Lets everything pass again.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// A station, to look at.
    pub fn at(&self, name: &str) -> &Station {
        &self.stations[&station(name)]
    }

    /// Hands in a client's request and lets the station work until it has answered.
    pub fn ask(&mut self, name: &str, request: Request) -> Response {
        let number = self.submit(name, request);
        for _ in 0..1000 {
            if let Some(response) = self.take_reply(name, number) {
                return response;
            }
            self.finish_sync(&station(name));
        }
        panic!("{name} never answered request {number}");
    }

    /// Hands in a client's request without waiting; returns its number.
    pub fn submit(&mut self, name: &str, request: Request) -> u64 {
        self.submit_on_terms(name, Terms::default(), request)
    }

    /// As [`submit`](Self::submit), on terms of the client's own.
    pub fn submit_on_terms(&mut self, name: &str, terms: Terms, request: Request) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        let ticket = Ticket { session: CLIENT, number };
        self.handle(&station(name), Input::Client { ticket, terms, request });
        number
    }

    /// The token that came with the answer to a request.
    pub fn token(&self, name: &str, number: u64) -> Option<VersionVector> {
        self.stations[&station(name)].tokens.get(&number).cloned()
    }

    /// The answer to a request, if it has come.
    pub fn take_reply(&mut self, name: &str, number: u64) -> Option<Response> {
        self.stations.get_mut(&station(name))?.replies.remove(&number)
    }

    /// Lets time pass, and the replicas act on it.
    pub fn advance(&mut self, time: Duration) {
        self.now.mono.0 += u64::try_from(time.as_nanos()).expect("test times are short");
        self.now.wall_ms += u64::try_from(time.as_millis()).expect("test times are short");
        let due: Vec<NodeId> = self.stations.keys().cloned().collect();
        for member in due {
            if self.stations[&member]
                .replica
                .next_deadline()
                .is_some_and(|deadline| deadline <= self.now.mono)
            {
                self.handle(&member, Input::Tick);
            }
        }
    }

    /// Runs, in an order drawn from the seed, until nothing is left to do and time changes nothing.
    pub fn settle(&mut self) {
        for _ in 0..40 {
            while self.step() {}
            self.advance(Duration::from_millis(100));
        }
        while self.step() {}
    }

    /// At most `count` things happen.
    pub fn steps(&mut self, count: usize) {
        for _ in 0..count {
            if !self.step() {
                return;
            }
        }
    }

    /// One thing happens: a disk syncs, a station works, or a frame arrives. `false` if nothing can.
    pub fn step(&mut self) -> bool {
        let mut choices: Vec<Choice> = Vec::new();
        for (member, at) in &self.stations {
            choices.extend(at.syncing.filter(|_| !self.disks_frozen).map(|_| Choice::Sync(member.clone())));
            choices.extend(at.inbox.front().map(|_| Choice::Work(member.clone())));
        }
        for (session, connection) in &self.connections {
            let ends = (connection.dialler.clone(), connection.acceptor.clone());
            if !connection.to_acceptor.is_empty() && !self.cut.contains(&ends) {
                choices.push(Choice::Deliver(*session, true));
            }
            if !connection.to_dialler.is_empty() && !self.cut.contains(&(ends.1, ends.0)) {
                choices.push(Choice::Deliver(*session, false));
            }
        }
        if choices.is_empty() {
            return false;
        }
        match choices.swap_remove(self.rng.usize(..choices.len())) {
            Choice::Sync(member) => self.finish_sync(&member),
            Choice::Work(member) => {
                let input = self.stations.get_mut(&member).and_then(|at| at.inbox.pop_front());
                input.into_iter().for_each(|input| self.handle(&member, input));
            }
            Choice::Deliver(session, to_acceptor) => self.deliver(session, to_acceptor),
        }
        true
    }

    /// A station's disk finishes what was asked of it.
    pub fn finish_sync(&mut self, member: &NodeId) {
        let Some(at) = self.stations.get_mut(member) else { return };
        if let Some(upto) = at.syncing.take() {
            at.log.sync(upto);
            self.handle(member, Input::Synced { upto });
        }
    }

    fn deliver(&mut self, session: SessionId, to_acceptor: bool) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let (queue, receiver) = match to_acceptor {
            true => (&mut connection.to_acceptor, connection.acceptor.clone()),
            false => (&mut connection.to_dialler, connection.dialler.clone()),
        };
        let Some(bytes) = queue.remove(overtaker(queue, self.faults, &mut self.rng)) else { return };
        let is_last = connection.orphaned && connection.to_acceptor.is_empty();
        if kind(&bytes) != EVENTS || self.rng.f64() >= self.faults.lose_events {
            self.arrive(&receiver, session, &bytes);
        }
        if is_last && self.connections.remove(&session).is_some() {
            self.handle(&receiver, Input::SessionDown { session });
        }
    }

    fn arrive(&mut self, receiver: &NodeId, session: SessionId, bytes: &Bytes) {
        let mut buffer = BytesMut::from(bytes.as_ref());
        let frame =
            frame::cut(&mut buffer, frame::FRAME_BYTES_MAX).expect("a valid frame").expect("a whole frame");
        let input = match Message::from_frame(&frame).expect("a valid message") {
            Message::Hello(hello) => {
                let Role::Peer(claim) = hello.role else { panic!("stations greet as peers") };
                Input::SessionUp { session, opener: Opener::Peer { cluster: hello.cluster, claim } }
            }
            message => Input::Frame { session, message },
        };
        self.handle(receiver, input);
    }

    fn handle(&mut self, member: &NodeId, input: Input) {
        let Some(at) = self.stations.get_mut(member) else { return };
        let mut effects = Vec::new();
        let shown = format!("{input:?}");
        at.replica.handle(self.now, input, &mut effects);
        if let Err(violation) = at.replica.invariant() {
            panic!("{member} after {shown}: {violation}");
        }
        self.perform(member, effects);
    }

    fn perform(&mut self, member: &NodeId, effects: Vec<Effect>) {
        for effect in effects {
            let at = self.stations.get_mut(member).expect("effects come from a running station");
            match effect {
                Effect::Append(record) => at.log.append(record),
                Effect::Sync { upto } => at.syncing = Some(upto),
                Effect::Reply { ticket, token, response } => at.answer(ticket, token, response),
                Effect::ReplyFromLog { ticket, token, question } => {
                    let Ok(response) = lineage::answer(&at.log, &question);
                    at.answer(ticket, token, response);
                }
                Effect::ReadLog { session, query } => {
                    let (events, next) = at.log.read(&query);
                    at.inbox.push_back(Input::LogRead { session, events, next });
                }
                Effect::Observe(fact) => at.facts.push(fact),
                Effect::Send { session, message } => self.send(member, session, &message),
                Effect::Close { session, refusal } => {
                    let is_superseded = refusal == Refusal::Superseded;
                    at.refusals.push(refusal);
                    self.disconnect(member, session, is_superseded);
                }
            }
        }
    }

    /// A station closes a session. Only the other end is told: the one that closed must not need to be.
    /// A dialler that lost its only session to a later one dials again; after other refusals a test wants to look.
    fn disconnect(&mut self, closer: &NodeId, session: SessionId, is_superseded: bool) {
        let Some(connection) = self.connections.remove(&session) else { return };
        if connection.orphaned {
            return;
        }
        let is_dialler = *closer == connection.dialler;
        let other = if is_dialler { &connection.acceptor } else { &connection.dialler };
        self.handle(other, Input::SessionDown { session });
        let (dialler, acceptor) = (&connection.dialler, &connection.acceptor);
        if is_superseded && self.session(dialler.as_str(), acceptor.as_str()).is_none() {
            self.dial(dialler, acceptor);
        }
    }

    fn send(&mut self, from: &NodeId, session: SessionId, message: &Message) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let bytes = message.to_frame().expect("a station's message fits a frame");
        match *from == connection.dialler {
            true => connection.to_acceptor.push_back(bytes),
            false if connection.orphaned => {}
            false => connection.to_dialler.push_back(bytes),
        }
    }
}

impl Station {
    fn answer(&mut self, ticket: Ticket, token: Option<VersionVector>, response: Response) {
        self.tokens.extend(token.map(|token| (ticket.number, token)));
        self.replies.insert(ticket.number, response);
    }
}

/// What can happen next.
enum Choice {
    Sync(NodeId),
    Work(NodeId),
    Deliver(SessionId, bool),
}
