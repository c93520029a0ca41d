//! What was promised, and whether it was kept in this run.

use crate::case::{Format, MEASURING_LOOP, Op, READ_MODIFY_WRITE, Subject, Who};
use crate::grid::Grid;
use crate::table::{Figures, Row, ns};

/// A time not to be exceeded.
struct Target {
    row: Row,
    ns_max: f64,
}

/// How many times as fast as the best crate that knows whose entry is whose.
struct Bar {
    op: Op,
    times_min: f64,
}

/// The size that the bars are about.
pub const BAR_ENTRIES: usize = 64;

/// Below this ratio a peer counts as faster. The same function measured twice differs by as much.
const NOISE: f64 = 0.97;

const fn target(op: Op, entries: usize, threads: usize, ns_max: f64) -> Target {
    Target { row: Row { op, entries, threads }, ns_max }
}

/// What an atomic read-modify-write takes on the machine for which the targets were set.
const REFERENCE_NS: f64 = 4.5;

/// The figures to beat, for a machine with 512-bit vectors at the speed at which an atomic read-modify-write takes
/// [`REFERENCE_NS`].
const TARGETS: [Target; 29] = [
    target(Op::LamportTick, 0, 1, 5.0),
    target(Op::LamportTick, 0, 2, 16.0),
    target(Op::LamportWitness, 0, 1, 0.5),
    target(Op::LamportWitness, 0, 2, 0.5),
    target(Op::HybridTick, 0, 1, 27.0),
    target(Op::HybridTick, 0, 2, 37.0),
    target(Op::HybridTickCached, 0, 1, 5.0),
    target(Op::HybridTickCached, 0, 2, 16.0),
    target(Op::HybridReject, 0, 1, 1.0),
    target(Op::Tick, 4, 1, 1.5),
    target(Op::Tick, 64, 1, 1.5),
    target(Op::Tick, 1024, 1, 1.5),
    target(Op::CompareEqual, 4, 1, 4.0),
    target(Op::CompareEqual, 64, 1, COMPARE_NS_MAX[0]),
    target(Op::CompareEqual, 1024, 1, COMPARE_NS_MAX[1]),
    target(Op::CompareBefore, 4, 1, 4.0),
    target(Op::CompareBefore, 64, 1, COMPARE_NS_MAX[0]),
    target(Op::CompareBefore, 1024, 1, COMPARE_NS_MAX[1]),
    target(Op::Merge, 64, 1, 8.0),
    target(Op::Merge, 1024, 1, 75.0),
    target(Op::Snapshot, 64, 1, 12.0),
    target(Op::Snapshot, 1024, 1, 12.0),
    target(Op::HappenedBefore, 4, 1, 1.5),
    target(Op::HappenedBefore, 64, 1, 1.5),
    target(Op::HappenedBefore, 1024, 1, 1.5),
    target(Op::Hop(Format::Text), 64, 1, 1100.0),
    target(Op::Hop(Format::MsgPack), 64, 1, 450.0),
    target(Op::Hop(Format::Binary), 64, 1, 220.0),
    target(Op::Hop(Format::Delta), 64, 1, 220.0),
];

/// For 64 and for 1024 entries; the loops for any processor have targets of their own.
const COMPARE_NS_MAX: [f64; 2] = if cfg!(feature = "dispatch") { [6.0, 65.0] } else { [11.0, 165.0] };

/// At [`BAR_ENTRIES`] entries.
const BYTES_MAX: [(Format, &str, usize); 2] =
    [(Format::Binary, "bytes of a whole vector", 200), (Format::Delta, "bytes of four changes", 16)];

const BARS: [Bar; 6] = [
    Bar { op: Op::CompareEqual, times_min: 12.0 },
    Bar { op: Op::CompareBefore, times_min: 12.0 },
    Bar { op: Op::CompareConcurrent, times_min: 12.0 },
    Bar { op: Op::CompareConcurrentAtEnd, times_min: 12.0 },
    Bar { op: Op::Merge, times_min: 5.0 },
    Bar { op: Op::Snapshot, times_min: 4.0 },
];

/// All verdicts: the targets, the bars, and who is faster than we are.
#[must_use]
pub fn verdicts(figures: &Figures<'_>, sizes: &[(Subject, usize)]) -> [Grid; 3] {
    [targets(figures, sizes), bars(figures), best_of_all(figures)]
}

fn targets(figures: &Figures<'_>, sizes: &[(Subject, usize)]) -> Grid {
    let speed = speed(figures);
    let note = format!(
        "\"At that speed\" is the time scaled to the machine for which the targets were set, on which an uncontended \
         atomic read-modify-write takes {REFERENCE_NS} ns: now it is {speed:.2} times as fast here."
    );
    let mut grid =
        Grid::new("Verdict: targets", &note, &["what", "at most", "measured", "at that speed", "verdict"]);
    grid.rows.extend(TARGETS.iter().map(|target| row_of_target(figures, target, speed)));
    grid.rows.extend(BYTES_MAX.iter().map(|(format, name, max)| {
        let is_ours = |subject: &Subject| {
            subject.op == Op::Encode(*format) && subject.entries == BAR_ENTRIES && subject.who.is_ours()
        };
        let ours = sizes.iter().filter(|(subject, _)| is_ours(subject)).map(|(_, bytes)| *bytes).min();
        let verdict = ours.map_or("not measured", |bytes| if bytes <= *max { "met" } else { "MISSED" });
        let ours = ours.map_or("-".to_owned(), |bytes| format!("{bytes} B"));
        cells([&format!("{name}, n={BAR_ENTRIES}"), &format!("{max} B"), &ours, "-", verdict])
    }));
    grid
}

/// How fast the machine is, as a part of the one for which the targets were set. Nominal, if that was not measured.
fn speed(figures: &Figures<'_>) -> f64 {
    limit(figures, READ_MODIFY_WRITE).map_or(1.0, |ns| REFERENCE_NS / ns)
}

fn limit(figures: &Figures<'_>, name: &str) -> Option<f64> {
    let row = Row { op: Op::Limit, entries: 0, threads: 1 };
    figures.limit(row, name).map(|figure| figure.ns)
}

/// A target is met as measured, or only at the speed of the machine it was set for.
fn row_of_target(figures: &Figures<'_>, target: &Target, speed: f64) -> Vec<String> {
    let (name, max) = (name(target.row), format!("{} ns", ns(target.ns_max)));
    let Some(ours) = figures.ours(target.row) else {
        return cells([&name, &max, "-", "-", "not measured"]);
    };
    let scaled = ours.ns * speed;
    let verdict = match (ours.ns <= target.ns_max, scaled <= target.ns_max) {
        (true, _) => "met",
        (false, true) => "met at that speed",
        (false, false) => "MISSED",
    };
    cells([&name, &max, &format!("{} ns", ns(ours.ns)), &format!("{} ns", ns(scaled)), verdict])
}

fn bars(figures: &Figures<'_>) -> Grid {
    let head = ["what", "at least", "times as fast", "verdict"];
    let mut grid = Grid::new("Verdict: beside the best of vclock and crdts", "", &head);
    for bar in &BARS {
        let row = Row { op: bar.op, entries: BAR_ENTRIES, threads: 1 };
        let (name, min) = (name(row), format!("{:.1}", bar.times_min));
        let peer = figures.best(row, Who::is_peer_with_ids);
        grid.rows.push(match figures.ours(row).zip(peer).map(|(ours, peer)| peer.ns / ours.ns) {
            None => cells([&name, &min, "-", "not measured"]),
            Some(times) => {
                let verdict = if times >= bar.times_min { "met" } else { "MISSED" };
                cells([&name, &min, &format!("{times:.1}"), verdict])
            }
        });
    }
    grid
}

/// Where somebody else is faster than we are.
fn best_of_all(figures: &Figures<'_>) -> Grid {
    let head = ["where a peer is faster", "peer", "peer ns", "ours ns", "peer / ours"];
    let mut grid = Grid::new("Verdict: as fast as the best of all peers", "", &head);
    let loop_ns = limit(figures, MEASURING_LOOP).unwrap_or_default();
    let mut compared = 0;
    for row in figures.rows().filter(|row| !row.op.is_about_sharing()) {
        let (Some(ours), Some(peer)) = (figures.ours(row), figures.best(row, Who::is_peer)) else { continue };
        compared += 1;
        let times = peer.ns / ours.ns;
        if times < NOISE && ours.ns - peer.ns > loop_ns {
            let Subject { who, variant, .. } = &peer.subject;
            let peer_ns = ns(peer.ns);
            let who = format!("{who} {variant}");
            grid.rows.push(cells([&name(row), &who, &peer_ns, &ns(ours.ns), &format!("{times:.2}")]));
        }
    }
    let missed = grid.rows.len();
    let verdict = if missed == 0 { "met" } else { "MISSED" };
    grid.note = format!(
        "{verdict}: {} of {compared} rows. What sharing costs is not among them, and nor is what no peer can do. Times \
         that differ by less than an empty turn of the measuring loop ({} ns) count as equal.",
        compared - missed,
        ns(loop_ns)
    );
    grid
}

fn cells<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

fn name(row: Row) -> String {
    let entries = if row.entries == 0 { String::new() } else { format!(", n={}", row.entries) };
    let threads = if row.threads == 1 { "" } else { ", two threads" };
    format!("{}{entries}{threads}", row.op)
}
