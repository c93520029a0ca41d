//! `cargo bench -p clock-bench`: one table of what our clocks cost beside other crates, in one run.
//!
//! `cargo bench -p clock-bench -- --help` says what can be chosen.

mod arguments;
mod contestants;
mod data;
mod ids;
mod limits;
mod report;
mod vector;
mod wall;
mod wire;

use std::io::IsTerminal;
use std::path::Path;

use clock_bench::case::{Cases, Op, Subject};
use clock_bench::measure::measure;

use arguments::Arguments;
use data::Data;

/// From a small cluster to far beyond what vectors are for.
const SIZES: [usize; 5] = [4, 16, 64, 256, 1024];

fn main() {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(2);
        }
    };
    let mut cases = all_cases();
    cases.list.retain(|case| case.subject.op == Op::Limit || arguments.wants(&case.subject));
    let is_watched = std::io::stderr().is_terminal();
    let progress = |pass: usize, Subject { op, entries, threads, .. }: &Subject| {
        if is_watched {
            eprint!("\rpass {}: {op:44} n={entries:<5} threads={threads}  ", pass + 1);
        }
    };
    let figures = measure(&mut cases.list, arguments.effort, progress);
    if is_watched {
        eprintln!();
    }
    let grids = report::grids(&figures, &cases.sizes);
    grids.iter().for_each(|grid| println!("{}", grid.text()));
    write(arguments.json.as_deref(), || report::json(&figures, &cases.sizes));
    write(arguments.markdown.as_deref(), || report::markdown(&grids));
}

fn write(path: Option<&Path>, content: impl FnOnce() -> String) {
    if let Some(path) = path
        && let Err(error) = std::fs::write(path, content())
    {
        eprintln!("{} was not written: {error}", path.display());
        std::process::exit(1);
    }
}

/// Every contestant at every operation it can do.
fn all_cases() -> Cases {
    wall::refresh();
    let mut cases = Cases::default();
    limits::add(&mut cases);
    contestants::ours_shared::add(&mut cases);
    contestants::plain_clocks::add(&mut cases);
    contestants::uhlc::add(&mut cases);
    for entries in SIZES {
        let data: &Data = vector::keep(Data::of(entries));
        contestants::ours::add(&mut cases, data);
        contestants::ours_wire::add(&mut cases, data);
        contestants::vclock::add(&mut cases, data);
        contestants::crdts::add(&mut cases, data);
        contestants::vec_clock::add(&mut cases, data);
        contestants::maps::add(&mut cases, data);
    }
    cases
}
