//! One simulated station: its disk, its wall clock, and the process that runs on them, if one does.

use std::collections::{BTreeMap, VecDeque};

use clock_core::replica::{LogRecord, Lsn, Replica, Usage};
use clock_core::{Dot, NodeId, ReplicaId};

use super::disk::Disk;
use super::plan::{DiskFate, Plan, Skew, Spread};

/// The true time at the start of every run, in milliseconds since 1970.
const START_MS: i64 = 1_700_000_000_000;

/// The machine: what outlives the process.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) id: NodeId,
    pub(super) disk: Disk,
    pub(super) backup: Option<Disk>,
    pub(super) process: Option<Process>,
    /// Counts processes: what was meant for an earlier one is dropped.
    pub(super) boot: u32,
    pub(super) paused_until: u64,
    /// The process ends after so many more effects.
    pub(super) crash: Option<Crash>,
    pub(super) trouble: Trouble,
    pub(super) wall: Wall,
    pub(super) commit_time: Spread,
    /// The next delay before dialling, by peer.
    pub(super) delays: Vec<u64>,
    pub(super) rng: fastrand::Rng,
}

/// How and when a process is going to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crash {
    pub(super) after_effects: u16,
    pub(super) down_us: u64,
    pub(super) disk: DiskFate,
}

/// What is wrong with the disk just now.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) full_until: u64,
    pub(super) slow_until: u64,
    pub(super) slow_times: u32,
    pub(super) fail_commit: Option<bool>,
    pub(super) fail_read: bool,
}

/// What is lost with the process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) replica: Replica,
    /// Appended since the last sync was asked for.
    pub(super) batch: Vec<LogRecord>,
    /// On the way to the writer.
    pub(super) queue: VecDeque<Batch>,
    /// The commit under way.
    pub(super) committing: Option<Batch>,
    /// Appended, and not yet reported durable: in the order of the log.
    pub(super) unshown: VecDeque<(Lsn, Dot)>,
    /// What it shows: the last event of each replica.
    pub(super) shown: BTreeMap<ReplicaId, u64>,
    pub(super) tick_at: Option<u64>,
    /// The most that was ever used of each bounded resource.
    pub(super) most: Usage,
    /// Events that recovery held back: they may exceed the limit, what is on the disk must not be lost.
    pub(super) held_by_recovery: usize,
}

impl Process {
    /// Whether the event was appended, and is not reported durable yet.
    pub(super) fn has_staged(&self, dot: &Dot) -> bool {
        self.unshown.iter().any(|(_, staged)| staged == dot)
    }

    pub(super) fn show(&mut self, dots: &[Dot]) {
        for dot in dots {
            let upto = self.shown.entry(dot.replica.clone()).or_insert(0);
            *upto = dot.seq.max(*upto);
        }
    }
}

/// Records that become durable together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) records: Vec<LogRecord>,
    pub(super) upto: Lsn,
}

/// A wall clock: wrong, drifting, stepped, or standing still. Never the monotonic one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    skew: Skew,
    /// The latest that it ever showed.
    highest: u64,
    stepped_ms: i64,
    frozen: Option<(u64, u64)>,
}

impl Wall {
    /// What it shows, in milliseconds since 1970.
    pub(super) fn show(&self, now_us: u64) -> u64 {
        if let Some((until, shown)) = self.frozen
            && now_us < until
        {
            return shown;
        }
        self.show_unfrozen(now_us)
    }

    /// The least and the most that it may show next: it may stand still, and go on from elsewhere.
    pub(super) fn bounds(&self, now_us: u64) -> (u64, u64) {
        let (now, then) = (self.show(now_us), self.show_unfrozen(now_us));
        (now.min(then), now.max(then))
    }

    fn show_unfrozen(&self, now_us: u64) -> u64 {
        let true_us = i64::try_from(now_us).unwrap_or(i64::MAX / 1_000_000_000);
        let drift_us = true_us.saturating_mul(self.skew.drift_ppm) / 1_000_000;
        let shown = START_MS + (true_us + drift_us) / 1000 + self.skew.offset_ms + self.stepped_ms;
        u64::try_from(shown).unwrap_or(0)
    }

    /// Reads it, and remembers the latest time ever read.
    pub(super) fn read(&mut self, now_us: u64) -> u64 {
        let shown = self.show(now_us);
        self.highest = self.highest.max(shown);
        shown
    }

    /// The latest time that was ever read.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    pub(super) fn step(&mut self, by_ms: i64) {
        self.stepped_ms = self.stepped_ms.saturating_add(by_ms);
    }

    pub(super) fn freeze(&mut self, now_us: u64, for_us: u64) {
        self.frozen = Some((now_us + for_us, self.show(now_us)));
    }
}

impl Station {
    pub(super) fn new(plan: &Plan, number: usize, rng: &mut fastrand::Rng) -> Self {
        let skew = plan.clocks.get(number).copied().unwrap_or(Skew { offset_ms: 0, drift_ppm: 0 });
        let quick = Spread::Uniform { least: 100, most: 1000 };
        Self {
            id: name(plan.stations, number),
            disk: Disk::default(),
            backup: None,
            process: None,
            boot: 0,
            paused_until: 0,
            crash: None,
            trouble: Trouble::default(),
            wall: Wall { skew, highest: 0, stepped_ms: 0, frozen: None },
            commit_time: plan.commits.get(number).copied().unwrap_or(quick),
            delays: vec![plan.network.reconnect_first_us; usize::from(plan.stations)],
            rng: rng.fork(),
        }
    }
}

/// The four of the reference cluster by their names, more by numbers.
fn name(stations: u8, number: usize) -> NodeId {
    let name = match (stations, crate::processes::FOUR.get(number)) {
        (..=4, Some(name)) => (*name).to_owned(),
        _ => format!("station-{number:02}"),
    };
    name.parse().expect("a valid name")
}
