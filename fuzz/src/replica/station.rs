//! The replica under test with its sessions and its disk: hands in one input, and performs what comes back.

use std::collections::{BTreeMap, BTreeSet};

use clock_core::replica::{
    Effect, Fact, Input, LogQuery, LogRecord, Lsn, Mono, Now, Opener, Recovered, Replica, ReplicaConfig,
    SessionId, Ticket,
};
use clock_core::wire::message::{Claim, Message};
use clock_core::wire::{EncodedEvent, Request, RequestError, Response, Terms};
use clock_core::{Dot, MAX_WALL_MS, NodeId, VersionVector, WriteEvent};

use super::disk::Disk;
use super::world::WORLD;
use crate::allocation::Meter;

/// November 2023.
const WALL_MS: u64 = 1_700_000_000_000;
/// A wall that shows more than this was set by somebody who means harm: year 2200.
const WALL_SANE_MS: u64 = 7_258_118_400_000;

/// What became of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Side {
    /// We dialled, and have not been welcomed.
    Dialling(NodeId),
    /// We dialled and ship.
    Dialled(NodeId),
    /// A peer dialled us and ships.
    Inbound(NodeId),
    Client,
    /// Refused, closed or ended: nothing may be heard from it or said to it.
    Gone,
}

/// How often something happened in a sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that became visible.
    pub committed: usize,
    /// Writes that were answered with a receipt.
    pub written: usize,
    /// Writes that were refused.
    pub refused: usize,
    /// Events that were shipped to a peer.
    pub shipped: usize,
    /// Events that had to wait for their past.
    pub held_back: usize,
    /// Second contents of dots.
    pub quarantined: usize,
    /// Times that a peer knew more of the station's own events than the station.
    pub incarnations: usize,
    /// Sessions that were refused or closed.
    pub closed: usize,
    /// Conflicts that were opened.
    pub conflicts: usize,
    /// Conflicts that ended.
    pub resolved: usize,
    /// Timestamps that were refused for the clocks.
    pub timestamps: usize,
    /// Restarts.
    pub crashes: usize,
    /// Batches that were made.
    pub batches: usize,
    /// Receipts of writes that had fewer copies in time than were asked for.
    pub indeterminate: usize,
    /// Questions that were answered from the log.
    pub questions: usize,
}

pub(super) struct Station<'a> {
    meter: &'a Meter,
    input_bytes: usize,
    pub(super) replica: Replica,
    pub(super) disk: Disk,
    pub(super) now: Now,
    /// Whether the wall clock has always shown a time that a clock of ours could show.
    pub(super) is_wall_sane: bool,
    pub(super) sessions: Vec<Side>,
    /// Requests that were heard and not answered.
    pub(super) open: BTreeMap<Ticket, (Terms, Request)>,
    /// Reads that were asked for and not answered.
    pub(super) reads: Vec<(SessionId, LogQuery)>,
    /// Events whose timestamps the clocks refused.
    pub(super) refused_times: BTreeSet<Dot>,
    numbers: u64,
    /// Why the latest write was refused.
    pub(super) last_refusal: Option<RequestError>,
    /// Events that this process has ever held back.
    pub(super) held_back: BTreeSet<Dot>,
    /// A peer has said what stood beside a write: it may have said anything.
    pub(super) was_told_beside: bool,
    /// Peers that may know lost events of an incarnation that was found on disk, and have not told yet.
    pub(super) unheard: BTreeSet<NodeId>,
    /// The latest time that the wall has shown.
    pub(super) wall_max_ms: u64,
    /// Whether anybody can know events of the present incarnation.
    pub(super) has_minted: bool,
    pub(super) tally: Tally,
}

impl<'a> Station<'a> {
    pub(super) fn new(meter: &'a Meter, input_bytes: usize) -> Self {
        let disk = Disk::new();
        let now = Now { mono: Mono(0), wall_ms: WALL_MS };
        let (replica, effects) = recovered(&disk, now, (0, false));
        let mut station = Self {
            meter,
            input_bytes,
            replica,
            disk,
            now,
            is_wall_sane: true,
            sessions: Vec::new(),
            open: BTreeMap::new(),
            reads: Vec::new(),
            refused_times: BTreeSet::new(),
            numbers: 1 << 32,
            last_refusal: None,
            held_back: BTreeSet::new(),
            was_told_beside: false,
            unheard: BTreeSet::new(),
            wall_max_ms: WALL_MS,
            has_minted: true,
            tally: Tally::default(),
        };
        station.perform(&effects);
        station
    }

    /// Hands in one input, holds the effects to what they have to keep, and performs them.
    pub(super) fn hand_in(&mut self, input: Input) -> Vec<Effect> {
        let (meter, now, mut effects) = (self.meter, self.now, Vec::new());
        meter.decode(self.input_bytes, || self.replica.handle(now, input, &mut effects));
        self.perform(&effects);
        effects
    }

    fn perform(&mut self, effects: &[Effect]) {
        effects.iter().for_each(|effect| self.judge(effect));
        assert!(self.disk.is_covered(), "appended without a sync: {effects:?}");
        assert_eq!(self.replica.invariant(), Ok(()), "after {effects:?}");
    }

    /// A session of this number; the one behind the last was never announced.
    pub(super) fn session(&self, byte: u8) -> SessionId {
        SessionId((usize::from(byte) % (self.sessions.len() + 1)) as u64)
    }

    pub(super) fn side(&self, session: SessionId) -> &Side {
        usize::try_from(session.0).ok().and_then(|index| self.sessions.get(index)).unwrap_or(&Side::Gone)
    }

    pub(super) fn set_side(&mut self, session: SessionId, side: Side) {
        if let Some(known) = usize::try_from(session.0).ok().and_then(|index| self.sessions.get_mut(index)) {
            *known = side;
        }
    }

    /// Dials a peer, which says nothing yet.
    pub(super) fn dial(&mut self, peer: NodeId) -> SessionId {
        self.open_session(Side::Dialling(peer.clone()), Opener::Dialled(peer))
    }

    /// A station has dialled us. Refused by the judgement of this function, and by nothing else.
    pub(super) fn take_peer(&mut self, cluster: NodeId, claim: Claim) -> SessionId {
        let is_member = cluster == WORLD.config.cluster && WORLD.config.peers.contains(&claim.replica.node);
        let is_taken = is_member && self.believes(&claim.durable);
        let side = Side::Inbound(claim.replica.node.clone());
        let session = self.open_session(side, Opener::Peer { cluster, claim });
        assert_eq!(*self.side(session) != Side::Gone, is_taken, "who is taken for a peer");
        if is_taken {
            let of_the_same = self.sessions.iter().filter(|side| *side == self.side(session)).count();
            assert_eq!(of_the_same, 1, "an earlier session of the same station goes on");
        }
        session
    }

    pub(super) fn take_client(&mut self, cluster: NodeId) -> SessionId {
        let is_meant = cluster == WORLD.config.cluster;
        let session = self.open_session(Side::Client, Opener::Client { cluster });
        assert_eq!(*self.side(session) == Side::Client, is_meant, "who is taken for a client");
        session
    }

    /// Nobody can know events of an incarnation that has minted none.
    fn believes(&self, claim: &VersionVector) -> bool {
        self.has_minted || claim.upto(self.replica.id()) <= self.disk.upto(self.replica.id())
    }

    fn open_session(&mut self, side: Side, opener: Opener) -> SessionId {
        let session = SessionId(self.sessions.len() as u64);
        self.sessions.push(side);
        let effects = self.hand_in(Input::SessionUp { session, opener });
        if *self.side(session) == Side::Gone {
            assert!(
                matches!(effects[..], [Effect::Close { .. }]),
                "a refused session had effects: {effects:?}"
            );
        }
        session
    }

    /// What a session says. Of one that was never taken in, or is over, nothing comes.
    pub(super) fn hear(&mut self, session: SessionId, message: Message) {
        let is_heard = *self.side(session) != Side::Gone && *self.side(session) != Side::Client;
        if let Message::Welcome(claim) = &message {
            self.note_welcome(session, claim);
        }
        self.was_told_beside |= matches!(message, Message::Beside(_));
        let disputed = self.disputed(&message);
        let effects = self.hand_in(Input::Frame { session, message });
        assert!(is_heard || effects.is_empty(), "a session that is over was heard: {effects:?}");
        if matches!(self.side(session), Side::Inbound(_)) {
            let is_told = |dot: &Dot| {
                let is_it = |fact: &Effect| matches!(fact, Effect::Observe(Fact::Equivocation { dot: told, .. }) if told == dot);
                effects.iter().any(is_it)
            };
            disputed.iter().for_each(|dot| assert!(is_told(dot), "a second content of {dot} was not told"));
        }
    }

    /// A welcome of whom was dialled is that peer's word on what it has.
    fn note_welcome(&mut self, session: SessionId, claim: &Claim) {
        let is_dialled = matches!(
            self.side(session),
            Side::Dialling(peer) | Side::Dialled(peer) if *peer == claim.replica.node
        );
        if is_dialled && self.believes(&claim.durable) {
            self.set_side(session, Side::Dialled(claim.replica.node.clone()));
            self.unheard.remove(&claim.replica.node);
        }
    }

    /// What a message has other bytes of than the log.
    fn disputed(&self, message: &Message) -> Vec<Dot> {
        let Message::Events(events) = message else { return Vec::new() };
        let decoded = events.iter().filter_map(|event| Some((event, event.decode().ok()?.dot)));
        let is_other = |(event, dot): &(&EncodedEvent, Dot)| {
            self.disk.entry(dot).is_some_and(|entry| entry.encoded != **event)
        };
        decoded.filter(is_other).map(|(_, dot)| dot).collect()
    }

    /// The other end is gone.
    pub(super) fn hang_up(&mut self, session: SessionId) {
        let is_over = *self.side(session) == Side::Gone;
        self.set_side(session, Side::Gone);
        let effects = self.hand_in(Input::SessionDown { session });
        assert!(!is_over || effects.is_empty(), "a session ended twice: {effects:?}");
    }

    /// Requests that somebody still waits for.
    pub(super) fn unanswered(&self) -> Vec<&Request> {
        let open = self.open.iter().filter(|(ticket, _)| *self.side(ticket.session) == Side::Client);
        open.map(|(_, (_, request))| request).collect()
    }

    /// A number that no request had.
    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn ask(&mut self, session: SessionId, number: u64, (terms, request): (Terms, Request)) {
        let ticket = Ticket { session, number };
        let is_heard = *self.side(session) == Side::Client;
        if is_heard {
            self.open.insert(ticket, (terms.clone(), request.clone()));
        }
        let effects = self.hand_in(Input::Client { ticket, terms, request });
        assert!(is_heard || effects.is_empty(), "a session that is over was answered: {effects:?}");
        let is_refused = |effect: &Effect| {
            matches!(
                effect,
                Effect::Reply { response: Response::Refused(_) | Response::BatchRefused { .. }, .. }
            )
        };
        let is_stored = |effect: &Effect| matches!(effect, Effect::Append(LogRecord::Event { .. }));
        assert!(
            !effects.iter().any(is_refused) || !effects.iter().any(is_stored),
            "refused, and stored: {effects:?}"
        );
    }

    /// The process ends, power goes, and it starts again.
    pub(super) fn crash(&mut self, may_have_lost_events: bool) {
        self.disk.crash();
        self.sessions.iter_mut().for_each(|side| *side = Side::Gone);
        self.open.clear();
        self.was_told_beside = false;
        self.reads.clear();
        self.held_back.clear();
        self.tally.crashes += 1;
        self.has_minted = true;
        let (replica, effects) =
            recovered(&self.disk, self.now, (self.tally.crashes as u64, may_have_lost_events));
        self.replica = replica;
        self.refuse_again();
        self.unheard.clone_from(&WORLD.config.peers);
        let before = self.tally.incarnations;
        self.perform(&effects);
        let is_new = self.tally.incarnations > before;
        assert!(is_new || !may_have_lost_events, "an incarnation that may have lost events is kept");
    }

    /// A restart judges the stored timestamps of others by the wall clock that it finds: one that came while the wall was
    /// ahead, or that is read while it stands at 1970, does not count for the hybrid clock any more.
    fn refuse_again(&mut self) {
        let wall_ms = self.now.wall_ms;
        let credible = if wall_ms > MAX_WALL_MS { 0 } else { wall_ms + WORLD.config.drift_max_ms };
        let me = self.replica.id();
        let is_refused = |event: &&WriteEvent| event.dot.replica != *me && event.hlc.wall_ms() > credible;
        let refused = self.disk.entries().iter().map(|entry| &entry.event).filter(is_refused);
        self.refused_times.extend(refused.map(|event| event.dot.clone()));
    }

    /// Time goes on; the wall may show anything.
    pub(super) fn pass(&mut self, nanos: u64, wall_ms: u64) {
        self.now = Now { mono: Mono(self.now.mono.0.saturating_add(nanos)), wall_ms };
        self.wall_max_ms = self.wall_max_ms.max(wall_ms);
        self.is_wall_sane &= wall_ms <= WALL_SANE_MS;
        self.hand_in(Input::Tick);
    }
}

/// A start: how many there were before, and whether the store says that it may have lost events.
fn recovered(disk: &Disk, now: Now, (starts, may_have_lost_events): (u64, bool)) -> (Replica, Vec<Effect>) {
    let found = Recovered {
        incarnation: disk.incarnation,
        incarnation_is_fresh: starts == 0,
        may_have_lost_events,
        quarantined: disk.quarantined(),
        last_lsn: disk.last_lsn(),
    };
    let events = disk.entries().iter().enumerate();
    let events = events.map(|(index, entry)| (Lsn(index as u64 + 1), entry.encoded.clone()));
    let config = ReplicaConfig { seed: WORLD.config.seed + starts, ..WORLD.config.clone() };
    Replica::recover(config, now, found, events).expect("a disk of events that can be read")
}
