//! What the plan does: one arm for each kind of entry.

use clock_core::RequestId;

use super::clients::{Manners, Work};
use super::links::Way;
use super::plan::{Act, Ask, Wishes};
use super::station::Crash;
use super::tamper::Tampering;
use super::world::{Event, World};
use crate::history::{Phase, What};

impl World<'_> {
    /// Does an entry of the plan. Stations and links that the plan has no longer are left out.
    pub(super) fn act(&mut self, number: usize) {
        if self.phase != Phase::Safety {
            return;
        }
        let Some(entry) = self.plan.entries.get(number) else { return };
        let now_us = self.heap.now_us();
        match &entry.act {
            Act::Ask { client, station, ask, retries, roams, deaf, doubts, reuses, wishes } => {
                let request = self.request_for(ask, (entry.at_us, *client, number), *reuses);
                let manners = Manners { retries: *retries, roams: *roams, deaf: *deaf, doubts: *doubts };
                self.begin_work((*client, *station), (ask.clone(), *wishes), request, manners);
            }
            Act::Block { links, for_us, resets } => self.block(links, *for_us, *resets),
            Act::Break { from, to, delivered } => self.break_session(*from, *to, *delivered),
            Act::Corrupt { from, to, bit } => self.tamper(*from, *to, Tampering::Flip(*bit)),
            Act::Pad { from, to } => self.tamper(*from, *to, Tampering::Pad),
            Act::Forge { from, to } => self.tamper(*from, *to, Tampering::Forge),
            Act::Twin { from, to } => {
                let (from, to) = (usize::from(*from), usize::from(*to));
                if from != to && from.max(to) < self.stations.len() {
                    self.counters.twins += 1;
                    let boot = self.stations[from].boot;
                    self.heap.after(0, Event::Dial { from, to, boot, twin: true });
                }
            }
            Act::Crash { station, after_effects, down_us, disk } => {
                let crash = Crash { after_effects: *after_effects, down_us: *down_us, disk: *disk };
                self.plan_crash(usize::from(*station), crash);
            }
            Act::Pause { station, for_us } => {
                self.counters.pauses += 1;
                let until = (now_us + for_us).min(self.plan.safety_us);
                self.with(*station, |at| at.paused_until = until);
            }
            Act::Backup { station } => self.with(*station, |at| at.backup = Some(at.disk.clone())),
            Act::Flip { station, event, bit } => {
                if usize::from(*station) < self.stations.len() {
                    self.flip(usize::from(*station), *event, *bit);
                }
            }
            Act::FailCommit { station, whole } => {
                self.with(*station, |at| at.trouble.fail_commit = Some(*whole));
            }
            Act::FailRead { station } => self.with(*station, |at| at.trouble.fail_read = true),
            Act::FullDisk { station, for_us } => {
                self.with(*station, |at| at.trouble.full_until = now_us + for_us);
            }
            Act::SlowDisk { station, for_us, times } => self.with(*station, |at| {
                at.trouble.slow_until = now_us + for_us;
                at.trouble.slow_times = *times;
            }),
            Act::StepClock { station, by_ms } => {
                self.counters.clock_steps += 1;
                self.with(*station, |at| at.wall.step(*by_ms));
                self.mark_wall(usize::from(*station));
            }
            Act::FreezeClock { station, for_us } => self.with(*station, |at| at.wall.freeze(now_us, *for_us)),
        }
    }

    fn tamper(&mut self, from: u8, to: u8, tampering: Tampering) {
        if let Some(link) = self.links.get_mut(&(usize::from(from), usize::from(to))) {
            link.tampering = Some(tampering);
        }
    }

    /// What a wall clock shows from now on.
    pub(super) fn mark_wall(&mut self, station: usize) {
        let now_us = self.heap.now_us();
        let Some(at) = self.stations.get(station) else { return };
        let ((least_ms, most_ms), station) = (at.wall.bounds(now_us), at.id.clone());
        self.line(What::Wall { station, least_ms, most_ms });
    }

    fn with(&mut self, station: u8, change: impl FnOnce(&mut super::station::Station)) {
        if let Some(station) = self.stations.get_mut(usize::from(station)) {
            change(station);
        }
    }

    /// An id for the write of an entry. It depends on the entry, not on its place: what remains of a plan keeps its ids.
    fn request_id(&self, at_us: u64, client: u16, number: usize) -> RequestId {
        let twins = self.plan.entries.get(..number).unwrap_or_default().iter().rev();
        let place = twins.take_while(|other| other.at_us == at_us).count() as u128;
        RequestId(
            u128::from(self.plan.seed) << 64 | u128::from(at_us) << 24 | u128::from(client) << 8 | place,
        )
    }

    /// The id that a request goes by: its own, that of the client's last by mistake, or that of the write it asks after.
    fn request_for(
        &mut self,
        ask: &Ask,
        (at_us, client, number): (u64, u16, usize),
        reuses: bool,
    ) -> RequestId {
        if *ask == Ask::Receipt {
            return self.last_requests.get(&client).copied().unwrap_or(RequestId(0));
        }
        let request = self.request_id(at_us, client, number);
        self.last_requests.insert(client, request).filter(|_| reuses).unwrap_or(request)
    }

    pub(super) fn begin_work(
        &mut self,
        (client, station): (u16, u8),
        (ask, wishes): (Ask, Wishes),
        request: RequestId,
        manners: Manners,
    ) {
        let station = usize::from(station) % self.stations.len();
        self.ask(Work::new((client, station), (ask, wishes), request, manners));
    }

    fn plan_crash(&mut self, station: usize, crash: Crash) {
        let Some(at) = self.stations.get_mut(station).filter(|at| at.process.is_some()) else { return };
        at.crash = Some(crash);
        if crash.after_effects == 0 {
            self.crash_now(station);
        }
    }

    fn block(&mut self, links: &[(u8, u8)], for_us: u64, resets: bool) {
        let links: Vec<(usize, usize)> =
            links.iter().map(|(from, to)| (usize::from(*from), usize::from(*to))).collect();
        for (from, to) in &links {
            let Some(link) = self.links.get_mut(&(*from, *to)) else { continue };
            link.blocks += 1;
            self.counters.blocks += 1;
            if resets {
                self.sessions_over(*from, *to)
                    .into_iter()
                    .for_each(|session| self.truncate(session, None, 0));
            }
        }
        self.blocks.push(links);
        self.heap.after(for_us, Event::Unblock { block: self.blocks.len() - 1 });
    }

    pub(super) fn unblock(&mut self, block: usize) {
        let links = self.blocks.get_mut(block).map(std::mem::take).unwrap_or_default();
        for (from, to) in links {
            let Some(link) = self.links.get_mut(&(from, to)) else { continue };
            link.blocks = link.blocks.saturating_sub(1);
            if link.blocks == 0 {
                self.release(from, to);
            }
        }
    }

    fn break_session(&mut self, from: u8, to: u8, delivered: u8) {
        let dialled = |connection: &super::links::Connection| {
            connection.ends(Way::There) == (usize::from(from), usize::from(to))
        };
        let session =
            self.connections.iter().find(|(_, connection)| dialled(connection)).map(|(session, _)| *session);
        if let Some(session) = session {
            self.counters.breaks += 1;
            self.truncate(session, None, usize::from(delivered));
        }
    }
}
