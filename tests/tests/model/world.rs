//! One state of the model: all stations, all sessions, what the clients know, and what may still happen.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use clock_core::replica::{Effect, Fact, Input, LogRecord, Opener, SessionId};
use clock_core::wire::message::{Hello, Message, Refusal, Role};
use clock_core::wire::{RequestError, Response};

use super::checks::{self, ALARM, ANSWERED, INVARIANT, PUBLISHED};
use super::clients::Clients;
use super::dots::{Dots, Place};
use super::scope::{Acks, Budget, Scope};
use super::session::{End, Session, Side};
use super::station::Station;

/// A property that does not hold, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Broken {
    /// Which.
    pub(crate) property: &'static str,
    /// What was expected, and what came instead.
    pub(crate) text: String,
}

/// Rare things that the last step did: without them an exploration has shown little.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Happened {
    /// An event arrived before its past.
    pub(crate) held_back: bool,
    /// One arrived and found no room.
    pub(crate) hold_back_full: bool,
    /// A station took another incarnation.
    pub(crate) renewed: bool,
    /// An event arrived again.
    pub(crate) duplicate: bool,
    /// A station was asked to ship again.
    pub(crate) resent: bool,
    /// A crash took writes that were not durable.
    pub(crate) lost_pending: bool,
    /// A crash kept writes that nobody had been told were durable.
    pub(crate) kept_untold: bool,
    /// A retry was minted a second time.
    pub(crate) minted_twice: bool,
}

/// A state. Cheap to copy: a step changes one station, mostly.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// What may happen at all.
    pub(crate) scope: Scope,
    /// The stations, by place.
    pub(crate) stations: Vec<Arc<Station>>,
    /// The sessions of which an end is up, or will be.
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// What the clients know.
    pub(crate) clients: Clients,
    /// What may still happen.
    pub(crate) left: Budget,
    /// Rounds of heartbeats since the last frame was lost.
    pub(crate) beats: u8,
    /// The first property that did not hold.
    pub(crate) broken: Option<Broken>,
    /// What the last step did. No part of the state.
    pub(crate) happened: Happened,
    /// Stations that this step has changed. No part of the state.
    changed: Vec<Place>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stations.iter().for_each(|station| state.write_u64(station.identity()));
        (&self.sessions, &self.clients, self.left, self.beats, &self.broken).hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        let identities = |world: &Self| world.stations.iter().map(|at| at.identity()).collect::<Vec<_>>();
        let rest = (self.left, self.beats, &self.broken) == (other.left, other.beats, &other.broken);
        identities(self) == identities(other)
            && self.sessions == other.sessions
            && self.clients == other.clients
            && rest
    }
}

impl World {
    /// Stations with empty disks. Every pair has met: the first handshakes cannot go wrong in a way that a later one
    /// cannot.
    pub(crate) fn new(scope: Scope) -> Self {
        let budget = Budget { operations: scope.budget.operations, ..Budget::default() };
        let mut world = Self {
            scope,
            stations: Vec::new(),
            sessions: BTreeMap::new(),
            clients: Clients::default(),
            left: budget,
            beats: 0,
            broken: None,
            happened: Happened::default(),
            changed: Vec::new(),
        };
        for place in Place::all(scope.stations) {
            world.stations.push(Arc::new(Station::new(place, scope)));
        }
        Place::all(scope.stations).for_each(|place| world.dial_all(place));
        while let Some((session, side)) = world.first_deliverable() {
            world.deliver(session, side);
        }
        world.left = scope.budget;
        world.settle(true);
        world
    }

    /// The stations' places.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        Place::all(self.scope.stations)
    }

    /// A station.
    pub(crate) fn at(&self, place: Place) -> &Station {
        &self.stations[place.index()]
    }

    /// Says that a property does not hold. The first one counts.
    pub(crate) fn fail(&mut self, property: &'static str, text: impl Into<String>) {
        self.broken.get_or_insert_with(|| Broken { property, text: text.into() });
    }

    /// Hands an input to a station and does what it asks for. Its log is read at once.
    ///
    /// Returns why it refused requests.
    pub(crate) fn handle(&mut self, place: Place, input: Input) -> Vec<RequestError> {
        self.changed.push(place);
        let mut refusals = Vec::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let station = Arc::make_mut(&mut self.stations[place.index()]);
            let effects = station.handle(input);
            if let Err(text) = station.invariant() {
                self.fail(INVARIANT, format!("station {place}: {text}"));
            }
            self.perform(place, effects, &mut inputs, &mut refusals);
        }
        refusals
    }

    fn perform(
        &mut self,
        place: Place,
        effects: Vec<Effect>,
        inputs: &mut VecDeque<Input>,
        refusals: &mut Vec<RequestError>,
    ) {
        for effect in effects {
            let station = Arc::make_mut(&mut self.stations[place.index()]);
            match effect {
                Effect::Append(LogRecord::Event { lsn, dot, event, .. }) => {
                    if !station.disk.append(lsn, dot, event) {
                        self.fail(INVARIANT, format!("station {place} leaves a gap before {lsn:?}"));
                    }
                }
                Effect::Sync { upto } => station.disk.begin_sync(upto),
                Effect::ReadLog { session, query } => {
                    let (events, next) = station.disk.read(&query);
                    inputs.push_back(Input::LogRead { session, events, next });
                }
                Effect::Send { session, message } => self.send(place, session, &message),
                Effect::Reply { response: Response::Refused(error), .. } => refusals.push(error),
                Effect::Reply { ticket, token: _, response } => {
                    if let Err((property, text)) = checks::answer(self, place, ticket.number, &response) {
                        self.fail(property, format!("station {place}: {text}"));
                    }
                }
                Effect::Observe(fact) => self.observe(place, fact),
                // It shares the commit of the write that follows, and the disk tells it from that.
                Effect::Append(LogRecord::Incarnation(_)) if self.has_crashed() => {}
                Effect::Close { session, refusal: Refusal::Superseded } => self.close(place, session),
                Effect::Append(_) | Effect::ReplyFromLog { .. } | Effect::Close { .. } => {
                    self.fail(ALARM, format!("station {place}: {effect:?}"));
                }
            }
        }
    }

    /// A later session of the same dialler has taken the place of this one. Its end here is down; the other will
    /// notice.
    fn close(&mut self, place: Place, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.close(session.side(place));
        if session.is_over() {
            self.sessions.remove(&id);
        }
    }

    /// Whether a station has lost power in this history.
    fn has_crashed(&self) -> bool {
        self.left.crashes < self.scope.budget.crashes
    }

    /// Rule 1: whatever a station says of writes, they are durable. A claim also names what its receiver had written
    /// and is on its way to the disk here.
    fn send(&mut self, from: Place, session: SessionId, message: &Message) {
        let disk = &self.at(from).disk;
        let mut durable = disk.dots();
        let said = match message {
            Message::Events(events) => {
                Dots::all(events.iter().map(|event| Dots::of(&event.decode().expect("a valid event").dot)))
            }
            Message::Ack { durable, .. } => Dots::covered_by(durable),
            Message::Welcome(claim) | Message::Hello(Hello { role: Role::Peer(claim), .. }) => {
                let peer = self.sessions.get(&session).map(|open| open.place(open.side(from).other()));
                let pending = disk.pending().iter().filter(|stored| Some(stored.origin) == peer);
                durable = durable.and(Dots::all(pending.map(|stored| stored.dot)));
                Dots::covered_by(&claim.durable)
            }
            _ => Dots::NONE,
        };
        if !durable.contains(said) {
            let text = format!("station {from} tells a peer of {said}, and {durable} is durable");
            self.fail(PUBLISHED, text);
        }
        if let Some(open) = self.sessions.get_mut(&session) {
            open.send(open.side(from), message);
        }
    }

    fn observe(&mut self, place: Place, fact: Fact) {
        match fact {
            Fact::HeldBack { .. } => self.happened.held_back = true,
            Fact::Duplicate { .. } => self.happened.duplicate = true,
            Fact::Resending { .. } => self.happened.resent = true,
            Fact::HoldBackFull { .. } => self.happened.hold_back_full = true,
            Fact::NewIncarnation { .. } if self.has_crashed() => self.happened.renewed = true,
            Fact::Minted { .. }
            | Fact::CopiesDecided { .. }
            | Fact::Applied(_)
            | Fact::ConflictOpened(_)
            | Fact::ConflictClosed { .. }
            | Fact::LinkUp { .. }
            | Fact::LinkDown { .. } => {}
            alarm => self.fail(ALARM, format!("station {place}: {alarm:?}")),
        }
    }

    /// Dials every other station.
    pub(crate) fn dial_all(&mut self, dialler: Place) {
        self.places().filter(|peer| *peer != dialler).for_each(|peer| self.dial(dialler, peer));
    }

    /// Dials. An id is taken again once neither end knows its session: nothing is left of it by then.
    pub(crate) fn dial(&mut self, dialler: Place, acceptor: Place) {
        let mut ids = Session::ids(dialler, acceptor);
        let id = ids.find(|id| !self.sessions.contains_key(id)).expect("few sessions at once");
        self.sessions.insert(id, Session::new(dialler, acceptor));
        let opener = Opener::Dialled(acceptor.name());
        self.handle(dialler, Input::SessionUp { session: id, opener });
    }

    fn first_deliverable(&self) -> Option<(SessionId, Side)> {
        let mut both = self.sessions.iter().flat_map(|(id, session)| {
            [Side::Dialler, Side::Acceptor].into_iter().map(move |side| (*id, session, side))
        });
        both.find(|(_, session, side)| session.has_next(*side)).map(|(id, _, side)| (id, side))
    }

    /// The next frame of a session arrives at one end.
    pub(crate) fn deliver(&mut self, id: SessionId, to: Side) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (place, Some(message)) = (session.place(to), session.take(to)) else { return };
        let input = match message {
            Message::Hello(hello) => {
                session.acceptor_end = End::Up;
                let Role::Peer(claim) = hello.role else {
                    return self.fail(ALARM, "a station says that it is a client");
                };
                let opener = Opener::Peer { cluster: hello.cluster, claim };
                Input::SessionUp { session: id, opener }
            }
            message => Input::Frame { session: id, message },
        };
        self.refuse_nothing(place, input);
    }

    /// For inputs that are no request.
    pub(crate) fn refuse_nothing(&mut self, place: Place, input: Input) {
        if let Some(error) = self.handle(place, input).first() {
            self.fail(ANSWERED, format!("station {place} refuses out of the blue: {error}"));
        }
    }

    /// Acks that arrive with the step that caused them.
    pub(crate) fn deliver_acks(&mut self) {
        let due = |world: &Self| {
            let mut sessions = world.sessions.iter();
            sessions.find(|(_, session)| session.has_ack_next()).map(|(id, _)| *id)
        };
        while let (Acks::AtOnce, Some(id)) = (self.scope.acks, due(self)) {
            self.deliver(id, Side::Dialler);
        }
    }

    /// Whether nothing is on its way, nothing is being written, and every pair is connected both ways.
    pub(crate) fn is_silent(&self) -> bool {
        let disks_idle = self.stations.iter().all(|station| station.disk.syncs() == 0);
        disks_idle && self.sessions.values().all(Session::is_idle)
    }

    /// The step has ended: looks at every station that it changed, or at all of them.
    pub(crate) fn settle(&mut self, all: bool) {
        let writes_follow = self.left.operations > 0;
        let changed = std::mem::take(&mut self.changed);
        for place in self.places().filter(|place| all || changed.contains(place)) {
            Arc::make_mut(&mut self.stations[place.index()]).settle(writes_follow);
            if let Err((property, text)) = checks::station(self, place) {
                self.fail(property, text);
            }
        }
        if let Err((property, text)) = checks::cluster(self) {
            self.fail(property, text);
        }
    }
}
