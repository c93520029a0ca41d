//! The checks are checked: histories forged by hand, and by a naive store, of which it is known what is wrong.
//!
//! A bad history breaks one property, which is in its file's name, and the violation names the writes; its good twin
//! passes. A check that lets a bad history pass, or finds something in a good one, fails here.

#![expect(clippy::panic, reason = "a test says which history it met instead")]

mod forge;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use clock_tests::check::{Checker, Property, Seen, Violation};
use clock_tests::history::{self, Line};

use forge::{Edit, Forge};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("histories").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).expect("a readable folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable entry").path()).collect();
    files.sort();
    files
}

fn lines(path: &Path) -> Vec<Line> {
    let file = BufReader::new(File::open(path).expect("a readable file"));
    let name = path.display();
    history::read(file).map(|line| line.unwrap_or_else(|why| panic!("{name}:{why}")).1).collect()
}

fn judge(lines: &[Line]) -> Result<Checker, Violation> {
    let mut checker = Checker::default();
    lines.iter().try_for_each(|line| checker.observe(line))?;
    checker.end()?;
    Ok(checker)
}

/// The property that the file's name begins with.
fn property_of(path: &Path) -> Property {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    match name.split('_').next().expect("the first word") {
        "c1" => Property::SiblingExactness,
        "c2" => Property::CausalClosure,
        "c3" => Property::Session,
        "c4" => Property::Convergence,
        "c5" => Property::Durability,
        "c6" => Property::NoLostUpdate,
        "c7" => Property::ExactlyOnce,
        "c8" => Property::Indeterminate,
        "c9" => Property::Clocks,
        "c10" => Property::Liveness,
        "c11" => Property::Resources,
        "invariant" => Property::Invariant,
        "history" => Property::History,
        other => panic!("{other} is no property"),
    }
}

/// Disproved by a good history in which a check finds something.
#[test]
fn good_histories_pass() {
    for path in files("good") {
        if let Err(violation) = judge(&lines(&path)) {
            panic!("{}: {violation}", path.display());
        }
    }
}

/// Disproved by a bad history that passes, or that another property rejects.
#[test]
fn each_bad_history_breaks_the_property_that_it_is_named_after() {
    for path in files("bad") {
        let name = path.display();
        match judge(&lines(&path)) {
            Ok(_) => panic!("{name} passes"),
            Err(violation) => assert_eq!(violation.property, property_of(&path), "{name}: {violation}"),
        }
    }
}

/// A violation that does not say of which writes it is helps nobody.
#[test]
fn a_violation_names_the_writes_that_it_is_about() {
    let says_no_write = ["c1_revision", "c1_says_unknown", "c10_phase_again", "c11", "invariant", "history"];
    for path in files("bad") {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if says_no_write.iter().any(|without| name.starts_with(without)) {
            continue;
        }
        let violation = judge(&lines(&path)).expect_err("bad histories do not pass");
        let names_a_dot = violation.text.split_whitespace().any(|word| word.contains(".0000000"));
        assert!(names_a_dot, "{name}: {violation}");
    }
}

/// Each property has a bad history, or its check might as well say nothing.
#[test]
fn each_property_has_a_bad_history() {
    let mut properties: Vec<Property> = files("bad").iter().map(|path| property_of(path)).collect();
    properties.sort();
    properties.dedup();
    assert_eq!(properties.len(), 13, "{properties:?}");
}

/// A bad history is a good one but for what is wrong with it: without its last lines it passes.
#[test]
fn a_bad_history_is_good_up_to_the_line_that_breaks_it() {
    for path in files("bad") {
        let all = lines(&path);
        let mut checker = Checker::default();
        let good = all.iter().take_while(|line| checker.observe(line).is_ok()).count();
        let mut checker = Checker::default();
        let begun = all[..good].iter().try_for_each(|line| checker.observe(line));
        assert_eq!(begun, Ok(()), "{}", path.display());
        assert!(good + 1 >= all.len(), "{}: line {} of {} breaks it", path.display(), good + 1, all.len());
    }
}

fn clock_check(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_clock-check")).args(arguments).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn the_program_says_where_a_history_goes_wrong() {
    let good = folder("good/conflict_and_resolution.jsonl").display().to_string();
    let bad = folder("bad/c1_missed_conflict.jsonl").display().to_string();
    let (code, text) = clock_check(&[&good]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("writes acknowledged") && text.ends_with(": ok\n"), "{text}");
    let (code, text) = clock_check(&[&good, &bad]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("c1_missed_conflict.jsonl:19: SiblingExactness at "), "{text}");
    assert!(text.contains("a.00000001:1"), "{text}");
}

#[test]
fn the_program_says_which_line_is_none() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = "# of nothing\n\n{\"at_us\":1,\"type\":\"fall\"}\n";
    std::fs::write(file.path(), text).expect("writable");
    let path = file.path().display().to_string();
    let (code, text) = clock_check(&[&path]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains(&format!("{path}:3: expected a line of a history")), "{text}");
    let (code, text) = clock_check(&["/nowhere/history.jsonl"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = clock_check(&[]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = clock_check(&["--help"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Exit codes"), "{text}");
}

/// Disproved by a history of the naive store in which a check finds something. The histories have what the checks are
/// about, or passing them means nothing.
#[test]
fn histories_of_a_naive_store_pass() {
    let mut seen = Seen::default();
    for seed in 0..60 {
        let checker = judge(&Forge::history(seed, 120)).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        seen.merge(checker.counters());
    }
    let unmet: Vec<_> =
        seen.all().into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
    println!("{}", serde_json::to_string(&seen).expect("counters are numbers"));
    assert_eq!(
        unmet,
        [
            "dots_used_again",
            "receipts_asked_for",
            "snapshots",
            "snapshots_again",
            "deletions_in_conflict",
            "held_at_start",
            "hybrid_times_across",
            "gauges"
        ],
        "what the naive store never does"
    );
}

/// Disproved by an edited answer that passes, or that is noticed only later or as something else.
#[test]
fn each_edit_of_an_answer_is_rejected_at_its_line() {
    let mut rejected: BTreeMap<Edit, usize> = BTreeMap::new();
    for seed in 0..720 {
        let edit = Edit::ALL[seed % Edit::ALL.len()];
        let seed = seed as u64;
        let mut lines = Forge::history(seed, 60);
        let Some(edited) = edit.apply(&mut lines, &mut fastrand::Rng::with_seed(seed)) else { continue };
        let mut checker = Checker::default();
        let broken = lines.iter().enumerate().find_map(|(at, line)| Some((at, checker.observe(line).err()?)));
        let (at, violation) =
            broken.unwrap_or_else(|| panic!("seed {seed}: {edit:?} of line {edited} passes"));
        assert_eq!(
            (at, violation.property),
            (edited, Property::SiblingExactness),
            "{seed} {edit:?} {violation}"
        );
        *rejected.entry(edit).or_default() += 1;
    }
    println!("{rejected:?}");
    assert_eq!(rejected.len(), Edit::ALL.len(), "each edit was tried: {rejected:?}");
    assert!(rejected.values().all(|count| *count >= 5), "each edit often enough: {rejected:?}");
}
