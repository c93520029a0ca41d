//! All measures of a run as one document.

use std::fmt::Write as _;
use std::fs;
use std::io;

use crate::grid::Grid;

use crate::arguments::{Arguments, Measure};
use crate::effort::Effort;
use crate::figures::{Figures, Layout};
use crate::measure::{self, Bench};
use crate::peer::Programs;
use crate::targets;

type Measuring = fn(&mut Bench<'_>) -> io::Result<()>;

/// In the order of the report.
const MEASURES: [(Measure, Measuring); 9] = [
    (Measure::Throughput, measure::throughput::measure),
    (Measure::Frames, measure::throughput::measure_frames),
    (Measure::Trip, measure::trip::measure),
    (Measure::Latency, measure::latency::measure),
    (Measure::Bandwidth, measure::bandwidth::measure),
    (Measure::Removal, measure::removal::measure),
    (Measure::Control, measure::control::measure),
    (Measure::Idle, measure::idle::measure),
    (Measure::Accept, measure::accept::measure),
];

/// Measures, and prints the report.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    // Before anything is built here.
    let load = load_average();
    let programs = Programs::find(arguments)?;
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let mut figures = Figures::default();
    for (name, measuring) in MEASURES.into_iter().filter(|(name, _)| arguments.wants(*name)) {
        eprintln!("measuring: {name:?}");
        measuring(&mut Bench { programs: &programs, effort, figures: &mut figures })?;
    }
    let report = document(&preamble(arguments, &programs, &load), arguments, &figures);
    println!("{report}");
    arguments.out.as_ref().map_or(Ok(()), |path| fs::write(path, &report))
}

fn document(preamble: &str, arguments: &Arguments, figures: &Figures) -> String {
    let mut report = "## The proxy\n\n".to_owned();
    let _infallible = writeln!(report, "{preamble}\n");
    let tables = MEASURES.into_iter().filter(|(name, _)| arguments.wants(*name));
    let tables = tables.flat_map(|(name, _)| tables_of(name, figures));
    for grid in tables.chain([targets::verdicts(figures)]) {
        let _infallible = writeln!(report, "{}", grid.markdown());
    }
    report
}

/// Of the minute before: what else the machine had to do.
fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn preamble(arguments: &Arguments, programs: &Programs, load: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let effort = if arguments.quick { " with `--quick`: too short to be quoted" } else { "" };
    let mut text = format!(
        "Measured by `cargo bench -p proxy-bench` in one run{effort}, on {cores} cores that also carry the load. In \
         the minute before, the load average was {load}: on an idle machine, below 0.3. Each relay is a \
         process of its own. \"To direct\" is the ratio to the same bytes without a relay."
    );
    for (peer, absent) in programs.all_absent() {
        let _infallible = write!(text, " Left out: {peer} ({}).", absent.reason);
    }
    text
}

fn tables_of(measure: Measure, figures: &Figures) -> Vec<Grid> {
    let table = |title: &str, note: &str, columns: &[String], with_ratio| {
        figures.table(&Layout { title, note, columns, with_ratio })
    };
    match measure {
        Measure::Throughput => {
            let columns = measure::throughput::columns();
            let (rates, costs) = columns.split_at(2);
            vec![
                table("Throughput", THROUGHPUT, rates, true),
                table("Processor time", "Of the relay alone, over all rounds.", costs, false),
            ]
        }
        Measure::Frames => {
            let columns = [measure::throughput::FRAMES.to_owned()];
            vec![table("Frames of 64 bytes", FRAMES, &columns, true)]
        }
        Measure::Trip => vec![table("Round trips", TRIP, &measure::trip::columns(), false)],
        Measure::Latency => measure::latency::PACES
            .into_iter()
            .map(|pace| {
                let title = format!("Delays, {pace} frames a second");
                table(&title, LATENCY, &measure::latency::columns(pace), false)
            })
            .collect(),
        Measure::Bandwidth => vec![table("Rates", RATES, &measure::bandwidth::columns(), false)],
        Measure::Removal => {
            let columns = [measure::removal::REMOVAL.to_owned()];
            vec![table("Removing a fault from a stuck lane", REMOVAL, &columns, false)]
        }
        Measure::Control => {
            let columns = [measure::control::COMMANDS, measure::control::CALLS].map(str::to_owned);
            vec![table("Commands", CONTROL, &columns, false)]
        }
        Measure::Idle => {
            let columns = [measure::idle::MEMORY, measure::idle::COUNT].map(str::to_owned);
            vec![table("Idle connections", IDLE, &columns, false)]
        }
        Measure::Accept => {
            let columns = [measure::accept::RATE.to_owned()];
            vec![table("Short connections", ACCEPT, &columns, true)]
        }
    }
}

const THROUGHPUT: &str = "Writes of 256 KiB, each 16 frames, one way. The median of short rounds that go over all \
                          relays in turn.";
const FRAMES: &str = "One connection, 4,096 frames in a write. Only ours, framed, looks at them.";
const TRIP: &str = "64 bytes there and back on one connection; µs. Added is the difference to direct. On one core, the \
                    relay and both ends share it.";
const LATENCY: &str = "Milliseconds from sending to arrival beyond the delay that was asked for. In the row of direct: \
                       without any delay.";
const RATES: &str = "More is sent than the rate lets through; the first fifth of the time does not count.";
const REMOVAL: &str =
    "A delay of 100 ms, a sender that writes until it is stuck and a receiver that does not read.";
const CONTROL: &str = "A delay put on and taken off again, with one connection open; the median.";
const IDLE: &str = "Resident memory after so many connections have passed one frame each and then say nothing. socat \
                    has a process each, whose shared pages count in every one.";
const ACCEPT: &str = "Four clients; each connection is made, passes a frame there and back, and is closed.";
