//! What a run prints and writes.

use clock_bench::case::Subject;
use clock_bench::measure::Figure;
use clock_bench::table::{self, Figures};
use clock_bench::verdict;
use serde_json::{Value, json};

pub(crate) fn print(figures: &[Figure], sizes: &[(Subject, usize)]) {
    let rows = Figures::new(figures);
    let build =
        if cfg!(feature = "dispatch") { "for this processor" } else { "for any processor of the target" };
    println!("== Limits of the machine, ns (our loops are compiled {build})\n{}", rows.limits());
    println!("== The best variant of each\n{}", rows.table());
    println!("== Bytes on the wire\n{}", table::sizes(sizes, verdict::BAR_ENTRIES));
    println!("== Verdicts\n{}", verdict::verdicts(&rows));
}

pub(crate) fn json(figures: &[Figure], sizes: &[(Subject, usize)]) -> String {
    let figures = figures.iter().map(|figure| {
        let mut value = subject(&figure.subject);
        value["ns"] = figure.ns.into();
        value["ns_worst_pass"] = figure.ns_worst_pass.into();
        value
    });
    let sizes = sizes.iter().map(|(of, bytes)| {
        let mut value = subject(of);
        value["bytes"] = (*bytes).into();
        value
    });
    let figures: Vec<Value> = figures.collect();
    let sizes: Vec<Value> = sizes.collect();
    format!("{:#}\n", json!({ "figures": figures, "sizes": sizes }))
}

fn subject(subject: &Subject) -> Value {
    let Subject { op, entries, threads, who, variant } = subject;
    json!({
        "op": op.to_string(),
        "entries": entries,
        "threads": threads,
        "who": who.to_string(),
        "variant": variant,
    })
}
