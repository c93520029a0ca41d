//! What was promised, and whether it was kept in this run.

use std::fmt::Write as _;

use crate::case::{Format, Op, READ_MODIFY_WRITE, Who};
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
const TARGETS: [Target; 26] = [
    target(Op::LamportTick, 0, 1, 5.0),
    target(Op::LamportTick, 0, 2, 16.0),
    target(Op::LamportObserve, 0, 1, 0.5),
    target(Op::LamportObserve, 0, 2, 0.5),
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
    target(Op::CompareBefore, 64, 1, COMPARE_NS_MAX[0]),
    target(Op::CompareBefore, 1024, 1, COMPARE_NS_MAX[1]),
    target(Op::Merge, 64, 1, 8.0),
    target(Op::Merge, 1024, 1, 75.0),
    target(Op::Snapshot, 64, 1, 12.0),
    target(Op::Snapshot, 1024, 1, 12.0),
    target(Op::HappenedBefore, 4, 1, 1.5),
    target(Op::HappenedBefore, 1024, 1, 1.5),
    target(Op::Hop(Format::Text), 64, 1, 1100.0),
    target(Op::Hop(Format::MsgPack), 64, 1, 450.0),
    target(Op::Hop(Format::Binary), 64, 1, 220.0),
];

/// For 64 and for 1024 entries; the loops for any processor have targets of their own.
const COMPARE_NS_MAX: [f64; 2] = if cfg!(feature = "dispatch") { [6.0, 65.0] } else { [11.0, 165.0] };

const BARS: [Bar; 7] = [
    Bar { op: Op::CompareEqual, times_min: 12.0 },
    Bar { op: Op::CompareBefore, times_min: 12.0 },
    Bar { op: Op::CompareConcurrent, times_min: 12.0 },
    Bar { op: Op::CompareConcurrentAtEnd, times_min: 12.0 },
    Bar { op: Op::Merge, times_min: 5.0 },
    Bar { op: Op::Snapshot, times_min: 4.0 },
    Bar { op: Op::Stamp, times_min: 4.0 },
];

/// All verdicts, as a table.
#[must_use]
pub fn verdicts(figures: &Figures<'_>) -> String {
    let speed = speed(figures);
    let mut text =
        format!("this machine at this moment: {speed:.2} of the speed for which the targets were set\n");
    for target in &TARGETS {
        text.push_str(&line_of_target(figures, target, speed));
    }
    for bar in &BARS {
        text.push_str(&line_of_bar(figures, bar));
    }
    text.push_str(&slower_rows(figures));
    text
}

/// How fast the machine is, as a part of the one for which the targets were set. Nominal, if that was not measured.
fn speed(figures: &Figures<'_>) -> f64 {
    let row = Row { op: Op::Limit, entries: 0, threads: 1 };
    figures.limit(row, READ_MODIFY_WRITE).map_or(1.0, |figure| REFERENCE_NS / figure.ns)
}

/// A target is met as measured, or only at the speed of the machine it was set for.
fn line_of_target(figures: &Figures<'_>, target: &Target, speed: f64) -> String {
    let name = name(target.row);
    let Some(ours) = figures.ours(target.row) else {
        return format!("{name:52} <= {:>8} ns {:>11}  not measured\n", ns(target.ns_max), "-");
    };
    let scaled = ours.ns * speed;
    let verdict = match (ours.ns <= target.ns_max, scaled <= target.ns_max) {
        (true, _) => "met",
        (false, true) => "met at that speed",
        (false, false) => "MISSED",
    };
    let (max, measured, scaled) = (ns(target.ns_max), ns(ours.ns), ns(scaled));
    format!("{name:52} <= {max:>8} ns {measured:>8} ns  {scaled:>8} at that speed  {verdict}\n")
}

fn line_of_bar(figures: &Figures<'_>, bar: &Bar) -> String {
    let row = Row { op: bar.op, entries: BAR_ENTRIES, threads: 1 };
    let name = format!("{} beside vclock, crdts", name(row));
    let (Some(ours), Some(peer)) = (figures.ours(row), figures.best(row, Who::is_peer_with_ids)) else {
        return format!("{name:52} >= {:>8.1} x  {:>11}  not measured\n", bar.times_min, "-");
    };
    let times = peer.ns / ours.ns;
    let verdict = if times >= bar.times_min { "met" } else { "MISSED" };
    format!("{name:52} >= {:>8.1} x  {times:>8.1} x   {verdict}\n", bar.times_min)
}

/// Where somebody else is faster than we are.
fn slower_rows(figures: &Figures<'_>) -> String {
    let (mut text, mut compared) = (String::new(), 0);
    for row in figures.rows() {
        let (Some(ours), Some(peer)) = (figures.ours(row), figures.best(row, Who::is_peer)) else { continue };
        compared += 1;
        let times = peer.ns / ours.ns;
        if times < NOISE {
            let (name, who, variant) = (name(row), peer.subject.who, &peer.subject.variant);
            let _infallible =
                writeln!(text, "{name:52} >= {:>8.1} x  {times:>8.2} x   MISSED: {who} {variant}", 1.0);
        }
    }
    let missed = text.lines().count();
    let verdict = if missed == 0 { "met" } else { "MISSED" };
    let name = "as fast as the best of all others";
    let _infallible =
        writeln!(text, "{name:52} {:>3} of {compared:>3} rows {:>11} {verdict}", compared - missed, "");
    text
}

fn name(row: Row) -> String {
    let entries = if row.entries == 0 { String::new() } else { format!(", n={}", row.entries) };
    let threads = if row.threads == 1 { "" } else { ", two threads" };
    format!("{}{entries}{threads}", row.op)
}
