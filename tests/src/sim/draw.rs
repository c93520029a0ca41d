//! Plans from seeds. Each seed first draws which faults it has at all, then how much of each: most runs are harsh in a
//! few ways rather than mild in all.

use super::plan::{
    Act, Ask, DiskFate, Entry, Network, Plan, Profile, PutContext, Sizes, Skew, Spread, Wishes,
};

/// What a profile allows, and how much.
struct Menu {
    stations: u8,
    /// Least and most of all requests.
    asks: (u32, u32),
    /// Least and most of the load's duration.
    safety_us: (u64, u64),
    network_faults: bool,
    process_faults: bool,
    disk_faults: bool,
    clock_faults: bool,
}

impl Menu {
    fn of(profile: Profile, rng: &mut fastrand::Rng) -> Self {
        let harsh = matches!(profile, Profile::Stormy | Profile::Radioactive | Profile::SlowLink);
        // Few seeds are large: size finds other faults than number does.
        let asks = match (profile, rng.u32(..200)) {
            (Profile::Sixty, _) => (40, 80),
            (_, 0) => (700, 1000),
            (_, 1..=5) => (200, 400),
            _ => (30, 120),
        };
        Self {
            stations: if profile == Profile::Sixty { 60 } else { *pick(rng, &[2, 3, 4, 4, 4, 4, 5]) },
            asks,
            safety_us: if profile == Profile::SlowLink {
                (20_000_000, 60_000_000)
            } else {
                (2_000_000, 12_000_000)
            },
            network_faults: harsh || profile == Profile::Sixty,
            process_faults: harsh,
            disk_faults: profile == Profile::Radioactive,
            clock_faults: harsh,
        }
    }
}

/// The plan of a seed.
pub fn draw(profile: Profile, seed: u64) -> Plan {
    let mut rng = fastrand::Rng::with_seed(seed ^ (profile as u64) << 56 ^ 0x706c_616e);
    let menu = Menu::of(profile, &mut rng);
    let plan = Plan {
        seed,
        profile,
        stations: menu.stations,
        keys: *pick(&mut rng, &[1, 2, 4, 8, 12]),
        sizes: sizes(&mut rng),
        network: network(profile, &menu, &mut rng),
        commits: (0..menu.stations).map(|_| commit_time(&mut rng)).collect(),
        clocks: (0..menu.stations).map(|_| skew(&menu, &mut rng)).collect(),
        safety_us: rng.u64(menu.safety_us.0..=menu.safety_us.1),
        entries: Vec::new(),
    };
    let mut drawer = Drawer { plan, rng };
    drawer.asks(menu.asks);
    drawer.contact_windows();
    if menu.network_faults {
        drawer.network_faults();
    }
    if menu.process_faults {
        drawer.process_faults(menu.disk_faults);
    }
    if menu.disk_faults {
        drawer.disk_faults();
    }
    if menu.clock_faults {
        drawer.clock_faults();
    }
    drawer.plan.entries.sort_by_key(|entry| entry.at_us);
    drawer.plan
}

fn pick<'a, T>(rng: &mut fastrand::Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}

/// Half of all runs have the sizes of the product, half have small ones, to reach their edges.
fn sizes(rng: &mut fastrand::Rng) -> Sizes {
    let real = clock_core::replica::Limits::default();
    if rng.bool() {
        return Sizes {
            held_events: real.held_events,
            window_events: real.window_events,
            window_bytes: real.window_bytes,
            chunk_bytes: real.chunk_bytes,
            requests: real.requests,
            staged: real.staged,
            awaited: real.awaited,
            waiting: real.waiting,
        };
    }
    Sizes {
        held_events: *pick(rng, &[1, 2, 8, 64]),
        window_events: *pick(rng, &[1, 2, 5, 16]),
        window_bytes: *pick(rng, &[1, 1000, 20_000]),
        chunk_bytes: *pick(rng, &[1, 500, 5_000]),
        requests: *pick(rng, &[200, real.requests]),
        staged: *pick(rng, &[2, 5, real.staged, real.staged]),
        awaited: *pick(rng, &[1, 3, real.awaited, real.awaited]),
        waiting: *pick(rng, &[0, 1, real.waiting, real.waiting]),
    }
}

fn network(profile: Profile, menu: &Menu, rng: &mut fastrand::Rng) -> Network {
    let near = rng.u64(100..20_000);
    let delay = match profile {
        Profile::SlowLink => Spread::Uniform { least: 290_000, most: 310_000 },
        Profile::Sixty => Spread::Uniform { least: 1_000, most: 20_000 },
        _ => *pick(
            rng,
            &[
                Spread::Uniform { least: near, most: near * 2 },
                Spread::Exponential { mean: near },
                Spread::HeavyTail { least: near / 10 + 1 },
            ],
        ),
    };
    let treats = menu.network_faults && profile != Profile::Sixty && rng.u32(..3) == 0;
    let mut per_mille = |most: u32| if treats && rng.bool() { rng.u32(1..=most) } else { 0 };
    let (lose, repeat, swap) = (per_mille(200), per_mille(100), per_mille(300));
    Network {
        delay,
        bytes_per_second: if profile == Profile::SlowLink {
            125_000
        } else {
            *pick(rng, &[0, 0, 0, 200_000])
        },
        lose_per_mille: lose,
        repeat_per_mille: repeat,
        swap_per_mille: swap,
        relay_delay_us: if profile == Profile::Sixty { 1_000_000 } else { *pick(rng, &[0, 1_000, 100_000]) },
        heartbeat_us: if profile == Profile::Sixty {
            3_000_000
        } else {
            *pick(rng, &[300_000, 1_000_000, 3_000_000])
        },
        reconnect_first_us: *pick(rng, &[20_000, 200_000, 1_000_000]),
        reconnect_longest_us: *pick(rng, &[1_000_000, 4_000_000]),
    }
}

fn commit_time(rng: &mut fastrand::Rng) -> Spread {
    let usual = rng.u64(50..5_000);
    *pick(
        rng,
        &[
            Spread::Uniform { least: usual, most: usual * 2 },
            Spread::Exponential { mean: usual },
            Spread::HeavyTail { least: usual / 5 + 1 },
            Spread::Uniform { least: 50_000, most: 200_000 },
        ],
    )
}

fn skew(menu: &Menu, rng: &mut fastrand::Rng) -> Skew {
    if !menu.clock_faults || rng.bool() {
        return Skew { offset_ms: rng.i64(-3..=3), drift_ppm: rng.i64(-50..=50) };
    }
    Skew {
        offset_ms: *pick(rng, &[-3_600_000, -600, -400, 300, 600, 5_000]),
        drift_ppm: rng.i64(-20_000..=20_000),
    }
}

struct Drawer {
    plan: Plan,
    rng: fastrand::Rng,
}

impl Drawer {
    fn push(&mut self, act: Act) {
        let at_us = self.rng.u64(..self.plan.safety_us);
        self.push_at(at_us, act);
    }

    fn push_at(&mut self, at_us: u64, act: Act) {
        self.plan.entries.push(Entry { at_us, act });
    }

    fn station(&mut self) -> u8 {
        self.rng.u8(..self.plan.stations)
    }

    fn pair(&mut self) -> (u8, u8) {
        let from = self.station();
        let to = (from + self.rng.u8(1..self.plan.stations)) % self.plan.stations;
        (from, to)
    }

    /// A share of the load's duration, between these parts of a thousand.
    fn share_us(&mut self, least: u64, most: u64) -> u64 {
        self.plan.safety_us * self.rng.u64(least..=most) / 1000
    }

    fn asks(&mut self, (least, most): (u32, u32)) {
        let clients = self.rng.u16(1..=8);
        let retrying = self.rng.u8(..4);
        let hot = self.rng.bool();
        let bursts = self.rng.bool();
        let mistaken = self.rng.u32(..8) == 0;
        let (in_sessions, careful) = (self.rng.u16(..=clients), self.rng.u32(..4));
        let mut at_us = 0;
        for _ in 0..self.rng.u32(least..=most) {
            if !bursts || self.rng.u32(..6) == 0 {
                at_us = self.rng.u64(..self.plan.safety_us);
            }
            let key = if hot && self.rng.u32(..4) > 0 { 0 } else { self.rng.u16(..self.plan.keys) };
            let client = self.rng.u16(..clients);
            let ask = self.ask(key);
            // Most clients stay at their station; some roam.
            let home = u8::try_from(client % u16::from(self.plan.stations)).unwrap_or(0);
            let station = if self.rng.u32(..4) == 0 { self.station() } else { home };
            let retries = if retrying > 0 { self.rng.u8(..=retrying) } else { 0 };
            let deaf = if self.rng.u32(..10) == 0 { self.rng.u8(1..=2) } else { 0 };
            let (roams, doubts) = (self.rng.bool(), self.rng.u32(..12) == 0);
            let reuses = mistaken && self.rng.u32(..12) == 0;
            let wishes = self.wishes(client < in_sessions, careful);
            self.push_at(
                at_us,
                Act::Ask { client, station, ask, retries, roams, deaf, doubts, reuses, wishes },
            );
        }
    }

    /// Careful clients want more than one copy most of the time.
    fn wishes(&mut self, session: bool, careful: u32) -> Wishes {
        let copies = match self.rng.u32(..4) {
            draw if draw >= careful => 1,
            0 => 0,
            _ => self.rng.u8(1..=self.plan.stations),
        };
        let deadline_ms = *pick(&mut self.rng, &[1, 40, 300, 1_000, 1_500]);
        Wishes { copies, deadline_ms, session }
    }

    fn ask(&mut self, key: u16) -> Ask {
        let context = *pick(
            &mut self.rng,
            &[
                PutContext::Station,
                PutContext::Station,
                PutContext::Read,
                PutContext::Read,
                PutContext::Blind,
            ],
        );
        // At the limit of a value, and one byte beyond.
        let bytes = match self.rng.u32(..400) {
            0 => 128 * 1024,
            1 => 128 * 1024 + 1,
            2..=10 => self.rng.u32(1_000..30_000),
            _ => self.rng.u32(32..200),
        };
        match self.rng.u32(..40) {
            0..=17 => Ask::Put { key, context, bytes },
            18..=20 => Ask::Resolve { key },
            21 => Ask::Status,
            22..=24 => Ask::Delete { key, context },
            25..=26 => Ask::Batch { key, writes: self.rng.u8(1..=5), context, bytes: bytes.min(200) },
            27..=28 => Ask::Receipt,
            29..=30 => Ask::Snapshot { again: self.rng.bool() },
            _ => Ask::Get { key },
        }
    }

    /// Ground stations see each other for minutes an hour: links that are up a part of the time only.
    fn contact_windows(&mut self) {
        let up_per_mille = match self.plan.profile {
            Profile::SlowLink => 50,
            _ => self.rng.u64(200..700),
        };
        if self.rng.u32(..6) > 0 && self.plan.profile != Profile::SlowLink {
            return;
        }
        let period = self.plan.safety_us / self.rng.u64(2..5);
        let stations = self.plan.stations;
        let phases: Vec<u64> = (0..stations).map(|_| self.rng.u64(..period)).collect();
        for left in 0..stations {
            for right in left + 1..stations {
                let mut at_us = (phases[usize::from(left)] + phases[usize::from(right)]) % period;
                let down_us = period * (1000 - up_per_mille) / 1000;
                while at_us < self.plan.safety_us {
                    let links = vec![(left, right), (right, left)];
                    self.push_at(at_us, Act::Block { links, for_us: down_us, resets: false });
                    at_us += period;
                }
            }
        }
    }

    fn network_faults(&mut self) {
        type Fault = fn(&mut Drawer);
        let menu: [(Fault, u32); 10] = [
            (Drawer::partition, 4),
            (Drawer::one_way, 4),
            (Drawer::ring, 2),
            (Drawer::clog, 2),
            (Drawer::flap, 2),
            (Drawer::breaks, 12),
            (Drawer::corrupt, 6),
            (Drawer::pad, 4),
            (Drawer::forge, 4),
            (Drawer::twins, 6),
        ];
        for (fault, most) in menu {
            if self.rng.u32(..3) == 0 {
                let times = self.rng.u32(1..=most);
                (0..times).for_each(|_| fault(self));
            }
        }
    }

    fn block(&mut self, at_us: u64, links: Vec<(u8, u8)>, for_us: u64) {
        let resets = self.rng.bool();
        self.push_at(at_us, Act::Block { links, for_us, resets });
    }

    fn block_some_time(&mut self, links: Vec<(u8, u8)>) {
        let (at_us, for_us) = (self.rng.u64(..self.plan.safety_us), self.share_us(20, 500));
        self.block(at_us, links, for_us);
    }

    /// Two sides that do not hear each other; one side may be a single station.
    fn partition(&mut self) {
        let stations = self.plan.stations;
        let alone = self.rng.bool().then(|| self.station());
        let side: Vec<bool> = (0..stations)
            .map(|station| alone.map_or_else(|| self.rng.bool(), |alone| station == alone))
            .collect();
        let links =
            all_links(stations).filter(|(from, to)| side[usize::from(*from)] != side[usize::from(*to)]);
        self.block_some_time(links.collect());
    }

    /// One hears the other, and not the other way round; or one hears nobody.
    fn one_way(&mut self) {
        let (from, to) = self.pair();
        let links = match self.rng.bool() {
            true => vec![(from, to)],
            false => all_links(self.plan.stations).filter(|link| link.1 == to).collect(),
        };
        self.block_some_time(links);
    }

    /// Everybody hears the two next to it only; with three stations or fewer that is everybody.
    fn ring(&mut self) {
        let stations = self.plan.stations;
        let next = |from: u8, to: u8| (from + 1) % stations == to;
        let links = all_links(stations).filter(|(from, to)| !next(*from, *to) && !next(*to, *from));
        self.block_some_time(links.collect());
    }

    /// Links go down one after the other, and come back in another order.
    fn clog(&mut self) {
        let begin = self.rng.u64(..self.plan.safety_us);
        let end = begin + self.share_us(100, 500);
        let mut links: Vec<(u8, u8)> = all_links(self.plan.stations).collect();
        self.rng.shuffle(&mut links);
        for link in links.into_iter().take(12) {
            let at_us = self.rng.u64(begin..end);
            let for_us = self.rng.u64(..end - begin);
            self.block(at_us, vec![link], for_us);
        }
    }

    /// One link goes down and up, quickly.
    fn flap(&mut self) {
        let (from, to) = self.pair();
        let mut at_us = self.rng.u64(..self.plan.safety_us);
        for _ in 0..self.rng.u32(3..12) {
            let (down, up) = (self.rng.u64(1_000..300_000), self.rng.u64(1_000..300_000));
            self.block(at_us, vec![(from, to), (to, from)], down);
            at_us += down + up;
        }
    }

    fn breaks(&mut self) {
        let ((from, to), delivered) = (self.pair(), self.rng.u8(..4));
        self.push(Act::Break { from, to, delivered });
    }

    fn corrupt(&mut self) {
        let ((from, to), bit) = (self.pair(), self.rng.u32(..));
        self.push(Act::Corrupt { from, to, bit });
    }

    fn pad(&mut self) {
        let (from, to) = self.pair();
        self.push(Act::Pad { from, to });
    }

    fn forge(&mut self) {
        let (from, to) = self.pair();
        self.push(Act::Forge { from, to });
    }

    fn twins(&mut self) {
        let (from, to) = self.pair();
        self.push(Act::Twin { from, to });
    }

    fn process_faults(&mut self, disks_may_be_lost: bool) {
        if self.rng.bool() {
            for _ in 0..self.rng.u32(1..8) {
                self.crash(disks_may_be_lost);
            }
        }
        // All at once, as when the power fails everywhere.
        if self.rng.u32(..8) == 0 {
            let at_us = self.rng.u64(..self.plan.safety_us);
            for station in 0..self.plan.stations {
                let (down_us, disk) = (self.share_us(1, 100), self.kept());
                self.push_at(at_us, Act::Crash { station, after_effects: 0, down_us, disk });
            }
        }
        if self.rng.u32(..3) == 0 {
            for _ in 0..self.rng.u32(1..5) {
                let (station, for_us) = (self.station(), self.share_us(5, 300));
                self.push(Act::Pause { station, for_us });
            }
        }
        if self.rng.u32(..4) == 0 {
            let (station, for_us, times) = (self.station(), self.share_us(50, 500), self.rng.u32(2..100));
            self.push(Act::SlowDisk { station, for_us, times });
        }
    }

    fn kept(&mut self) -> DiskFate {
        *pick(&mut self.rng, &[DiskFate::Absent, DiskFate::Whole])
    }

    fn crash(&mut self, disks_may_be_lost: bool) {
        let station = self.station();
        let mut disk = self.kept();
        if disks_may_be_lost {
            let fates = [
                disk,
                disk,
                DiskFate::Torn,
                DiskFate::Torn,
                DiskFate::Empty,
                DiskFate::Backup,
                DiskFate::Backup,
            ];
            disk = *pick(&mut self.rng, &fates);
        }
        let down_us = *pick(&mut self.rng, &[1_000, 50_000, 500_000, 3_000_000]);
        let after_effects = if self.rng.bool() { self.rng.u16(..20) } else { 0 };
        let at_us = self.rng.u64(..self.plan.safety_us);
        // One that ends again as soon as it has started.
        let times = if self.rng.u32(..6) == 0 { self.rng.u64(2..5) } else { 1 };
        for again in 0..times {
            let at_us = at_us + again * (down_us + 2_000);
            self.push_at(at_us, Act::Crash { station, after_effects, down_us, disk });
        }
    }

    fn disk_faults(&mut self) {
        for _ in 0..self.rng.u32(..4) {
            let station = self.station();
            self.push(Act::Backup { station });
        }
        for _ in 0..self.rng.u32(..6) {
            let (station, event, bit) = (self.station(), self.rng.u32(..), self.rng.u32(..));
            self.push(Act::Flip { station, event, bit });
        }
        for _ in 0..self.rng.u32(..3) {
            let (station, whole) = (self.station(), self.rng.bool());
            self.push(Act::FailCommit { station, whole });
        }
        if self.rng.u32(..3) == 0 {
            let station = self.station();
            self.push(Act::FailRead { station });
        }
        if self.rng.u32(..3) == 0 {
            let (station, for_us) = (self.station(), self.share_us(20, 300));
            self.push(Act::FullDisk { station, for_us });
        }
    }

    fn clock_faults(&mut self) {
        if self.rng.bool() {
            return;
        }
        for _ in 0..self.rng.u32(1..6) {
            let station = self.station();
            let by_ms = *pick(&mut self.rng, &[-86_400_000, -5_000, -600, -20, 20, 600, 5_000, 86_400_000]);
            match self.rng.bool() {
                true => self.push(Act::StepClock { station, by_ms }),
                false => {
                    let for_us = self.share_us(20, 400);
                    self.push(Act::FreezeClock { station, for_us });
                }
            }
        }
    }
}

fn all_links(stations: u8) -> impl Iterator<Item = (u8, u8)> {
    (0..stations)
        .flat_map(move |from| (0..stations).map(move |to| (from, to)))
        .filter(|(from, to)| from != to)
}
