//! Mutants: the product with one bug planted. Each has to be caught by the simulation within a stated number of seeds;
//! one that survives shows a hole in the checks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clock_core::bugs::Bug;

use crate::check::Violation;
use crate::sim::{Kept, Planted, Profile, Seeds, TwinBug, run_safely};

/// Seeds within which most mutants have to be caught.
const USUAL_BUDGET: u64 = 500;

/// Those that need other seeds, and why: a profile in which the bug can show at all, or luck.
const SPECIAL: &[(&str, Option<Profile>, u64)] = &[
    // Backups, losses and their peers have to meet.
    ("ClaimsIgnored", None, 3_000),
    ("OldBackupTrusted", None, 3_000),
    // What is left behind by a session has to matter to the next.
    ("PeerStateKept", None, 3_000),
    // A resend has to overtake a read, and nobody else relay.
    ("OvertakenReadNeverEnds", None, 3_000),
    // Large runs alone have so many requests.
    ("RequestsUnbounded", None, 3_000),
];

/// Those that simulated seeds meet too rarely: `tests/tests/replica/identity.rs` has a test that catches each.
const ELSEWHERE: &[&str] = &["HelloIsWitness", "EarlierSessionsHeard"];

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

/// What caught a mutant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A kept plan of this name.
    Kept(String),
    /// This seed.
    Seed(u64),
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(_) => formatter.pad("kept"),
            Self::Seed(seed) => formatter.pad(&seed.to_string()),
        }
    }
}

/// How the hunt for a mutant ended.
#[derive(Debug)]
pub struct Hunt {
    /// What caught it first, and how.
    pub caught: Option<(By, Violation)>,
    /// How long it took.
    pub took: Duration,
}

/// Every mutant that the simulation hunts.
pub fn all() -> Vec<Mutant> {
    let core = Bug::ALL.iter().map(|bug| (Planted::Core(*bug), bug.name(), bug.what()));
    let twin = TwinBug::ALL.iter().map(|bug| (Planted::Twin(*bug), bug.name(), bug.what()));
    let hunted = core.chain(twin).filter(|(_, name, _)| !ELSEWHERE.contains(name));
    hunted.map(|(planted, name, what)| mutant(planted, name, what)).collect()
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

/// Runs seed after seed until one catches the mutant or its budget is spent, then the plans that are kept for it.
pub fn hunt(mutant: &Mutant, threads: usize) -> Hunt {
    let begun = Instant::now();
    let caught = hunt_by_seeds(mutant, threads).or_else(|| hunt_by_kept(mutant));
    Hunt { caught, took: begun.elapsed() }
}

fn hunt_by_kept(mutant: &Mutant) -> Option<(By, Violation)> {
    let kept = Kept::all().expect("the kept plans can be read").into_iter();
    kept.filter(|(_, kept)| kept.mutant == mutant.name).find_map(|(name, kept)| {
        let violation = run_safely(&kept.plan, mutant.planted, false).violation?;
        let is_it = format!("{:?}", violation.property) == kept.property;
        is_it.then_some((By::Kept(name), violation))
    })
}

fn hunt_by_seeds(mutant: &Mutant, threads: usize) -> Option<(By, Violation)> {
    let seeds = Seeds { profile: mutant.profile, from: 0, to: mutant.budget };
    let next = AtomicU64::new(0);
    let caught: Mutex<Option<(By, Violation)>> = Mutex::new(None);
    let locked = || caught.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.to || locked().is_some() {
                return;
            }
            if let Some(violation) = run_safely(&seeds.plan(seed), mutant.planted, false).violation {
                let (by, mut caught) = (By::Seed(seed), locked());
                if caught.as_ref().is_none_or(|(first, _)| by < *first) {
                    *caught = Some((by, violation));
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    caught.into_inner().unwrap_or_else(PoisonError::into_inner)
}
