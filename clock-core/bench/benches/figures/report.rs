//! What a run prints and writes.

use clock_bench::case::{Op, Subject};
use clock_bench::grid::Grid;
use clock_bench::measure::Figure;
use clock_bench::table::{self, Figures};
use clock_bench::verdict;
use serde_json::{Value, json};

const TIMES: &str = "\
In each cell the best variant of a contestant; the last columns name the best peer's. Text and msgpack are compared where
names are sent; the binary forms may number their members, as ours does. Nobody but us checks a merge, and vec_clock's
merge ticks as well. Two threads work on vectors of their own; Lamport and hybrid clocks are shared.";

const SHARING: &str = "\
Our copies share their entries until one of them changes: the copying moves from the snapshot to the first change after
it, and the count of copies is contended by threads that take them of one vector. So these rows do not count below.";

const SIZES: &str = "Counters up to a million. The forms by number (u32, ours) send no names.";

pub(crate) fn grids(figures: &[Figure], sizes: &[(Subject, usize)]) -> Vec<Grid> {
    let rows = Figures::new(figures);
    let build = if cfg!(feature = "dispatch") { "this processor" } else { "any processor of the target" };
    let limits = format!("Limits of the machine (our loops are compiled for {build})");
    let mut grids = vec![
        rows.limits(&limits),
        rows.table("What it costs", TIMES, |op| !op.is_about_sharing()),
        rows.table("What sharing costs", SHARING, Op::is_about_sharing),
        table::sizes("Bytes on the wire", SIZES, sizes, verdict::BAR_ENTRIES),
    ];
    grids.extend(verdict::verdicts(&rows, sizes));
    grids
}

pub(crate) fn markdown(grids: &[Grid]) -> String {
    let sections: Vec<String> = grids.iter().map(Grid::markdown).collect();
    format!(
        "# Performance\n\nMeasured by `cargo bench -p clock-bench`, in one run.\n\n{}",
        sections.join("\n")
    )
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
