//! x
use clock_tests::sim::{Counters, Options, Profile, draw, run};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let profile = Profile::named(&args[1]).unwrap();
    let (from, to): (u64, u64) = (args[2].parse().unwrap(), args[3].parse().unwrap());
    let record = args.len() > 4;
    let begun = std::time::Instant::now();
    let mut sum = Counters::default();
    let mut bad = 0;
    let mut virt = 0;
    for seed in from..to {
        let plan = draw(profile, seed);
        let outcome = run(&plan, Options { record, twin_bug: None });
        virt += outcome.virtual_us;
        sum.merge(&outcome.counters);
        if let Some(violation) = outcome.violation {
            bad += 1;
            if bad < 6 {
                println!("{}: {violation}", plan.name());
            }
            if record {
                for line in outcome.trace.iter().rev().take(200).collect::<Vec<_>>().into_iter().rev() {
                    println!("{line}");
                }
            }
        }
    }
    let took = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds, {bad} bad, {:.1} s, {:.0} seeds/s, virtual {:.1} s each",
        to - from,
        took,
        (to - from) as f64 / took,
        virt as f64 / 1e6 / (to - from) as f64
    );
    println!("{}", sum.named().iter().map(|(n, c)| format!("{n}={c}")).collect::<Vec<_>>().join(" "));
    println!("{:?}", sum.checked);
    println!("{:?}", sum.unreached());
}
