//! The demo is the product's promise in one command: it has to hold on every machine that runs the tests.

use std::collections::BTreeMap;
use std::process::Command;

use clock_tests::processes::program;
use serde_json::Value;

fn demo(arguments: &[&str]) -> (i32, String, String) {
    let output =
        Command::new(program("clock-node")).arg("demo").args(arguments).output().expect("the demo runs");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// Disproved by a demo that fails, or that does not show both values, one conflict id and the end of it.
#[test]
fn the_demo_shows_the_incident_and_destroys_nothing() {
    let (code, out, errors) = demo(&["-o", "json"]);
    assert_eq!(code, 0, "{out}\n{errors}");
    let events: Vec<Value> =
        out.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let of_kind = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    let conflicts: BTreeMap<&str, &str> = of_kind("CONFLICT")
        .iter()
        .filter_map(|event| Some((event["station"].as_str()?, event["conflict"].as_str()?)))
        .collect();
    assert_eq!(conflicts.len(), 4, "every station reports a conflict: {conflicts:?}");
    let ids: std::collections::BTreeSet<&&str> = conflicts.values().collect();
    assert_eq!(ids.len(), 1, "all four report the same conflict: {conflicts:?}");
    let writes = of_kind("wrote");
    let wall = |station: &str| {
        writes
            .iter()
            .find(|event| event["station"] == station)
            .and_then(|event| event["receipt"]["wall_ms"].as_u64())
    };
    assert!(wall("pacific") > wall("indian_ocean"), "the earlier write has the later timestamp: {writes:?}");
    assert_eq!(of_kind("pass").len(), 3, "{out}");
}

/// Disproved by a demo that cannot be repeated over the data it kept.
#[test]
fn the_demo_can_be_repeated_over_kept_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    for round in 1..=2 {
        let (code, out, errors) = demo(&["--dir", path]);
        assert_eq!(code, 0, "round {round}: {out}\n{errors}");
        assert_eq!(out.lines().filter(|line| line.starts_with("PASS: ")).count(), 3, "round {round}: {out}");
    }
    assert!(
        folder.path().join("pacific").join("catalog.redb").exists(),
        "the data is kept where it was asked for"
    );
}
