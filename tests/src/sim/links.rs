//! Links and the sessions over them, as TCP has them: in order, until they break, and then only a prefix arrived.
//!
//! A blocked link holds what is on its way; a session over it is silent until somebody gives up. What a fault proxy
//! does to whole frames within a session (losing, repeating, swapping) is done when they are sent.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use clock_core::replica::{Input, Opener, SessionId};
use clock_core::wire::frame;
use clock_core::wire::message::{Message, Refusal, Role};

use super::tamper::{Tampered, Tampering, tamper};
use super::twin_bug::TwinBug;
use super::world::{Event, World};
use crate::history::Phase;

/// A session that says nothing for so long is closed.
const IDLE_US: u64 = 10_000_000;
/// A dial that has come to nothing by then is given up.
const CONNECT_US: u64 = 3_000_000;
/// A hello that has no welcome by then is given up.
const HANDSHAKE_US: u64 = 5_000_000;
/// Frames of sessions that are up and running: events, heartbeats, acks.
const RUNNING: std::ops::RangeInclusive<u8> = 4..=6;
/// Where a frame says what it is.
const KIND_AT: usize = 7;

/// One direction between two stations.
#[derive(Debug)]
pub(super) struct Link {
    /// So many blocks lie over it.
    pub(super) blocks: u32,
    /// What is to be done to the next frame.
    pub(super) tampering: Option<Tampering>,
    rng: fastrand::Rng,
}

/// Which way along a session, seen from who dialled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// To the station that was dialled.
    There,
    /// To the one that dialled.
    Back,
}

/// One session.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) dialler: usize,
    pub(super) acceptor: usize,
    pub(super) there: Pipe,
    pub(super) back: Pipe,
    /// The acceptor has had its hello.
    pub(super) greeted: bool,
    /// The dialler has had its welcome.
    pub(super) welcomed: bool,
    /// A second one beside another: nobody dials again when it ends.
    twin: bool,
    begun_us: u64,
}

/// One direction of a session, and the end at which it arrives.
#[derive(Debug)]
pub(super) struct Pipe {
    queue: VecDeque<Item>,
    /// Items whose time came while the link was blocked.
    stalled: usize,
    last_arrival_us: u64,
    /// The end that reads it is open.
    open: bool,
    heard_us: u64,
}

#[derive(Debug)]
enum Item {
    Frame(Bytes, Tampered),
    End,
}

impl Link {
    pub(super) fn new(rng: fastrand::Rng) -> Self {
        Self { blocks: 0, tampering: None, rng }
    }
}

impl Way {
    fn other(self) -> Self {
        match self {
            Self::There => Self::Back,
            Self::Back => Self::There,
        }
    }
}

impl Pipe {
    fn new(now_us: u64) -> Self {
        Self { queue: VecDeque::new(), stalled: 0, last_arrival_us: now_us, open: true, heard_us: now_us }
    }
}

impl Connection {
    fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::There => &mut self.there,
            Way::Back => &mut self.back,
        }
    }

    /// Sender and receiver of one direction.
    pub(super) fn ends(&self, way: Way) -> (usize, usize) {
        match way {
            Way::There => (self.dialler, self.acceptor),
            Way::Back => (self.acceptor, self.dialler),
        }
    }

    /// Which direction this station reads.
    fn read_by(&self, station: usize) -> Way {
        if station == self.acceptor { Way::There } else { Way::Back }
    }

    /// Whether the replica at this end knows of the session.
    fn announced(&self, way: Way) -> bool {
        way == Way::Back || self.greeted
    }
}

impl World<'_> {
    fn is_blocked(&self, from: usize, to: usize) -> bool {
        self.links.get(&(from, to)).is_some_and(|link| link.blocks > 0)
    }

    fn delay(&mut self, from: usize, to: usize) -> u64 {
        let spread = self.plan.network.delay;
        self.links.get_mut(&(from, to)).map_or(0, |link| spread.draw(&mut link.rng))
    }

    pub(super) fn dial(&mut self, from: usize, to: usize, boot: u32, twin: bool) {
        if !self.runs(from, boot) {
            return;
        }
        if let Some(until) = self.paused(from) {
            return self.heap.at(until, Event::Dial { from, to, boot, twin });
        }
        match self.is_blocked(from, to) || self.is_blocked(to, from) {
            true => self.heap.after(CONNECT_US, Event::DialFailed { from, to, boot, twin }),
            false => {
                let round_trip = self.delay(from, to) + self.delay(to, from);
                self.heap.after(round_trip, Event::Connected { from, to, boot, twin });
            }
        }
    }

    pub(super) fn connected(&mut self, from: usize, to: usize, boot: u32, twin: bool) {
        if !self.runs(from, boot) {
            return;
        }
        if self.stations[to].process.is_none() {
            return self.redial(from, to, boot, twin);
        }
        if self.is_blocked(from, to) || self.is_blocked(to, from) {
            return self.heap.after(CONNECT_US, Event::DialFailed { from, to, boot, twin });
        }
        let now_us = self.heap.now_us();
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let connection = Connection {
            dialler: from,
            acceptor: to,
            there: Pipe::new(now_us),
            back: Pipe::new(now_us),
            greeted: false,
            welcomed: false,
            twin,
            begun_us: now_us,
        };
        self.connections.insert(session, connection);
        self.counters.sessions += 1;
        self.heap.after(HANDSHAKE_US, Event::Unanswered { session });
        for way in [Way::There, Way::Back] {
            self.heap.after(IDLE_US, Event::Silent { session, way });
        }
        let opener = Opener::Dialled(self.id(to));
        self.handle(from, Input::SessionUp { session, opener });
    }

    /// Dials again after the delay that is due; the next one is twice as long. A process dials each peer in one loop
    /// only: for a twin there is none.
    pub(super) fn redial(&mut self, from: usize, to: usize, boot: u32, twin: bool) {
        if twin || !self.runs(from, boot) || self.options.twin_bug == Some(TwinBug::NeverRedials) {
            return;
        }
        let longest = self.plan.network.reconnect_longest_us;
        let at = &mut self.stations[from];
        let delay = at.delays[to];
        at.delays[to] = delay.saturating_mul(2).min(longest);
        let varied = delay.saturating_mul(at.rng.u64(800..=1200)) / 1000;
        self.heap.after(varied, Event::Dial { from, to, boot, twin: false });
    }

    /// Puts a message on its way.
    pub(super) fn send(&mut self, from: usize, session: SessionId, message: &Message) {
        // The session has ended at this end, or never was one of stations.
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let way = connection.read_by(from).other();
        if !connection.pipe(way.other()).open {
            return;
        }
        let Ok(bytes) = message.to_frame() else {
            return self.broken(from, format!("a message fits no frame: {message:?}"));
        };
        if matches!(message, Message::Events(_)) {
            self.events_shipped_bytes += bytes.len() as u64;
        }
        self.transmit(session, way, bytes);
    }

    /// A frame goes into a pipe, as it is or as a proxy makes it.
    fn transmit(&mut self, session: SessionId, way: Way, bytes: Bytes) {
        let Some(connection) = self.connections.get(&session) else { return };
        let network = &self.plan.network;
        let Some(link) = self.links.get_mut(&connection.ends(way)) else { return };
        let tampered = link.tampering.and_then(|tampering| tamper(&bytes, tampering));
        let (bytes, tampered) = match tampered {
            Some(tampered) => {
                link.tampering = None;
                self.counters.frames_tampered += 1;
                tampered
            }
            None => (bytes, Tampered::Not),
        };
        let may_be_treated =
            self.phase == Phase::Safety && bytes.get(KIND_AT).is_some_and(|kind| RUNNING.contains(kind));
        let mut chance = |per_mille: u32| may_be_treated && per_mille > 0 && link.rng.u32(..1000) < per_mille;
        let (loses, repeats, swaps) = (
            chance(network.lose_per_mille),
            chance(network.repeat_per_mille),
            chance(network.swap_per_mille),
        );
        if loses {
            self.counters.frames_lost += 1;
            return;
        }
        if repeats {
            self.counters.frames_repeated += 1;
            self.put(session, way, Item::Frame(bytes.clone(), tampered.clone()));
        }
        self.put(session, way, Item::Frame(bytes, tampered));
        if swaps && let Some(connection) = self.connections.get_mut(&session) {
            self.counters.frames_swapped += u64::from(swap_last(&mut connection.pipe(way).queue));
        }
    }

    fn put(&mut self, session: SessionId, way: Way, item: Item) {
        let Some(connection) = self.connections.get(&session) else { return };
        let (from, to) = connection.ends(way);
        let delay = self.delay(from, to);
        let size = match &item {
            Item::Frame(bytes, _) => bytes.len() as u64,
            Item::End => 0,
        };
        let takes = size.saturating_mul(1_000_000).checked_div(self.plan.network.bytes_per_second);
        let now_us = self.heap.now_us();
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let pipe = connection.pipe(way);
        let arrival_us = (now_us + delay).max(pipe.last_arrival_us) + takes.unwrap_or(0);
        pipe.last_arrival_us = arrival_us;
        pipe.queue.push_back(item);
        self.heap.at(arrival_us, Event::Arrive { session, way });
    }

    /// The time of a pipe's next item has come.
    pub(super) fn arrive(&mut self, session: SessionId, way: Way) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let (from, to) = connection.ends(way);
        if self.links.get(&(from, to)).is_some_and(|link| link.blocks > 0) {
            connection.pipe(way).stalled += 1;
            return;
        }
        if let Some(until) = self.paused(to) {
            return self.heap.at(until, Event::Arrive { session, way });
        }
        let now_us = self.heap.now_us();
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let pipe = connection.pipe(way);
        pipe.heard_us = now_us;
        // Fewer than were sent: the session broke in between.
        let Some(item) = pipe.queue.pop_front() else { return };
        if !pipe.open {
            return;
        }
        match item {
            Item::End => self.close_end(session, way),
            Item::Frame(bytes, tampered) => self.receive((session, way), to, &bytes, &tampered),
        }
    }

    fn receive(&mut self, (session, way): (SessionId, Way), to: usize, bytes: &Bytes, tampered: &Tampered) {
        let mut buffer = BytesMut::from(bytes.as_ref());
        let cut = frame::cut(&mut buffer, frame::FRAME_BYTES_MAX);
        let message = match cut {
            Ok(Some(frame)) => Message::from_frame(&frame).map_err(|error| error.to_string()),
            Ok(None) => Err("cut short".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let message = match (message, tampered) {
            (Ok(message), Tampered::Not | Tampered::Forged(_)) => message,
            (Ok(message), Tampered::Spoilt) => {
                let what = format!("took a frame that was spoilt on its way as {message:?}");
                return self.broken(to, what);
            }
            (Err(error), _) => {
                self.counters.frames_refused += 1;
                return self.say_and_close(session, way, Refusal::Protocol(error));
            }
        };
        self.note_frame(session, bytes);
        self.counters.frames += 1;
        self.awaited_alarm = match tampered {
            Tampered::Forged(dot) => Some(dot.clone()),
            _ => None,
        };
        self.hear(session, way, to, message);
        self.check_alarm((session, way), to);
    }

    /// A second content of a dot was delivered: the station has to say so, unless it ended the session over it.
    fn check_alarm(&mut self, (session, way): (SessionId, Way), to: usize) {
        let Some(dot) = self.awaited_alarm.take() else { return };
        let is_up = self.connections.get_mut(&session).is_some_and(|connection| connection.pipe(way).open);
        let has_it = self.stations[to].disk.is_sound(&dot)
            || self.stations[to].process.as_ref().is_some_and(|process| process.has_staged(&dot));
        if is_up && has_it {
            self.broken(to, format!("said nothing of a second content of {dot}"));
        }
    }

    fn hear(&mut self, session: SessionId, way: Way, to: usize, message: Message) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let input = match message {
            Message::Refused(_) => return self.close_end(session, way),
            Message::Hello(hello) if way == Way::There && !connection.greeted => {
                let Role::Peer(claim) = hello.role else { return self.close_end(session, way) };
                connection.greeted = true;
                Input::SessionUp { session, opener: Opener::Peer { cluster: hello.cluster, claim } }
            }
            _ if way == Way::There && !connection.greeted => {
                return self.say_and_close(session, way, Refusal::Protocol("no hello".to_owned()));
            }
            message => {
                connection.welcomed |= way == Way::Back && matches!(message, Message::Welcome(_));
                Input::Frame { session, message }
            }
        };
        self.handle(to, input);
    }

    /// The shell of the end that reads this direction says why and closes.
    fn say_and_close(&mut self, session: SessionId, way: Way, refusal: Refusal) {
        if let Ok(bytes) = Message::Refused(refusal).to_frame() {
            self.put(session, way.other(), Item::Frame(bytes, Tampered::Not));
        }
        self.close_end(session, way);
    }

    /// The replica of a station wants a session closed.
    pub(super) fn refuse(&mut self, station: usize, session: SessionId, refusal: Refusal) {
        self.counters.refusals += 1;
        let Some(connection) = self.connections.get(&session) else { return };
        let way = connection.read_by(station);
        self.say_and_close(session, way, refusal);
    }

    /// The end that reads this direction closes: the other one hears of it behind what is on its way.
    fn close_end(&mut self, session: SessionId, way: Way) {
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let was_open = std::mem::replace(&mut connection.pipe(way).open, false);
        if !was_open {
            return;
        }
        let (_, station) = connection.ends(way);
        let announced = connection.announced(way);
        let other_open = connection.pipe(way.other()).open;
        let (acceptor, twin) = (connection.acceptor, connection.twin);
        if way == Way::Back {
            self.note_held(session);
        }
        match other_open {
            true => self.put(session, way.other(), Item::End),
            false => drop(self.connections.remove(&session)),
        }
        if announced {
            self.handle(station, Input::SessionDown { session });
        }
        if way == Way::Back {
            let boot = self.stations[station].boot;
            self.redial(station, acceptor, boot, twin);
        }
    }

    /// A session that was accepted and has lasted starts the delays over.
    fn note_held(&mut self, session: SessionId) {
        let Some(connection) = self.connections.get(&session) else { return };
        let first = self.plan.network.reconnect_first_us;
        let lasted = self.heap.now_us() - connection.begun_us;
        if connection.welcomed && lasted >= first.saturating_mul(5) {
            self.stations[connection.dialler].delays[connection.acceptor] = first;
        }
    }

    pub(super) fn check_silence(&mut self, session: SessionId, way: Way) {
        let now_us = self.heap.now_us();
        let Some(connection) = self.connections.get_mut(&session) else { return };
        let (_, reader) = connection.ends(way);
        let pipe = connection.pipe(way);
        if !pipe.open || self.options.twin_bug == Some(TwinBug::SilenceIgnored) {
            return;
        }
        let silent_at = self.stations[reader].paused_until.max(pipe.heard_us + IDLE_US);
        match silent_at > now_us {
            true => self.heap.at(silent_at, Event::Silent { session, way }),
            false => {
                self.counters.silences += 1;
                self.close_end(session, way);
            }
        }
    }

    pub(super) fn check_welcome(&mut self, session: SessionId) {
        if self.connections.get(&session).is_some_and(|connection| !connection.welcomed) {
            self.close_end(session, Way::Back);
        }
    }

    /// A process is gone: of what it had sent, a prefix still arrives, then the end of the session.
    pub(super) fn break_connections_of(&mut self, station: usize) {
        let of = |connection: &Connection| connection.dialler == station || connection.acceptor == station;
        let broken: Vec<SessionId> =
            self.connections.iter().filter(|(_, connection)| of(connection)).map(|(id, _)| *id).collect();
        for session in broken {
            let delivered = self.rng.u8(..);
            self.truncate(session, Some(station), usize::from(delivered));
        }
    }

    /// Breaks a session: of what is on its way, at most so many frames still arrive. The end at `gone` is closed without
    /// a word to its replica, which is gone too.
    pub(super) fn truncate(&mut self, session: SessionId, gone: Option<usize>, delivered: usize) {
        for way in [Way::There, Way::Back] {
            let Some(connection) = self.connections.get_mut(&session) else { return };
            let (_, reader) = connection.ends(way);
            let (from, to) = connection.ends(way);
            let pipe = connection.pipe(way);
            pipe.queue.truncate(delivered);
            // Nothing tells the end beyond a blocked link that the other one is gone: it has to notice by itself.
            let is_unheard =
                gone == Some(from) && self.links.get(&(from, to)).is_some_and(|link| link.blocks > 0);
            if is_unheard {
                pipe.queue.clear();
            } else if gone == Some(reader) {
                pipe.open = false;
            } else if pipe.open {
                self.put(session, way, Item::End);
            }
        }
        if let Some(connection) = self.connections.get(&session)
            && !connection.there.open
            && !connection.back.open
        {
            self.connections.remove(&session);
        }
    }

    /// What was stalled on a link goes on.
    pub(super) fn release(&mut self, from: usize, to: usize) {
        let mut released = Vec::new();
        for (session, connection) in &mut self.connections {
            for way in [Way::There, Way::Back] {
                if connection.ends(way) == (from, to) {
                    released.push((*session, way, std::mem::take(&mut connection.pipe(way).stalled)));
                }
            }
        }
        for (session, way, stalled) in released {
            let later = if stalled > 0 { self.delay(from, to) } else { 0 };
            (0..stalled).for_each(|_| self.heap.after(later, Event::Arrive { session, way }));
        }
    }

    /// The sessions over a link, whoever dialled them.
    pub(super) fn sessions_over(&self, from: usize, to: usize) -> Vec<SessionId> {
        let over = |connection: &Connection| {
            let ends = connection.ends(Way::There);
            ends == (from, to) || ends == (to, from)
        };
        self.connections.iter().filter(|(_, connection)| over(connection)).map(|(id, _)| *id).collect()
    }
}

/// The last frame overtakes the one before it, if both may.
fn swap_last(queue: &mut VecDeque<Item>) -> bool {
    let movable = |item: Option<&Item>| match item {
        Some(Item::Frame(bytes, _)) => bytes.get(KIND_AT).is_some_and(|kind| RUNNING.contains(kind)),
        _ => false,
    };
    let count = queue.len();
    let may = count >= 2 && movable(queue.get(count - 1)) && movable(queue.get(count - 2));
    if may {
        queue.swap(count - 1, count - 2);
    }
    may
}
