//! The whole cluster from seeds: thousands of adversarial histories, each checked line by line.
//!
//! A failing seed prints how to run it again; `clock-sim` replays and shrinks it (docs/testing.md).

use std::collections::BTreeSet;

use clock_core::bugs::Bug;
use clock_tests::mutants;
use clock_tests::sim::{Kept, Plan, Planted, Profile, Seeds, Sweep, draw, run_safely, shrink, sweep};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn assert_all_right(sum: &Sweep) {
    let failures: Vec<String> = sum
        .failures
        .iter()
        .map(|(profile, seed, violation)| {
            format!("clock-sim replay {seed} --profile {}: {violation}", profile.name())
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} seeds failed:\n{}",
        sum.failed,
        sum.counters.seeds,
        failures.join("\n")
    );
}

/// Disproved by one seed of two thousand that breaks a property; void if something was never reached.
#[test]
fn two_thousand_seeds_break_nothing() {
    let sum = sweep(Seeds { profile: None, from: 0, to: 2000 }, threads(), |_, _| {});
    println!("{} seeds, {:.0} seeds/s/core", sum.counters.seeds, sum.rate());
    assert_all_right(&sum);
    assert_eq!(
        sum.counters.unreached(),
        Vec::<String>::new(),
        "never reached: these seeds prove less than they say"
    );
}

#[test]
fn sixty_stations_break_nothing() {
    let sum = sweep(Seeds { profile: Some(Profile::Sixty), from: 0, to: 10 }, threads(), |_, _| {});
    println!("{} seeds, {:.2} seeds/s/core", sum.counters.seeds, sum.rate());
    assert_all_right(&sum);
}

/// Disproved by a run that differs from another of the same plan in one event: then no seed could be trusted.
#[test]
fn a_plan_runs_the_same_way_every_time() {
    for profile in [Profile::Calm, Profile::Stormy, Profile::Radioactive, Profile::SlowLink] {
        for seed in 5000..5006 {
            let plan = draw(profile, seed);
            assert_eq!(plan, draw(profile, seed), "a seed draws one plan");
            let first = run_safely(&plan, Planted::None, true);
            let again = run_safely(&plan, Planted::None, true);
            let differs = first.trace.iter().zip(&again.trace).find(|(left, right)| left != right);
            assert_eq!(differs, None, "{}", plan.name());
            assert_eq!(first.trace.len(), again.trace.len(), "{}", plan.name());
            let unrecorded = run_safely(&plan, Planted::None, false);
            assert_eq!(first.digest, unrecorded.digest, "{}: recording changes the run", plan.name());
            let lines: Vec<String> = first.lines.iter().map(|line| line.to_json()).collect();
            assert!(lines.len() > 50, "{}: {} lines", plan.name(), lines.len());
        }
    }
}

/// Disproved by a seed that runs another way between others, on other threads, than alone.
#[test]
fn a_seed_alone_is_the_seed_of_a_sweep() {
    let seeds = Seeds { profile: None, from: 6000, to: 6040 };
    let alone: Vec<u64> = (seeds.from..seeds.to)
        .map(|seed| run_safely(&seeds.plan(seed), Planted::None, false).digest)
        .collect();
    let shared = std::sync::Mutex::new(std::collections::BTreeMap::new());
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (shared, seeds) = (&shared, &seeds);
            scope.spawn(move || {
                for seed in (seeds.from..seeds.to).rev().filter(|seed| seed % 4 == part) {
                    let digest = run_safely(&seeds.plan(seed), Planted::None, false).digest;
                    shared.lock().unwrap().insert(seed, digest);
                }
            });
        }
    });
    let in_between: Vec<u64> = shared.into_inner().unwrap().into_values().collect();
    assert_eq!(alone, in_between);
    assert_eq!(alone.iter().collect::<BTreeSet<_>>().len(), alone.len(), "two seeds ran the same way");
}

/// Disproved by a plan that once failed and fails again, or that does not fail any more with the bug back in.
#[test]
fn plans_that_once_failed_pass_and_fail_with_their_bug() {
    let kept = Kept::all().unwrap();
    assert!(!kept.is_empty(), "no plan in {}", Kept::folder().display());
    for (name, Kept { mutant, property, plan, .. }) in kept {
        assert_eq!(run_safely(&plan, Planted::None, false).violation, None, "{name}");
        let mutant = mutants::named(&mutant).unwrap_or_else(|| panic!("{name}: no mutant {mutant}"));
        let violation = run_safely(&plan, mutant.planted, false).violation;
        let broken = violation.map(|violation| format!("{:?}", violation.property));
        assert_eq!(broken.as_deref(), Some(property.as_str()), "{name} with {}", mutant.name);
    }
}

/// Disproved by a bug that the checks do not see. All of them: `clock-sim mutants`.
#[test]
fn a_sample_of_mutants_is_caught() {
    let all = mutants::all();
    let sample: Vec<_> = all.iter().filter(|mutant| mutant.profile.is_none()).step_by(4).collect();
    assert!(sample.len() >= 8, "{} mutants in the sample", sample.len());
    for mutant in sample {
        let hunt = mutants::hunt(mutant, threads());
        let (by, violation) = hunt
            .caught
            .unwrap_or_else(|| panic!("{} survives {} seeds: {}", mutant.name, mutant.budget, mutant.what));
        println!("{}: {by}, {violation}", mutant.name);
    }
}

/// Disproved by a smaller plan that fails in another way, or is not smaller.
#[test]
fn a_failing_plan_is_made_smaller() {
    let planted = Planted::Core(Bug::LastWriterWins);
    let plans = (0..50).map(|seed| draw(Profile::Stormy, seed));
    let failing = plans.map(|plan| (run_safely(&plan, planted, false).violation, plan));
    let (violation, plan) =
        failing.into_iter().find(|(violation, _)| violation.is_some()).expect("a mutant that is caught");
    let shrunk = shrink(&plan, planted, 1000).expect("it fails");
    assert_eq!(Some(shrunk.violation.property), violation.map(|violation| violation.property));
    assert!(
        shrunk.plan.entries.len() <= 6,
        "{} entries remain: {:#?}",
        shrunk.plan.entries.len(),
        shrunk.plan.entries
    );
    assert_eq!(run_safely(&shrunk.plan, Planted::None, false).violation, None, "the bug alone makes it fail");
}

/// Disproved by a plan that means something else when it is read again.
#[test]
fn a_plan_is_what_its_file_says() {
    for profile in Profile::ALL {
        let plan = draw(profile, 1);
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}
