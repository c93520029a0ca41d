//! What was promised, and whether it was kept in this run.

use crate::grid::Grid;

use crate::figures::{Figures, digits};
use crate::measure::trip::{self, Cores};
use crate::measure::{bandwidth, control, idle, latency, removal, throughput};
use crate::peer::Peer;

/// On which side of the limit is good.
#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// A promise, and what came of it.
struct Target {
    what: String,
    limit: Limit,
    unit: &'static str,
    measured: Option<f64>,
}

/// One row per target.
pub(crate) fn verdicts(figures: &Figures) -> Grid {
    let mut grid = Grid::new("Verdict: targets", NOTE, &["what", "target", "measured", "verdict"]);
    let targets = [pass(figures), trips(figures), faults(figures), control_and_memory(figures)];
    grid.rows.extend(targets.into_iter().flatten().map(Target::row));
    grid
}

const NOTE: &str = "Where a target is about both of ours, or about several delays or rates, the worst of them counts. The \
                    targets in absolute units were set on another two cores.";

impl Target {
    fn new(what: impl Into<String>, limit: Limit, unit: &'static str, measured: Option<f64>) -> Self {
        Self { what: what.into(), limit, unit, measured }
    }

    fn row(self) -> Vec<String> {
        let with_unit = |value: f64| format!("{} {}", digits(value), self.unit).trim_end().to_owned();
        let limit = match self.limit {
            Limit::AtMost(most) => format!("≤ {}", with_unit(most)),
            Limit::AtLeast(least) => format!("≥ {}", with_unit(least)),
        };
        let is_met = self.measured.map(|measured| match self.limit {
            Limit::AtMost(most) => measured <= most,
            Limit::AtLeast(least) => measured >= least,
        });
        let verdict = match is_met {
            None => "not measured",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        let measured = self.measured.map_or_else(|| "-".to_owned(), with_unit);
        vec![self.what, limit, measured, verdict.to_owned()]
    }
}

fn pass(figures: &Figures) -> Vec<Target> {
    use Limit::{AtLeast, AtMost};
    let value = |column: &str, peer| figures.value(column, peer);
    let (one, four) = (throughput::rate(1), throughput::rate(4));
    let ratio = |column: &str, peer, to| Some(value(column, peer)? / value(column, to)?);
    let cost = |peer| worst([1, 4].map(|connections| value(&throughput::cpu(connections), peer)));
    let (raw, framed) = (Peer::OursRaw, Peer::OursFramed);
    vec![
        Target::new("raw, 1 connection", AtLeast(2.3), "GB/s", value(&one, raw)),
        Target::new("raw, 4 connections", AtLeast(3.2), "GB/s", value(&four, raw)),
        Target::new("raw to direct, 4 connections", AtLeast(0.38), "", ratio(&four, raw, Peer::Direct)),
        Target::new("framed to raw, 1 connection", AtLeast(0.9), "", ratio(&one, framed, raw)),
        Target::new("framed to raw, 4 connections", AtLeast(0.9), "", ratio(&four, framed, raw)),
        Target::new("frames of 64 bytes", AtLeast(30.0), "million/s", value(throughput::FRAMES, framed)),
        Target::new("processor time, raw", AtMost(0.30), "s/GB", cost(raw)),
        Target::new("processor time, framed", AtMost(0.35), "s/GB", cost(framed)),
    ]
}

fn trips(figures: &Figures) -> Vec<Target> {
    let limits = [(Cores::One, [17.5, 31.0]), (Cores::Free, [20.0, 45.0])];
    let of_cores = |(cores, most): (Cores, [f64; 2])| {
        trip::PARTS.into_iter().zip(most).map(move |((part, _), most)| {
            let column = trip::added(cores, part);
            let measured = worst(OURS.map(|peer| figures.value(&column, peer)));
            Target::new(format!("round trip, {column}"), Limit::AtMost(most), "µs", measured)
        })
    };
    limits.into_iter().flat_map(of_cores).collect()
}

fn faults(figures: &Figures) -> Vec<Target> {
    let late = |pace: u32, delays: &[u64], part: &str| {
        let of_delay =
            |delay: &u64| OURS.map(|peer| figures.value(&latency::error(pace, *delay, part), peer));
        worst(delays.iter().flat_map(of_delay))
    };
    let [slow, fast] = latency::PACES;
    let (short, all) = (&latency::DELAYS_MS[..3], &latency::DELAYS_MS[..]);
    let rates = bandwidth::RATES
        .iter()
        .flat_map(|rate| OURS.map(|peer| figures.value(&bandwidth::error(*rate), peer).map(f64::abs)));
    let most = Limit::AtMost;
    vec![
        Target::new("delays of 1 to 100 ms off, 100/s, p50", most(0.08), "ms", late(slow, short, "p50")),
        Target::new("delays of 1 to 100 ms off, 100/s, p99", most(0.25), "ms", late(slow, short, "p99")),
        Target::new("delays of 1 to 500 ms off, 10000/s, p50", most(0.08), "ms", late(fast, all, "p50")),
        Target::new("rates of 0.1 to 500 MB/s off", most(1.0), "%", worst(rates)),
    ]
}

fn control_and_memory(figures: &Figures) -> Vec<Target> {
    let worst_of_ours = |column: &str| worst(OURS.map(|peer| figures.value(column, peer)));
    let most = Limit::AtMost;
    let calls = figures.value(control::CALLS, Peer::OursRaw);
    vec![
        Target::new("fault removed with a stuck reader", most(50.0), "ms", worst_of_ours(removal::REMOVAL)),
        Target::new("two calls over HTTP", most(280.0), "µs", calls),
        Target::new("idle connection", most(8.0), "KiB", worst_of_ours(idle::MEMORY)),
    ]
}

const OURS: [Peer; 2] = [Peer::OursRaw, Peer::OursFramed];

/// The largest. Nothing if one is missing: a part of a promise is not the promise.
fn worst(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    values.into_iter().collect::<Option<Vec<f64>>>()?.into_iter().max_by(f64::total_cmp)
}
