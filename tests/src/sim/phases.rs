//! One run from start to end: load under faults, healing, convergence within bounds, fresh writes, reading back.

use clock_core::RequestId;
use clock_core::replica::{Effect, Input, Ticket};
use clock_core::wire::{Request, Terms};

use super::clients::{Doubtful, Manners};
use super::plan::{Act, Ask, DiskFate, Plan, PutContext, Wishes};
use super::shell::CLIENTS;
use super::world::{Event, Options, Outcome, World};
use crate::history::{Phase, What};

/// How often conditions are looked at.
const LOOK_US: u64 = 100_000;
/// So long after its deadline every request of the last phases has ended.
const ANSWERS_US: u64 = 5_000_000;
/// Questions of the harness itself have numbers that no client reaches.
const AUDIT: u64 = u64::MAX;

/// Runs a plan.
pub fn run(plan: &Plan, options: Options) -> Outcome {
    let mut world = World::new(plan, options);
    world.begin(Phase::Safety);
    (0..world.stations.len()).for_each(|station| world.mark_wall(station));
    (0..world.stations.len()).for_each(|station| world.start(station));
    for (number, entry) in plan.entries.iter().enumerate().filter(|(_, entry)| entry.at_us < plan.safety_us) {
        world.heap.at(entry.at_us, Event::Act(number));
    }
    world.safety();
    world.heal();
    world.converge("after the faults have ended");
    world.fresh_writes();
    world.converge("after fresh writes");
    world.read_back();
    world.finish()
}

impl World<'_> {
    /// Load and faults, with a look at all states now and then.
    fn safety(&mut self) {
        let looks = 5;
        for look in 1..=looks {
            self.run_until(self.plan.safety_us * look / looks);
            self.audit_states();
        }
    }

    /// All faults end; what is down comes up.
    fn heal(&mut self) {
        self.begin(Phase::Healing);
        for station in 0..self.stations.len() {
            let at = &mut self.stations[station];
            at.trouble = Default::default();
            at.crash = None;
            // What is damaged and was not met yet is met by a scrub.
            if at.process.is_some() && at.disk.is_damaged() {
                self.end_by_itself(station, "a scrub found damage", DiskFate::Absent);
            }
            if self.stations[station].process.is_none() {
                self.start(station);
            }
        }
        (0..self.blocks.len()).for_each(|block| self.unblock(block));
        self.links.values_mut().for_each(|link| link.tampering = None);
    }

    /// How long convergence may take: every silent session is noticed, the longest delay between dials passes twice,
    /// and what is missing is shipped, window by window.
    fn patience_us(&self) -> u64 {
        let network = &self.plan.network;
        let events =
            self.plan.entries.iter().filter(|entry| matches!(entry.act, Act::Ask { .. })).count() as u64;
        let round_trips = 30 + 2 * events / self.plan.sizes.events_in_a_round_trip();
        let travel = round_trips * 2 * network.delay.typical_us();
        let commits = events * 20_000;
        25_000_000 + 2 * network.reconnect_longest_us + 4 * network.heartbeat_us + travel + commits
    }

    fn converge(&mut self, when: &str) {
        let until_us = self.heap.now_us() + self.patience_us();
        let (shipped_before, limit) = (self.events_shipped_bytes, self.shipping_limit());
        let quiet = |world: &Self| world.is_quiet() && world.differing().is_none();
        if !self.run_until_holds(until_us, LOOK_US, quiet) {
            let (open, differing) =
                (self.open.len() + self.waiting_works, self.differing().unwrap_or_default());
            let after = self.patience_us() / 1000;
            let what =
                format!("convergence {when}, within {after} ms: {open} requests are open; {differing}");
            return self.line(What::Late { what });
        }
        if self.violation.is_none() {
            let shipped = self.events_shipped_bytes - shipped_before;
            self.gauge(0, "bytes of events to converge", shipped, limit);
            self.audit_states();
            if self.phase == Phase::Healing {
                self.begin(Phase::Converged);
            }
        }
    }

    /// How many bytes of events may travel until all have the same: every other station may send each missing one, and
    /// what was on its way when the faults ended comes again.
    fn shipping_limit(&self) -> u64 {
        let stored: Vec<u64> = self.stations.iter().map(|station| station.disk.bytes()).collect();
        let most = stored.iter().max().copied().unwrap_or(0);
        let missing: u64 = stored.iter().map(|bytes| most - bytes).sum();
        let others = self.stations.len() as u64 - 1;
        (missing + most) * others * 2 + 4 * 1024 * 1024
    }

    /// Nobody waits for an answer, and nothing is on its way to a disk.
    fn is_quiet(&self) -> bool {
        let idle = |station: &super::station::Station| {
            station.process.as_ref().is_some_and(|process| {
                process.unshown.is_empty() && process.committing.is_none() && process.queue.is_empty()
            })
        };
        self.open.is_empty() && self.waiting_works == 0 && self.stations.iter().all(idle)
    }

    /// Two stations that do not have the same, and what they have.
    fn differing(&self) -> Option<String> {
        let has = |number: usize| {
            let process = self.stations[number].process.as_ref();
            process.map(|process| process.shown.clone()).unwrap_or_default()
        };
        let first = has(0);
        let other = (1..self.stations.len()).find(|number| has(*number) != first)?;
        let (left, right) = (&self.stations[0].id, &self.stations[other].id);
        Some(format!("{left} has {first:?}, {right} has {:?}", has(other)))
    }

    /// Writes at every station have to succeed.
    fn fresh_writes(&mut self) {
        if self.violation.is_some() {
            return;
        }
        self.begin(Phase::Fresh);
        let last = self.plan.keys.max(1);
        for station in 0..self.plan.stations {
            let request =
                RequestId(u128::from(self.plan.seed) << 64 | u128::MAX >> 65 << 8 | u128::from(station));
            let ask = Ask::Put { key: u16::from(station) % last, context: PutContext::Station, bytes: 40 };
            let manners = Manners { retries: 100, ..Manners::default() };
            self.begin_work((u16::MAX, station), (ask, Wishes::default()), request, manners);
        }
        self.await_answers("a fresh write at every station");
    }

    /// Everybody who asks now has to be answered, and by no refusal.
    fn await_answers(&mut self, what: &str) {
        let unanswered = |world: &Self| world.counters.unknown_outcomes + world.counters.refused_requests;
        let before = unanswered(self);
        let until_us = self.heap.now_us() + self.patience_us() + ANSWERS_US;
        let is_quiet = |world: &Self| world.open.is_empty() && world.waiting_works == 0;
        let ended = self.run_until_holds(until_us, LOOK_US, is_quiet);
        if !ended || unanswered(self) > before {
            let what = format!(
                "{what}: {} of them had no answer in time, or were refused",
                unanswered(self) - before
            );
            self.line(What::Late { what });
        }
    }

    /// Every key is read at every station.
    fn read_back(&mut self) {
        if self.violation.is_some() {
            return;
        }
        self.begin(Phase::ReadBack);
        for station in 0..self.plan.stations {
            for key in 0..self.plan.keys.max(1) {
                self.read(station, Ask::Get { key });
            }
            self.read(station, Ask::Status);
            self.read(station, Ask::Snapshot { again: false });
        }
        self.ask_after_doubtful();
        self.await_answers("every key read at every station");
    }

    fn read(&mut self, station: u8, ask: Ask) {
        let reader = (u16::MAX - 1, station);
        self.begin_work(reader, (ask, Wishes::default()), RequestId(0), Manners::default());
    }

    /// Whatever was indeterminate is asked after: by now every station has it.
    fn ask_after_doubtful(&mut self) {
        let deadline_ms = u32::try_from(self.patience_us() / 1000).unwrap_or(u32::MAX);
        for Doubtful { station, dot, request, copies } in std::mem::take(&mut self.doubtful) {
            let process = self.stations[usize::from(station)].process.as_ref();
            let upto = process.and_then(|process| process.shown.get(&dot.replica));
            // A disk may have been destroyed since, or the request forgotten.
            if upto.is_some_and(|upto| *upto >= dot.seq) && self.plan.sizes.requests > 1000 {
                self.counters.receipts_asked_later += 1;
                let wishes = Wishes { copies, deadline_ms, session: false };
                self.begin_work((u16::MAX - 1, station), (Ask::Receipt, wishes), request, Manners::default());
            }
        }
    }

    /// A digest of all that each station shows.
    fn audit_states(&mut self) {
        for station in 0..self.stations.len() {
            if self.violation.is_some() {
                return;
            }
            if let Some(digest) = self.state_digest(station) {
                let station = self.id(station);
                self.line(What::State { station, digest: format!("{digest:016x}") });
            }
        }
    }

    fn state_digest(&mut self, station: usize) -> Option<u64> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let now = self.now(station);
        let process = self.stations[station].process.as_mut()?;
        let (mut digest, mut effects) = (DefaultHasher::new(), Vec::new());
        for key in &self.keys {
            let ticket = Ticket { session: CLIENTS, number: AUDIT };
            let request = Request::Get { key: key.clone(), skip: 0 };
            process.replica.handle(
                now,
                Input::Client { ticket, terms: Terms::default(), request },
                &mut effects,
            );
        }
        for effect in effects {
            if let Effect::Reply { response, .. } = effect {
                format!("{response:?}").hash(&mut digest);
            }
        }
        Some(digest.finish())
    }
}
