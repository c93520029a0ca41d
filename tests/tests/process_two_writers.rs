//! Two writers who disagree about a thousand satellites, at two stations that cannot hear each other: every disagreement
//! becomes a conflict, the same at all stations, ranked the same, ended by policy and brought back.
//!
//! The genuine pairs are used where their folder exists; pairs made from what the demo carries always.

#![allow(clippy::panic, reason = "test helpers stop the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Output, Stdio};

use bytes::Bytes;
use clock_core::wire::{BATCH_WRITES_MAX, Change, Request, Response, Write, WriteContext};
use clock_core::{BodyKind, RequestId};
use clock_tests::processes::{FOUR, Processes, program, run_processes};
use clock_tests::two_writers::{MADE_PAIRS_KM, Pair, epoch_ms, genuine_pairs, made_pairs, parsed};
use serde_json::Value;
use tokio::process::Command;

/// Within hours of the epochs of the genuine pairs.
const INSTANT: &str = "2026-05-07T18:00:00Z";
/// The key of a write that asks for three copies and meets another.
const MEETING: &str = "meeting";
/// How many keys are looked at at every station, rather than at one.
const SAMPLE: usize = 40;

fn command(processes: &Processes, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("clock-node"));
    command.args(arguments).args(["--at", &processes.place(name).address, "-o", "json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

fn lines(output: Output, arguments: &[&str], code: i32) -> Vec<Value> {
    let said = String::from_utf8_lossy(&output.stderr);
    let verb = &arguments[..arguments.len().min(6)];
    assert_eq!(output.status.code(), Some(code), "{verb:?}: {said}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Runs the command line at a station; it has to end with this exit code.
async fn run(processes: &Processes, name: &str, arguments: &[&str], code: i32) -> Vec<Value> {
    let output = command(processes, name, arguments).output().await.expect("the command runs");
    lines(output, arguments, code)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a text, got {value}")).to_owned()
}

/// Enters one writer's element sets, in as few commits as batches take.
async fn enter(processes: &mut Processes, name: &str, pairs: &[Pair], writer: usize) {
    for part in pairs.chunks(BATCH_WRITES_MAX) {
        let write = |pair: &Pair| Write {
            key: pair.key.clone(),
            change: Change::Put { kind: BodyKind::TLE, value: Bytes::from(pair.writers[writer].clone()) },
            context: WriteContext::StationView,
            request: RequestId(fastrand::u128(..)),
        };
        let batch = Request::Batch { writes: part.iter().map(write).collect() };
        match processes.client(name).await.request(batch).await {
            Ok(Response::BatchWritten(receipts)) => assert_eq!(receipts.len(), part.len()),
            other => panic!("{name}: expected {} receipts, got {other:?}", part.len()),
        }
    }
}

async fn until_conflicts(processes: &mut Processes, count: u64) {
    for name in FOUR {
        let has = async |processes: &mut Processes| {
            processes.client(name).await.status().await.is_ok_and(|status| status.conflicts == count)
        };
        processes.until(&format!("{name} has {count} open conflicts"), has).await;
    }
}

/// A write that asks for three copies while one other station hears it, and gets them when all do: its receipt names the
/// write it met there.
async fn meet(processes: &mut Processes) {
    let theirs = processes.put("indian_ocean", MEETING, "theirs").await;
    let witness = async |processes: &mut Processes| processes.get("antarctic", MEETING).await.is_some();
    processes.until("antarctic has what indian_ocean wrote", witness).await;
    let put = ["put", MEETING, "ours", "--w", "3", "--deadline", "30s"];
    let ours = command(processes, "pacific", &put).spawn().expect("the command runs");
    let waits = async |processes: &mut Processes| processes.get("atlantic", MEETING).await.is_some();
    processes.until("atlantic has what pacific wrote", waits).await;
    processes.proxy("heal").await;
    let receipt = &lines(ours.wait_with_output().await.expect("it ends"), &put, 0)[0];
    assert_eq!(receipt["outcome"], "committed", "{receipt}");
    assert!(receipt["durable_on"].as_array().is_some_and(|stations| stations.len() >= 3), "{receipt}");
    let met = receipt["concurrent_with"].as_array().expect("a list");
    assert_eq!(*met, [Value::from(theirs.dot.to_string())], "the conflict is known at write time: {receipt}");
}

/// The inbox of every station as of one instant, which has to be the same at all of them.
async fn inbox(processes: &Processes) -> Vec<Value> {
    let asked = ["conflicts", "--instant", INSTANT];
    let first = run(processes, FOUR[0], &asked, 5).await;
    for name in &FOUR[1..] {
        let other = run(processes, name, &asked, 5).await;
        let differing = first.iter().zip(&other).find(|(one, other)| one != other);
        assert_eq!(
            (other.len(), differing),
            (first.len(), None),
            "{name} and {} show other inboxes",
            FOUR[0]
        );
    }
    first
}

/// The numbers fall, and those without one come last.
fn assert_ranked(inbox: &[Value]) {
    let km: Vec<Option<f64>> = inbox.iter().map(|conflict| conflict["severity"]["km"].as_f64()).collect();
    for pair in km.windows(2) {
        let falls = match (pair[0], pair[1]) {
            (Some(one), Some(next)) => one >= next,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        assert!(falls, "expected falling kilometres, got {pair:?}");
    }
}

/// Distances that the reference implementation has given too, each at its own instant.
async fn assert_sample_is_the_references(processes: &Processes, inbox: &[Value], made: &[Pair]) {
    for (pair, (key, expected)) in made.iter().zip(MADE_PAIRS_KM).step_by(3) {
        let conflict = inbox.iter().find(|conflict| conflict["key"] == key);
        let id = text(&conflict.unwrap_or_else(|| panic!("{key}: expected a conflict"))["id"]);
        let instant = utc(epoch_ms(&parsed(&pair.writers[0])));
        let opened = &run(processes, "antarctic", &["conflict", &id, "--instant", &instant], 5).await[0];
        let km = opened["severity"]["km"].as_f64().unwrap_or_else(|| panic!("{key}: {}", opened["severity"]));
        assert!((km - expected).abs() < 0.000_1, "{key} at {instant}: expected {expected} km, got {km}");
        let differing = opened["fields"].as_array().expect("fields").iter();
        let differing: Vec<String> =
            differing.filter(|field| field["differs"] == true).map(|field| text(&field["name"])).collect();
        assert!(differing.contains(&"mean anomaly".to_owned()), "{key}: {differing:?}");
    }
}

fn utc(ms: u64) -> String {
    let (days, of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

/// The date of a day since 1970. Source: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// Ends all conflicts, first by what the policy of the latest epoch decides, then by the priority of a source; returns the
/// resolving writes.
async fn resolve_all(processes: &Processes, count: usize) -> Vec<String> {
    let latest = ["resolve", "--all", "--policy", "latest-epoch"];
    let dry = run(processes, "atlantic", &[latest.as_slice(), &["--dry-run"]].concat(), 5).await;
    assert_eq!(run(processes, "atlantic", &["conflicts"], 5).await.len(), count, "a dry run writes nothing");
    let decided = run(processes, "atlantic", &latest, 5).await;
    let taken = |lines: &[Value]| lines.iter().map(|line| line["taken"].clone()).collect::<Vec<Value>>();
    assert_eq!(taken(&dry), taken(&decided), "a dry run says what will be done");
    let rest = ["resolve", "--all", "--policy", "source-priority=pacific,indian_ocean"];
    let rest = run(processes, "atlantic", &rest, 0).await;
    let writes = decided.iter().chain(&rest).filter(|line| line["receipt"].is_object());
    let writes: Vec<String> = writes.map(|line| text(&line["receipt"]["dot"])).collect();
    println!("{} conflicts ended, {} of them by their source", writes.len(), rest.len());
    assert_eq!(writes.len(), count, "every conflict was ended once");
    writes
}

/// Two writes, the resolution that superseded both, and both again, which superseded the resolution.
async fn assert_history(processes: &mut Processes, name: &str, pair: &Pair) {
    let history = processes.client(name).await.history(&pair.key).await.expect("an answer");
    let history = history.unwrap_or_else(|| panic!("{} at {name}: expected a history", pair.key));
    let values: BTreeSet<&[u8]> = pair.writers.iter().map(|text| text.as_bytes()).collect();
    let shape: Vec<usize> = history.iter().map(|write| write.context.len()).collect();
    assert_eq!(shape, [0, 0, 2, 1, 1], "{} at {name}: what each write superseded", pair.key);
    let of = |range: std::ops::Range<usize>| -> BTreeSet<&[u8]> {
        history[range].iter().map(|write| write.value.as_ref()).collect()
    };
    assert_eq!((of(0..2), of(3..5)), (values.clone(), values), "{} at {name}", pair.key);
    assert!(history[3..].iter().all(|write| write.context == [history[2].dot.clone()]));
}

/// Disproved by a disagreement that is no conflict, or not the same one everywhere; by inboxes that differ; by a receipt
/// that does not name what it met; by a conflict that a policy leaves or undo does not bring back; by a step that no
/// history has.
#[test]
fn two_writers_disagree_a_thousand_times_and_nothing_is_lost() {
    run_processes(async {
        let made = made_pairs();
        let mut pairs = genuine_pairs().unwrap_or_default();
        pairs.extend(made.iter().cloned());
        let count = pairs.len() + 1;
        let mut processes = Processes::start(&FOUR).await;
        processes.others_write_too();
        processes.proxy("partition pacific,atlantic | indian_ocean,antarctic").await;
        enter(&mut processes, "pacific", &pairs, 0).await;
        enter(&mut processes, "indian_ocean", &pairs, 1).await;
        meet(&mut processes).await;
        until_conflicts(&mut processes, count as u64).await;

        let ranked = inbox(&processes).await;
        assert_ranked(&ranked);
        let ids: BTreeMap<String, String> =
            ranked.iter().map(|conflict| (text(&conflict["key"]), text(&conflict["id"]))).collect();
        let expected = pairs.iter().map(|pair| pair.key.to_string()).chain([MEETING.to_owned()]);
        assert_eq!(
            ids.keys().cloned().collect::<BTreeSet<_>>(),
            expected.collect(),
            "a conflict for each pair"
        );
        assert_sample_is_the_references(&processes, &ranked, &made).await;

        let resolutions = resolve_all(&processes, count).await;
        until_conflicts(&mut processes, 0).await;
        let undo: Vec<&str> = ["undo"].into_iter().chain(resolutions.iter().map(String::as_str)).collect();
        let again = run(&processes, "atlantic", &undo, 0).await;
        assert_eq!(again.len(), 2 * count, "each resolution had superseded two versions");
        until_conflicts(&mut processes, count as u64).await;
        assert_ranked(&inbox(&processes).await);
        for (n, pair) in pairs.iter().enumerate() {
            let everywhere = n % pairs.len().div_ceil(SAMPLE) == 0;
            for name in if everywhere { FOUR.as_slice() } else { &FOUR[n % 4..=n % 4] } {
                assert_history(&mut processes, name, pair).await;
            }
        }
        processes.stop().await;
    });
}
