//! The process around a replica, as `clock-node`'s actor is: it hands in inputs and performs effects in order.
//!
//! A process can end before any single effect: that is where a crash differs from every other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use clock_core::replica::{
    Effect, Fact, Input, LogRecord, Lsn, Mono, Now, Opener, Replica, ReplicaConfig, SessionId, Usage,
};
use clock_core::{Dot, Incarnation, NodeId, ReplicaId};

use super::disk::showable;
use super::plan::DiskFate;
use super::station::{Batch, Crash, Process};
use super::twin_bug::TwinBug;
use super::world::{Event, World};
use crate::history::What;

/// Where clients' requests come from: one session for all of them.
pub(super) const CLIENTS: SessionId = SessionId(0);
/// How long a process that ended by itself stays down, and how long until one that cannot start tries again.
const RESTART_US: u64 = 200_000;

/// The cluster that all of them belong to.
pub(super) fn cluster() -> NodeId {
    "simulated".parse().expect("a valid name")
}

impl World<'_> {
    pub(super) fn now(&mut self, station: usize) -> Now {
        let now_us = self.heap.now_us();
        Now { mono: Mono(now_us.saturating_mul(1000)), wall_ms: self.stations[station].wall.read(now_us) }
    }

    /// Whether a process of this number runs there.
    pub(super) fn runs(&self, station: usize, boot: u32) -> bool {
        self.stations[station].boot == boot && self.stations[station].process.is_some()
    }

    /// If the process does nothing just now: when it goes on.
    pub(super) fn paused(&self, station: usize) -> Option<u64> {
        let until = self.stations[station].paused_until;
        (until > self.heap.now_us()).then_some(until)
    }

    /// Hands an input to a replica and performs what it wants done.
    pub(super) fn handle(&mut self, station: usize, input: Input) {
        let now = self.now(station);
        let mut effects = std::mem::take(&mut self.effects);
        let Some(process) = self.stations[station].process.as_mut() else { return };
        let before = effects.len();
        process.replica.handle(now, input, &mut effects);
        let broken = process.replica.invariant().err();
        self.perform(station, effects.drain(before..).collect());
        self.effects = effects;
        if let Some(what) = broken {
            return self.broken(station, what);
        }
        self.look_at_usage(station);
        self.arm_tick(station);
    }

    pub(super) fn perform(&mut self, station: usize, effects: Vec<Effect>) {
        let boot = self.stations[station].boot;
        for effect in effects {
            if self.crash_is_due(station) || !self.runs(station, boot) {
                return;
            }
            match effect {
                Effect::Append(record) => self.append(station, record),
                Effect::Sync { upto } => self.submit(station, upto),
                Effect::Send { session, message } => self.send(station, session, &message),
                Effect::Reply { ticket, token, response } => {
                    self.answered(station, ticket.number, token.as_ref(), response);
                }
                Effect::ReplyFromLog { ticket, token, question } => {
                    let (later, question) = (self.rng.u64(10..300), Box::new(question));
                    self.heap.after(later, Event::Past { station, boot, op: ticket.number, token, question });
                }
                Effect::ReadLog { session, query } => {
                    let later = self.rng.u64(10..300);
                    self.heap.after(later, Event::Read { station, boot, session, query: Box::new(query) });
                }
                Effect::Close { session, refusal } => self.refuse(station, session, refusal),
                Effect::Observe(fact) => self.note(station, &fact),
            }
        }
    }

    /// Counts down to a planned crash; the effect before which it happens is not performed.
    fn crash_is_due(&mut self, station: usize) -> bool {
        match &mut self.stations[station].crash {
            Some(crash) if crash.after_effects == 0 => {
                self.crash_now(station);
                true
            }
            Some(crash) => {
                crash.after_effects -= 1;
                false
            }
            None => false,
        }
    }

    fn append(&mut self, station: usize, record: LogRecord) {
        let Some(process) = self.stations[station].process.as_mut() else { return };
        if let LogRecord::Event { lsn, dot, .. } = &record {
            process.unshown.push_back((*lsn, dot.clone()));
        }
        process.batch.push(record);
    }

    fn submit(&mut self, station: usize, upto: Lsn) {
        let Some(process) = self.stations[station].process.as_mut() else { return };
        let records = std::mem::take(&mut process.batch);
        process.queue.push_back(Batch { records, upto });
        self.begin_commit(station);
    }

    /// The process hears that all up to here is durable: from now on it shows it.
    pub(super) fn synced(&mut self, station: usize, boot: u32, upto: Lsn) {
        if !self.runs(station, boot) {
            return;
        }
        if let Some(until) = self.paused(station) {
            return self.heap.at(until, Event::Synced { station, boot, upto });
        }
        let Some(process) = self.stations[station].process.as_mut() else { return };
        let mut dots: Vec<Dot> = Vec::new();
        while let Some((_, dot)) = process.unshown.pop_front_if(|(lsn, _)| *lsn <= upto) {
            dots.push(dot);
        }
        if !dots.is_empty() {
            process.show(&dots);
            let id = self.id(station);
            self.line(What::Visible { station: id, dots });
        }
        self.handle(station, Input::Synced { upto });
    }

    pub(super) fn tick(&mut self, station: usize, boot: u32, at_us: u64) {
        if !self.runs(station, boot) {
            return;
        }
        if let Some(until) = self.paused(station) {
            return self.heap.at(until, Event::Tick { station, boot, at_us });
        }
        let Some(process) = self.stations[station].process.as_mut() else { return };
        if process.tick_at == Some(at_us) {
            process.tick_at = None;
            self.handle(station, Input::Tick);
        }
    }

    /// Sets the one timer, if the replica's deadline has moved forward.
    pub(super) fn arm_tick(&mut self, station: usize) {
        if self.options.twin_bug == Some(TwinBug::DeadlineNeverComes) {
            return;
        }
        let now_us = self.heap.now_us();
        let boot = self.stations[station].boot;
        let Some(process) = self.stations[station].process.as_mut() else { return };
        let Some(Mono(deadline)) = process.replica.next_deadline() else { return };
        let at_us = deadline.div_ceil(1000).max(now_us);
        if process.tick_at.is_none_or(|armed| at_us < armed) {
            process.tick_at = Some(at_us);
            self.heap.at(at_us, Event::Tick { station, boot, at_us });
        }
    }

    /// Every bounded resource against its limit, whenever more of it is used than ever before.
    fn look_at_usage(&mut self, station: usize) {
        let Some(process) = self.stations[station].process.as_mut() else { return };
        let (usage, most) = (process.replica.usage(), process.most);
        let sizes = &self.plan.sizes;
        let held = sizes.held_events.max(process.held_by_recovery);
        let gauges = [
            ("events held back", usage.held_events, most.held_events, held),
            ("events in flight to one peer", usage.window_events, most.window_events, sizes.window_events),
            ("requests remembered", usage.requests, most.requests, sizes.requests),
            ("requests that wait for their session", usage.waiting, most.waiting, sizes.waiting),
        ];
        process.most.held_events = usage.held_events.max(most.held_events);
        process.most.window_events = usage.window_events.max(most.window_events);
        process.most.requests = usage.requests.max(most.requests);
        process.most.waiting = usage.waiting.max(most.waiting);
        for (name, now, before, limit) in gauges {
            // Far below its limit nothing is worth a line.
            if now > before && now * 2 > limit {
                self.gauge(station, name, now as u64, limit as u64);
            }
        }
    }

    pub(super) fn gauge(&mut self, station: usize, name: &str, value: u64, limit: u64) {
        let station = self.id(station);
        self.line(What::Gauge { station, name: name.to_owned(), value, limit });
    }

    pub(super) fn broken(&mut self, station: usize, what: String) {
        let station = self.id(station);
        self.line(What::Broken { station, what });
    }

    fn note(&mut self, station: usize, fact: &Fact) {
        if let Fact::Equivocation { dot, from } = fact {
            if self.awaited_alarm.as_ref() == Some(dot) {
                self.awaited_alarm = None;
                self.counters.forgeries_noticed += 1;
                return;
            }
            // Nobody forged it: a dot was used twice.
            return self.broken(station, format!("{from} sent another content of {dot}"));
        }
        let counters = &mut self.counters;
        match fact {
            Fact::Minted { dot, request, ticket } => self.minted(station, dot, *request, ticket.number),
            Fact::Committed { dot, durable_on, .. } => {
                counters.committed_later += 1;
                let (station, dot, durable_on) = (self.id(station), dot.clone(), durable_on.clone());
                self.line(What::Committed { station, dot, durable_on });
            }
            Fact::HeldBack { .. } => counters.held_back += 1,
            Fact::HoldBackFull { .. } => counters.hold_back_full += 1,
            Fact::Duplicate { .. } => counters.duplicates += 1,
            Fact::TimestampRefused { .. } => counters.timestamps_refused += 1,
            Fact::LostOwnEvents { .. } => counters.losses_noticed += 1,
            Fact::NewIncarnation { .. } => counters.new_incarnations += 1,
            Fact::Resending { .. } => counters.resends += 1,
            Fact::Applied(applied) if applied.via.is_some() => counters.relayed_or_shipped += 1,
            _ => {}
        }
    }

    /// Starts a process on what the disk holds.
    pub(super) fn start(&mut self, station: usize) {
        let now_us = self.heap.now_us();
        if self.stations[station].process.is_some() {
            return;
        }
        if self.stations[station].trouble.full_until > now_us {
            return self.heap.after(RESTART_US, Event::Start { station });
        }
        let bug = self.options.twin_bug;
        let at = &mut self.stations[station];
        let fresh = Incarnation(at.rng.u32(..));
        let opened = at.disk.open(fresh, bug);
        self.counters.quarantined += opened.damaged as u64;
        self.counters.torn += u64::from(opened.torn);
        let visible = showable(&opened.events);
        self.counters.stranded += (opened.events.len() - visible.len()) as u64;
        let id = self.id(station);
        let replica = ReplicaId { node: id.clone(), incarnation: opened.recovered.incarnation };
        self.line(What::Started { station: id, replica: Some(replica), visible: visible.clone() });
        let now = self.now(station);
        let recovered = Replica::recover(self.config(station), now, opened.recovered, opened.events);
        match recovered {
            Ok((replica, effects)) => self.run_process(station, replica, &visible, effects),
            Err(error) => self.broken(station, format!("recovery refused the log: {error}")),
        }
    }

    fn config(&mut self, station: usize) -> ReplicaConfig {
        let others = self.stations.iter().enumerate().filter(|(other, _)| *other != station);
        let peers: BTreeSet<NodeId> = others.map(|(_, other)| other.id.clone()).collect();
        let seed = self.stations[station].rng.u64(..);
        let network = &self.plan.network;
        ReplicaConfig {
            relay_delay: Duration::from_micros(network.relay_delay_us),
            heartbeat: Duration::from_micros(network.heartbeat_us),
            limits: self.plan.sizes.limits(),
            ..ReplicaConfig::new(cluster(), self.id(station), peers, seed)
        }
    }

    fn run_process(&mut self, station: usize, replica: Replica, visible: &[Dot], effects: Vec<Effect>) {
        let held = replica.usage().held_events;
        let mut process = Process {
            replica,
            batch: Vec::new(),
            queue: VecDeque::new(),
            committing: None,
            unshown: VecDeque::new(),
            shown: BTreeMap::new(),
            tick_at: None,
            most: Usage::default(),
            held_by_recovery: held,
        };
        process.show(visible);
        self.stations[station].process = Some(process);
        self.perform(station, effects);
        self.handle(
            station,
            Input::SessionUp { session: CLIENTS, opener: Opener::Client { cluster: cluster() } },
        );
        let boot = self.stations[station].boot;
        for to in (0..self.stations.len()).filter(|to| *to != station) {
            self.stations[station].delays[to] = self.plan.network.reconnect_first_us;
            let later = self.rng.u64(0..1000);
            self.heap.after(later, Event::Dial { from: station, to, boot, twin: false });
        }
    }

    /// The crash that was planned for this process.
    pub(super) fn crash_now(&mut self, station: usize) {
        if let Some(Crash { down_us, disk, .. }) = self.stations[station].crash.take() {
            self.counters.crashes += 1;
            self.stop(station, "killed", disk, down_us);
        }
    }

    /// The process ends by itself, as it has to when its disk fails.
    pub(super) fn end_by_itself(&mut self, station: usize, how: &str, disk: DiskFate) {
        self.counters.ended_by_themselves += 1;
        self.stop(station, how, disk, RESTART_US);
    }

    fn stop(&mut self, station: usize, how: &str, fate: DiskFate, down_us: u64) {
        let Some(process) = self.stations[station].process.take() else { return };
        self.stations[station].boot += 1;
        self.stations[station].crash = None;
        let id = self.id(station);
        self.line(What::Stopped { station: id, how: how.to_owned() });
        self.settle_disk(station, fate, process.committing);
        self.break_connections_of(station);
        self.disturb_clients_of(station);
        self.heap.after(down_us.max(1), Event::Start { station });
    }
}
