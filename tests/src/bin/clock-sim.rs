//! The simulator at the command line: sweep seeds, replay one, make it smaller, hunt mutants.

#![expect(clippy::print_stdout, reason = "what a command says goes to its output")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clock_tests::sim::{Counters, Outcome, Plan, Planted, Profile, Seeds, Sweep};
use clock_tests::sim::{run_safely, shrink, sweep};

/// Events shown of a failing run.
const TAIL: usize = 200;
/// Runs that shrinking may take.
const SHRINK_RUNS: usize = 3000;

#[derive(Parser)]
#[command(name = "clock-sim", about = "Simulates whole clusters from seeds, and checks every history")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs many seeds; fails if one breaks a property
    Sweep {
        /// Which seeds, as A..B
        #[arg(value_parser = range)]
        seeds: (u64, u64),
        /// calm, stormy, radioactive, slow-link or sixty; without it, the first four mixed
        #[arg(long, value_parser = profile)]
        profile: Option<Profile>,
        /// How many threads
        #[arg(long, default_value_t = cores())]
        threads: usize,
        /// Fail if a counter stayed at zero: a run that reached nothing has proved nothing
        #[arg(long)]
        reach: bool,
    },
    /// Runs one seed or one plan again, and shows how it went
    Replay {
        #[command(flatten)]
        which: Which,
        /// Write the history here, for clock-check
        #[arg(long)]
        history: Option<PathBuf>,
        /// Show every event, not only the last 200 of a failing run
        #[arg(long)]
        trace: bool,
    },
    /// Leaves out of a failing plan what can be left out
    Shrink {
        #[command(flatten)]
        which: Which,
        /// Write the smaller plan here
        #[arg(long)]
        out: PathBuf,
    },
    /// Plants each bug and hunts it within its budget of seeds
    #[cfg(feature = "sim-bugs")]
    Mutants {
        /// Only these
        names: Vec<String>,
        /// So many seeds for each, instead of its own budget
        #[arg(long)]
        budget: Option<u64>,
        /// How many threads
        #[arg(long, default_value_t = cores())]
        threads: usize,
    },
}

/// A seed with its profile, or a plan in a file.
#[derive(clap::Args)]
struct Which {
    /// The seed
    #[arg(required_unless_present = "plan")]
    seed: Option<u64>,
    /// Its profile; without it, the one that the seed has in a mixed sweep
    #[arg(long, value_parser = profile)]
    profile: Option<Profile>,
    /// A plan in a file instead
    #[arg(long, conflicts_with_all = ["seed", "profile"])]
    plan: Option<PathBuf>,
    /// Plant this bug (see `mutants`)
    #[cfg(feature = "sim-bugs")]
    #[arg(long, value_parser = planted)]
    mutant: Option<Planted>,
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let expected = || format!("{text:?}: expected A..B with A below B, for instance 0..2000");
    let (from, to) = text.split_once("..").ok_or_else(expected)?;
    let (Ok(from), Ok(to)) = (from.parse(), to.parse()) else { return Err(expected()) };
    if from < to { Ok((from, to)) } else { Err(expected()) }
}

fn profile(name: &str) -> Result<Profile, String> {
    let known = || Profile::ALL.map(Profile::name).join(", ");
    Profile::named(name).ok_or_else(|| format!("{name:?}: expected one of {}", known()))
}

#[cfg(feature = "sim-bugs")]
fn planted(name: &str) -> Result<Planted, String> {
    let mutant = clock_tests::mutants::named(name);
    mutant
        .map(|mutant| mutant.planted)
        .ok_or_else(|| format!("{name:?} is no mutant: see `clock-sim mutants`"))
}

impl Which {
    fn plan(&self) -> Result<Plan, String> {
        if let Some(path) = &self.plan {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            return serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()));
        }
        let seed = self.seed.unwrap_or_default();
        Ok(Seeds { profile: self.profile, from: seed, to: seed + 1 }.plan(seed))
    }

    fn planted(&self) -> Planted {
        #[cfg(feature = "sim-bugs")]
        return self.mutant.unwrap_or_default();
        #[cfg(not(feature = "sim-bugs"))]
        Planted::None
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Sweep { seeds, profile, threads, reach } => sweep_seeds(seeds, profile, threads, reach),
        Command::Replay { which, history, trace } => replay(&which, history, trace),
        Command::Shrink { which, out } => shrink_plan(&which, &out),
        #[cfg(feature = "sim-bugs")]
        Command::Mutants { names, budget, threads } => hunt_mutants(&names, budget, threads),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("clock-sim: {error}");
            ExitCode::from(2)
        }
    }
}

fn sweep_seeds(
    (from, to): (u64, u64),
    profile: Option<Profile>,
    threads: usize,
    reach: bool,
) -> Result<bool, String> {
    let progress = |done: u64, failed: u64| {
        if done.is_multiple_of(5000) {
            eprintln!("{done} seeds, {failed} failed");
        }
    };
    let sum = sweep(Seeds { profile, from, to }, threads, progress);
    print_counters(&sum.counters);
    let unreached = sum.counters.unreached();
    if reach && !unreached.is_empty() {
        println!("never reached: {}", unreached.join(", "));
    }
    print_failures(&sum);
    let (seeds, seconds) = (sum.counters.seeds, sum.took.as_secs_f64());
    println!(
        "{seeds} seeds on {threads} threads in {seconds:.1} s, {:.0} seeds/s/core: {} failed",
        sum.rate(),
        sum.failed
    );
    Ok(sum.failed == 0 && (!reach || unreached.is_empty()))
}

fn print_counters(counters: &Counters) {
    for (name, count) in counters.named().into_iter().chain(counters.checked.all()) {
        println!("{name:>24} {count}");
    }
}

fn print_failures(sum: &Sweep) {
    for (profile, seed, violation) in &sum.failures {
        println!("{} {seed}: {violation}", profile.name());
        println!("    again: clock-sim replay {seed} --profile {}", profile.name());
    }
}

fn replay(which: &Which, history: Option<PathBuf>, trace: bool) -> Result<bool, String> {
    let plan = which.plan()?;
    let outcome = run_safely(&plan, which.planted(), true);
    if outcome.violation.is_some() || trace {
        println!("{}", serde_json::to_string(&plan).map_err(|error| error.to_string())?);
        let shown = if trace { 0 } else { outcome.trace.len().saturating_sub(TAIL) };
        outcome.trace[shown..].iter().for_each(|event| println!("{event}"));
    }
    if let Some(path) = history {
        let lines: Vec<String> = outcome.lines.iter().map(|line| line.to_json() + "\n").collect();
        std::fs::write(&path, lines.concat()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(print_verdict(&plan, &outcome))
}

fn print_verdict(plan: &Plan, outcome: &Outcome) -> bool {
    let seconds = outcome.virtual_us / 1_000_000;
    println!("{}: {seconds} s of virtual time, digest {:016x}", plan.name(), outcome.digest);
    match &outcome.violation {
        Some(violation) => println!("{violation}"),
        None => println!("ok"),
    }
    outcome.violation.is_none()
}

fn shrink_plan(which: &Which, out: &PathBuf) -> Result<bool, String> {
    let plan = which.plan()?;
    let shrunk = shrink(&plan, which.planted(), SHRINK_RUNS).ok_or("this plan does not fail")?;
    let text = serde_json::to_string_pretty(&shrunk.plan).map_err(|error| error.to_string())?;
    std::fs::write(out, text + "\n").map_err(|error| format!("{}: {error}", out.display()))?;
    let (before, after) = (plan.entries.len(), shrunk.plan.entries.len());
    println!("{before} entries, now {after}, after {} runs: {}", shrunk.runs, out.display());
    println!("{}", shrunk.violation);
    Ok(true)
}

#[cfg(feature = "sim-bugs")]
fn hunt_mutants(names: &[String], budget: Option<u64>, threads: usize) -> Result<bool, String> {
    use clock_tests::mutants;
    if let Some(unknown) = names.iter().find(|name| mutants::named(name).is_none()) {
        return Err(format!("{unknown:?} is no mutant"));
    }
    let chosen = |mutant: &mutants::Mutant| names.is_empty() || names.iter().any(|name| name == mutant.name);
    let mut mutants: Vec<mutants::Mutant> = mutants::all().into_iter().filter(chosen).collect();
    println!("{:<26} {:>6} {:>6} {:>7}  {:<20} what it does", "mutant", "budget", "seed", "ms", "caught by");
    // A panic is one way to be caught: it need not be told in full each time.
    std::panic::set_hook(Box::new(|_| {}));
    let mut killed = 0;
    for mutant in &mut mutants {
        mutant.budget = budget.unwrap_or(mutant.budget);
        let hunt = mutants::hunt(mutant, threads);
        let (seed, property) = match &hunt.caught {
            Some((by, violation)) => (by.to_string(), format!("{:?}", violation.property)),
            None => ("-".to_owned(), "SURVIVES".to_owned()),
        };
        killed += usize::from(hunt.caught.is_some());
        let millis = hunt.took.as_millis();
        println!(
            "{:<26} {:>6} {seed:>6} {millis:>7}  {property:<20} {}",
            mutant.name, mutant.budget, mutant.what
        );
    }
    println!("{killed} of {} mutants killed", mutants.len());
    Ok(killed == mutants.len())
}
