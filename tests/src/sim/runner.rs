//! Runs of many seeds, over the cores there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::counters::Counters;
use super::draw::draw;
use super::phases::run;
use super::plan::{Plan, Profile};
use super::twin_bug::TwinBug;
use super::world::{Options, Outcome};
use crate::check::{Property, Violation};

/// Failures that are kept: whoever has seen these fixes them first.
const FAILURES_KEPT: usize = 20;

/// The bug that is planted in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Planted {
    /// None: the product as it is.
    #[default]
    None,
    /// In the simulated store or shell.
    Twin(TwinBug),
    /// In the replica.
    #[cfg(feature = "sim-bugs")]
    Core(clock_core::bugs::Bug),
}

/// Which seeds, of which profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeds {
    /// The profile; `None`: each seed has one of the four with few stations.
    pub profile: Option<Profile>,
    /// From here,
    pub from: u64,
    /// up to here, exclusive.
    pub to: u64,
}

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Sweep {
    /// Sums.
    pub counters: Counters,
    /// The first failures, by seed.
    pub failures: Vec<(Profile, u64, Violation)>,
    /// How many failed in all.
    pub failed: u64,
    /// How long it took.
    pub took: Duration,
    /// How many threads ran.
    pub threads: usize,
}

impl Seeds {
    /// The profile of one seed.
    pub fn profile_of(&self, seed: u64) -> Profile {
        self.profile.unwrap_or(match seed % 10 {
            0 => Profile::Calm,
            1..=4 => Profile::Stormy,
            5..=8 => Profile::Radioactive,
            _ => Profile::SlowLink,
        })
    }

    /// The plan of one seed.
    pub fn plan(&self, seed: u64) -> Plan {
        draw(self.profile_of(seed), seed)
    }
}

impl Sweep {
    /// Seeds per second and core.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self) -> f64 {
        self.counters.seeds as f64 / self.took.as_secs_f64().max(1e-9) / self.threads.max(1) as f64
    }

    fn take(&mut self, profile: Profile, seed: u64, outcome: Outcome) {
        self.counters.merge(&outcome.counters);
        if let Some(violation) = outcome.violation {
            self.failed += 1;
            if self.failures.len() < FAILURES_KEPT {
                self.failures.push((profile, seed, violation));
            }
        }
    }
}

/// Runs a plan with a bug planted, or none. A panic is a violation too.
pub fn run_safely(plan: &Plan, planted: Planted, record: bool) -> Outcome {
    let twin_bug = match planted {
        Planted::Twin(bug) => Some(bug),
        _ => None,
    };
    #[cfg(feature = "sim-bugs")]
    clock_core::bugs::plant(match planted {
        Planted::Core(bug) => Some(bug),
        _ => None,
    });
    let outcome = catch_unwind(AssertUnwindSafe(|| run(plan, Options { record, twin_bug })));
    #[cfg(feature = "sim-bugs")]
    clock_core::bugs::plant(None);
    outcome.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        panicked(text.or_else(|| payload.downcast_ref::<&str>().copied()))
    })
}

fn panicked(message: Option<&str>) -> Outcome {
    let text = format!("a panic: {}", message.unwrap_or("without a message"));
    Outcome {
        violation: Some(Violation { property: Property::Invariant, at_us: 0, text }),
        counters: Counters { seeds: 1, ..Counters::default() },
        digest: 0,
        virtual_us: 0,
        lines: Vec::new(),
        trace: Vec::new(),
    }
}

/// Runs all seeds on so many threads; each thread takes the next seed that nobody has.
pub fn sweep(seeds: Seeds, threads: usize, progress: impl Fn(u64, u64) + Sync) -> Sweep {
    let begun = Instant::now();
    let next = AtomicU64::new(seeds.from);
    let sum = Mutex::new(Sweep { threads, ..Sweep::default() });
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.to {
                return;
            }
            let outcome = run_safely(&seeds.plan(seed), Planted::None, false);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.take(seeds.profile_of(seed), seed, outcome);
            progress(sum.counters.seeds, sum.failed);
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failures.sort_by_key(|(_, seed, _)| *seed);
    sum.took = begun.elapsed();
    sum
}
