//! Everything that can happen next, and how it happens.

use std::sync::Arc;

use clock_core::replica::{Input, SessionId, Ticket};
use clock_core::wire::message::Message;
use clock_core::wire::{Copies, Terms};

use super::checks::{self, ANSWERED, INVARIANT};
use super::clients::{NOTHING, Sent, What};
use super::dots::{Dots, Place};
use super::session::{End, Session, Side, shown};
use super::station::{CLIENT, Station};
use super::world::World;

/// One step of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// A client asks a station for a new write.
    Ask(Place, What),
    /// A client asks a station for a write that was asked for before, there or elsewhere.
    Retry(Place, u8),
    /// A disk ends this many syncs at once.
    Sync(Place, usize),
    /// The next frame of a session arrives at one end.
    Deliver(SessionId, Side),
    /// One end of a session goes down. A dialler without another one dials again at once.
    HangUp(SessionId, Side),
    /// A station loses power after this many syncs that it was not told of, starts again, and dials.
    Crash(Place, usize),
    /// A station dials a peer although it has a session to it.
    DialAgain(Place, Place),
    /// The next frame of a session, one of events, vanishes.
    Lose(SessionId),
    /// A station's deadline has come: heartbeats.
    Tick(Place),
    /// All is silent after a loss, and every station's deadline has come.
    TickAll,
}

/// What a request is to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A new write with this context.
    Write(Dots),
    /// The answer of an earlier one, now or when it is durable.
    Known,
    /// A refusal.
    Refusal,
}

impl World {
    /// All that can happen next.
    pub(crate) fn actions(&self, actions: &mut Vec<Action>) {
        if self.broken.is_some() {
            return;
        }
        self.places().for_each(|place| self.actions_at(place, actions));
        for (id, session) in &self.sessions {
            for side in [Side::Acceptor, Side::Dialler] {
                if session.has_next(side) {
                    actions.push(Action::Deliver(*id, side));
                }
                let may_break = session.end(side.other()) == End::Down || self.left.cuts > 0;
                if session.end(side) == End::Up && may_break || self.never_greeted(*id, side) {
                    actions.push(Action::HangUp(*id, side));
                }
            }
            let vanishes = self.left.losses > 0 && session.acceptor_end == End::Up;
            if vanishes && matches!(session.next(Side::Acceptor), Some(Message::Events(_))) {
                actions.push(Action::Lose(*id));
            }
            if self.left.seconds > 0 && session.dialler_end == End::Up {
                actions.push(Action::DialAgain(session.dialler, session.acceptor));
            }
        }
        if self.is_silent() && checks::awaits_beats(self) {
            actions.push(Action::TickAll);
        }
    }

    fn actions_at(&self, place: Place, actions: &mut Vec<Action>) {
        if self.left.operations > 0 {
            actions.extend(self.wishes(place).into_iter().map(|what| Action::Ask(place, what)));
            actions.extend(self.clients.asked.keys().map(|number| Action::Retry(place, *number)));
        }
        let syncs = self.at(place).disk.syncs();
        actions.extend((syncs > 0).then_some(Action::Sync(place, 1)));
        actions.extend((syncs > 1).then_some(Action::Sync(place, syncs)));
        if self.left.crashes > 0 {
            actions.extend((0..=syncs).map(|kept| Action::Crash(place, kept)));
        }
        actions.extend((self.left.ticks > 0).then_some(Action::Tick(place)));
    }

    /// Whether a hello of a dialler that is gone has not arrived, and never may.
    fn never_greeted(&self, id: SessionId, side: Side) -> bool {
        let session = &self.sessions[&id];
        side == Side::Acceptor && session.acceptor_end == End::Waiting && session.dialler_end == End::Down
    }

    /// What a client may ask for: a write after, beside, or instead of any versions that any station shows or has
    /// shown. Requests that cannot differ from one already listed are left out.
    fn wishes(&self, place: Place) -> Vec<What> {
        let view = self.view_of(place);
        let mut wishes = vec![What::After];
        wishes.extend(self.scope.deletes.then_some(What::Delete));
        if !view.is_empty() {
            wishes.push(What::Beside);
        }
        let known = Dots::all(self.stations.iter().map(|station| station.disk.dots()));
        wishes.extend(known.subsets().filter(|dots| *dots != view).map(What::Instead));
        let has_conflict = self.at(place).view.as_ref().is_some_and(|view| view.conflict.is_some());
        if has_conflict {
            wishes.push(What::Resolve(checks::siblings(self, self.at(place).disk.durable())));
        }
        wishes
    }

    /// What a station knows of the key: what it shows, and its own writes on their way to the disk.
    fn view_of(&self, place: Place) -> Dots {
        let disk = &self.at(place).disk;
        let own = disk.pending().iter().filter(|stored| stored.origin == place);
        checks::siblings(self, disk.durable().iter().chain(own))
    }

    /// The next state.
    pub(crate) fn step(&mut self, action: Action) -> Follows {
        self.happened = Default::default();
        let mut follows = Follows::Something;
        match action {
            Action::Ask(place, what) => {
                let body = self.body_of(place, what);
                let number = self.clients.ask(place, what, body);
                follows = self.ask(place, number);
            }
            Action::Retry(place, number) => follows = self.ask(place, number),
            Action::Sync(place, count) => {
                let station = Arc::make_mut(&mut self.stations[place.index()]);
                let upto = station.disk.end_syncs(count);
                self.refuse_nothing(place, Input::Synced { upto });
            }
            Action::Deliver(session, side) => self.deliver(session, side),
            Action::HangUp(session, side) => self.hang_up(session, side),
            Action::Crash(place, kept) => self.crash(place, kept),
            Action::DialAgain(dialler, acceptor) => {
                self.left.seconds -= 1;
                self.dial(dialler, acceptor);
            }
            Action::Lose(session) => {
                self.left.losses -= 1;
                self.beats = 0;
                self.sessions.get_mut(&session).and_then(|session| session.take(Side::Acceptor));
            }
            Action::Tick(place) => {
                self.left.ticks -= 1;
                self.refuse_nothing(place, Input::Tick);
            }
            Action::TickAll => {
                self.beats += 1;
                self.places().for_each(|place| self.refuse_nothing(place, Input::Tick));
            }
        }
        self.deliver_acks();
        self.settle(matches!(action, Action::Ask(..) | Action::Retry(..)) && self.left.operations == 0);
        follows
    }

    /// A resolution takes over the value of a version.
    fn body_of(&self, place: Place, what: What) -> Option<u8> {
        let siblings = match what {
            What::Delete => return Some(NOTHING),
            What::Resolve(siblings) => siblings,
            _ => return None,
        };
        let taken = siblings.each().last()?;
        let stored = self.at(place).disk.durable().iter().find(|stored| stored.dot == taken)?;
        Some(self.clients.asked[&stored.request].body)
    }

    fn expected(&self, place: Place, number: u8) -> Expected {
        let disk = &self.at(place).disk;
        if disk.records().iter().any(|stored| stored.request == number) {
            return Expected::Known;
        }
        let siblings = checks::siblings(self, disk.durable());
        let has_conflict = self.at(place).view.as_ref().is_some_and(|view| view.conflict.is_some());
        match self.clients.asked[&number].what {
            What::After => Expected::Write(self.view_of(place)),
            What::Delete if self.view_of(place).is_empty() => Expected::Refusal,
            What::Delete => Expected::Write(self.view_of(place)),
            What::Beside => Expected::Write(Dots::NONE),
            What::Instead(dots) if disk.dots().contains(dots) => Expected::Write(dots),
            What::Resolve(dots) if dots == siblings && has_conflict => Expected::Write(dots),
            What::Instead(_) | What::Resolve(_) => Expected::Refusal,
        }
    }

    /// Asks, and compares what comes of it with what was expected. A refusal and an answer to what was known change
    /// nothing, and nothing follows from them.
    fn ask(&mut self, place: Place, number: u8) -> Follows {
        self.left.operations -= 1;
        let expected = self.expected(place, number);
        let disk = &self.at(place).disk;
        let own = disk.pending().iter().filter(|stored| stored.origin == place);
        let past = disk.dots().and(Dots::all(own.map(|stored| stored.dot)));
        let (had, was_told) = (disk.records().len(), self.clients.asked[&number].answered);
        self.happened.minted_twice = self.clients.sent.keys().any(|(_, request)| *request == number);
        if let Expected::Write(context) = expected {
            self.clients.sent.insert((place, number), Sent { context, past });
        }
        let ticket = Ticket { session: CLIENT, number: u64::from(number) };
        let request = self.clients.request(number);
        let terms = Terms { copies: Copies::Count(self.scope.copies), ..Terms::default() };
        let refusals = self.handle(place, Input::Client { ticket, terms, request });
        self.judge(place, number, had, (expected, refusals.len()));
        let station = self.at(place);
        let is_own =
            station.disk.records().iter().any(|stored| stored.request == number && stored.origin == place);
        let is_durable = station.disk.durable().iter().any(|stored| stored.request == number);
        let changes_nothing = match expected {
            Expected::Write(_) => false,
            Expected::Known => is_own && !is_durable || is_durable && was_told,
            Expected::Refusal => true,
        };
        self.happened.minted_twice &= matches!(expected, Expected::Write(_));
        if changes_nothing && self.broken.is_none() { Follows::Nothing } else { Follows::Something }
    }

    fn judge(&mut self, place: Place, number: u8, had: usize, (expected, refusals): (Expected, usize)) {
        let new = &self.at(place).disk.records()[had..];
        let mints = new.len() == 1 && new[0].request == number && new[0].origin == place;
        let as_expected = match expected {
            Expected::Write(_) => mints && refusals == 0,
            Expected::Known => new.is_empty() && refusals == 0,
            Expected::Refusal => new.is_empty() && refusals == 1,
        };
        if !as_expected {
            let text = format!("{expected:?}, and got {} writes and {refusals} refusals", new.len());
            self.fail(ANSWERED, format!("request {number} at station {place} was to be {text}"));
        }
    }

    fn hang_up(&mut self, id: SessionId, side: Side) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let is_first = session.dialler_end != End::Down && session.acceptor_end != End::Down;
        let (place, peer, was) = (session.place(side), session.acceptor, session.end(side));
        session.close(side);
        let is_over = session.is_over();
        self.left.cuts -= u8::from(is_first);
        if was == End::Up {
            self.refuse_nothing(place, Input::SessionDown { session: id });
        }
        if is_over {
            self.sessions.remove(&id);
        }
        if side == Side::Dialler && !self.has_dialled(place, peer) {
            self.dial(place, peer);
        }
    }

    fn has_dialled(&self, dialler: Place, acceptor: Place) -> bool {
        let of_pair = |session: &Session| (session.dialler, session.acceptor) == (dialler, acceptor);
        self.sessions.values().any(|session| of_pair(session) && session.dialler_end == End::Up)
    }

    /// What was not durable is gone, and so are the writes of clients that nobody else can have. What the station
    /// had sent may still arrive.
    fn crash(&mut self, place: Place, kept: usize) {
        self.left.crashes -= 1;
        let mut disk = self.at(place).disk.clone();
        let pending = disk.pending().len();
        disk.crash(kept);
        self.happened.kept_untold = kept > 0;
        self.happened.lost_pending = kept == 0 && pending > 0;
        let survives = |request: u8| {
            disk.durable().iter().any(|stored| stored.origin == place && stored.request == request)
        };
        self.clients.sent.retain(|(origin, request), _| *origin != place || survives(*request));
        for session in self.sessions.values_mut().filter(|at| at.dialler == place || at.acceptor == place) {
            session.close(session.side(place));
        }
        self.sessions.retain(|_, session| !session.is_over());
        self.stations[place.index()] = Arc::new(Station::restart(place, self.scope, disk));
        if let Err(text) = self.at(place).invariant() {
            self.fail(INVARIANT, format!("station {place} after its restart: {text}"));
        }
        self.dial_all(place);
    }

    /// An action in words, in the state in which it is taken.
    pub(crate) fn shown(&self, action: Action) -> String {
        let ends = |id: &SessionId| self.sessions.get(id).map(|session| (session.dialler, session.acceptor));
        let link = |id: &SessionId| ends(id).map_or_else(String::new, |(from, to)| format!("{from}->{to}"));
        match action {
            Action::Ask(place, What::After) => format!("put at {place}, after what it shows"),
            Action::Ask(place, What::Delete) => format!("delete at {place}, after what it shows"),
            Action::Ask(place, What::Beside) => format!("put at {place}, blind"),
            Action::Ask(place, What::Instead(dots)) => format!("put at {place}, instead of {dots}"),
            Action::Ask(place, What::Resolve(dots)) => format!("resolve at {place} the conflict of {dots}"),
            Action::Retry(place, number) => format!("retry request {number} at {place}"),
            Action::Sync(place, count) => format!("the disk of {place} ends {count} syncs"),
            Action::Deliver(id, side) => {
                let message = self.sessions.get(&id).and_then(|session| session.next(side));
                let message = message.as_ref().map_or_else(String::new, shown);
                format!("session {} of {}: {side:?} hears {message}", id.0, link(&id))
            }
            Action::HangUp(id, side) => format!("session {} of {}: {side:?} hangs up", id.0, link(&id)),
            Action::Crash(place, kept) => format!("{place} crashes after {kept} untold syncs, and restarts"),
            Action::DialAgain(from, to) => format!("{from} dials {to} a second time"),
            Action::Lose(id) => format!("session {} of {}: events vanish", id.0, link(&id)),
            Action::Tick(place) => format!("{place} sends heartbeats"),
            Action::TickAll => "all send heartbeats".to_owned(),
        }
    }
}

/// Whether an action leads anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follows {
    /// A state.
    Something,
    /// It was judged and changed nothing.
    Nothing,
}
