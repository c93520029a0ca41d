//! Mutants: the product with one bug planted. Each has to be caught by the simulation within a stated number of seeds;
//! one that survives shows a hole in the checks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock_core::bugs::Bug;

use crate::check::Violation;
use crate::sim::{Planted, Profile, Seeds, TwinBug, run_safely};

/// Seeds within which most mutants have to be caught.
const USUAL_BUDGET: u64 = 300;

/// Those that need other seeds, and why: a profile in which the bug can show at all, or luck.
const SPECIAL: &[(&str, Option<Profile>, u64)] = &[];

/// One mutant.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// The bug.
    pub planted: Planted,
    /// Its name.
    pub name: &'static str,
    /// What the code then does.
    pub what: &'static str,
    /// The profile that has to catch it; `None`: all of the small ones, mixed.
    pub profile: Option<Profile>,
    /// Within so many seeds.
    pub budget: u64,
}

/// How the hunt for a mutant ended.
#[derive(Debug)]
pub struct Hunt {
    /// The first seed that caught it, and how.
    pub caught: Option<(u64, Violation)>,
    /// How long it took.
    pub took: Duration,
}

/// Every mutant.
pub fn all() -> Vec<Mutant> {
    let core = Bug::ALL.iter().map(|bug| (Planted::Core(*bug), bug.name(), bug.what()));
    let twin = TwinBug::ALL.iter().map(|bug| (Planted::Twin(*bug), bug.name(), bug.what()));
    core.chain(twin).map(|(planted, name, what)| mutant(planted, name, what)).collect()
}

fn mutant(planted: Planted, name: &'static str, what: &'static str) -> Mutant {
    let special = SPECIAL.iter().find(|(special, ..)| *special == name);
    let (profile, budget) = special.map_or((None, USUAL_BUDGET), |(_, profile, budget)| (*profile, *budget));
    Mutant { planted, name, what, profile, budget }
}

/// The mutant of that name.
pub fn named(name: &str) -> Option<Mutant> {
    all().into_iter().find(|mutant| mutant.name == name)
}

/// Runs seed after seed until one catches the mutant, or its budget is spent.
pub fn hunt(mutant: &Mutant, threads: usize) -> Hunt {
    let begun = Instant::now();
    let seeds = Seeds { profile: mutant.profile, from: 0, to: mutant.budget };
    let next = AtomicU64::new(0);
    let caught: Mutex<Option<(u64, Violation)>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_caught = caught.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            if seed >= seeds.to || is_caught {
                return;
            }
            if let Some(violation) = run_safely(&seeds.plan(seed), mutant.planted, false).violation {
                let mut caught = caught.lock().unwrap_or_else(PoisonError::into_inner);
                if caught.as_ref().is_none_or(|(first, _)| seed < *first) {
                    *caught = Some((seed, violation));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    Hunt { caught: caught.into_inner().unwrap_or_else(PoisonError::into_inner), took: begun.elapsed() }
}
