//! The inbox of conflicts, against one real station: ranking, side by side, policies, undo.

#![allow(clippy::panic, reason = "test helpers stop the test")]

#[path = "support/station.rs"]
mod station;

use serde_json::{Value, json};

use station::{Station, start, text_of};

const VANGUARD: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                        2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";
/// The same a hundredth of a day later, and a little further along the orbit.
const LATER: &str = "1 00005U 58002B   00179.79495062  .00000023  00000-0  28098-4 0  4754\n\
                     2 00005  34.2682 348.7242 1859667 331.7664  58.3035 10.82419157413666";
const INSTANT: &str = "2000-06-28T00:00:00Z";

/// Two concurrent versions of a key; returns their receipts.
fn conflict(station: &Station, key: &str, kind: &str, values: [&str; 2]) -> [Value; 2] {
    values.map(|value| station.one(&["put", key, value, "--kind", kind, "--blind"], 0))
}

/// One conflict of each unit, and one without.
fn three_conflicts(station: &Station) {
    conflict(station, "a/note", "opaque", ["one", "two"]);
    conflict(station, "b/attitude", "attitude", ["1,0,0,0", "0.7071,0.7071,0,0"]);
    conflict(station, "c/orbit", "tle", [VANGUARD, LATER]);
}

fn keys(inbox: &[Value]) -> Vec<&Value> {
    inbox.iter().map(|conflict| &conflict["key"]).collect()
}

/// Disproved by another order than that of the severities, or a number that changes from one reading to the next.
#[test]
fn the_inbox_ranks_by_severity_as_of_an_instant() {
    let station = start();
    three_conflicts(&station);
    let asked = ["conflicts", "--instant", INSTANT];
    let inbox = station.json(&asked, 5);
    assert_eq!(keys(&inbox), ["c/orbit", "b/attitude", "a/note"]);
    let km = inbox[0]["severity"]["km"].as_f64().expect("kilometres");
    assert!((0.1..100.0).contains(&km), "expected some kilometres, got {km}");
    let degrees = inbox[1]["severity"]["degrees"].as_f64().expect("degrees");
    assert!((degrees - 90.0).abs() < 0.01, "expected a right angle, got {degrees}");
    assert!(text_of(&inbox[2]["severity"]["unranked"]).contains("no distance"), "{}", inbox[2]);
    assert_eq!(station.json(&asked, 5), inbox, "the same instant gives the same answer");
    assert_eq!(keys(&station.json(&["conflicts", "--sort", "key"], 5)), ["a/note", "b/attitude", "c/orbit"]);
    assert_eq!(keys(&station.json(&["conflicts", "--sort", "age"], 5)), ["a/note", "b/attitude", "c/orbit"]);
    let shown = station.text(&asked, 5);
    assert!(shown.contains(" km") && shown.contains("open conflicts: 3"), "{shown}");
    station.text(&["conflicts", "--instant", "yesterday"], 2);
}

/// Disproved by a difference that is not marked, or a mark where nothing differs.
#[test]
fn a_conflict_is_shown_field_by_field() {
    let station = start();
    let first = station.one(&["put", "c/orbit", VANGUARD, "--kind", "tle"], 0);
    let context = text_of(&first["dot"]);
    for value in [VANGUARD, LATER] {
        station.one(&["put", "c/orbit", value, "--kind", "tle", "--context", &context], 0);
    }
    let id = text_of(&station.one(&["conflicts"], 5)["id"]);
    let opened = station.one(&["conflict", &id, "--instant", INSTANT], 5);
    let differing: Vec<&Value> = opened["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter(|field| field["differs"] == true)
        .map(|field| &field["name"])
        .collect();
    assert_eq!(differing, ["epoch", "mean anomaly", "line 1", "line 2"]);
    assert_eq!(opened["common_ancestors"][0]["dot"], first["dot"]);
    assert_eq!(opened["versions"].as_array().map(Vec::len), Some(2));
    let shown = station.text(&["conflict", &id], 5);
    for expected in ["mean anomaly [°]", "19.3264", "58.3035", "both knew", "* differs"] {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
    station.text(&["conflict", "0123456789abcdef"], 4);
}

/// Disproved by a view that hides a version or changes one.
#[test]
fn a_view_shows_one_version_and_that_there_is_a_conflict() {
    let station = start();
    let [_, later] = conflict(&station, "c/orbit", "tle", [VANGUARD, LATER]);
    let seen = station.one(&["get", "c/orbit", "--view", "latest-epoch"], 5);
    assert_eq!((&seen["view"]["shows"], &seen["view"]["undecided"]), (&later["dot"], &Value::Null));
    assert_eq!(seen["versions"].as_array().map(Vec::len), Some(2));
    let undecided = station.one(&["get", "c/orbit", "--view", "source-priority=atlantic,pacific"], 5);
    assert!(text_of(&undecided["view"]["undecided"]).contains("the authors are pacific"), "{undecided}");
    assert!(station.text(&["get", "c/orbit", "--view", "latest-epoch"], 5).contains("latest-epoch shows"));
    station.text(&["get", "c/orbit", "--view", "newest"], 2);
    assert_eq!(station.json(&["history", "c/orbit"], 0).len(), 2, "a view writes nothing");
}

/// Disproved by a dry run that writes, a decision that the policy does not make, or one that it makes and is not taken.
#[test]
fn a_policy_ends_what_it_decides_and_leaves_the_rest() {
    let station = start();
    three_conflicts(&station);
    let policy = ["resolve", "--all", "--policy", "latest-epoch"];
    let dry = station.json(&[policy.as_slice(), &["--dry-run"]].concat(), 5);
    assert_eq!(dry.iter().filter(|line| line["taken"].is_string()).count(), 1, "{dry:?}");
    assert_eq!(station.json(&["conflicts"], 5).len(), 3, "a dry run writes nothing");
    let said = station.text(&policy, 5);
    assert!(said.contains("ended: 1, left to people: 2"), "{said}");
    assert_eq!(keys(&station.json(&["conflicts", "--sort", "key"], 5)), ["a/note", "b/attitude"]);
    let orbit = station.one(&["get", "c/orbit"], 0);
    assert_eq!(orbit["versions"][0]["value"], LATER);

    let note = text_of(&station.json(&["conflicts", "--sort", "key"], 5)[0]["id"]);
    let undecided = station.one(&["resolve", &note, "--policy", "source-priority=pacific"], 5);
    assert!(undecided["receipt"].is_null() && undecided["undecided"].is_string(), "{undecided}");
    for wrong in
        [["resolve", "--all"].as_slice(), &["resolve", "--all", "--delete"], &["resolve", &note, "--dry-run"]]
    {
        station.text(wrong, 2);
    }
    station.text(&["resolve", &note, "--all", "--policy", "latest-epoch"], 2);
}

/// Disproved by a conflict that does not come back with the same values, or a step that is missing in the history.
#[test]
fn undo_brings_a_conflict_back_once() {
    let station = start();
    for (id, key, kind, values) in [
        ("11111111111111111111111111111111", "orbit", "tle", [VANGUARD, LATER]),
        ("22222222222222222222222222222222", "attitude", "attitude", ["1,0,0,0", "0.7071,0.7071,0,0"]),
        ("33333333333333333333333333333333", "note", "opaque", ["one", "two"]),
    ] {
        conflict(&station, key, kind, values);
        let open = text_of(&station.one(&["get", key], 5)["conflict"]);
        let resolved = station.one(&["resolve", &open, "--value", values[0], "--kind", kind], 0);
        let by = text_of(&resolved["dot"]);
        let undone = station.json(&["undo", &by, "--request-id", id], 0);
        assert_eq!(undone.len(), 2);
        assert!(undone.iter().all(|receipt| receipt["context"] == json!([by])), "{undone:?}");

        let back = station.one(&["get", key], 5);
        let versions = back["versions"].as_array().expect("versions").iter();
        let values_back: Vec<&Value> = versions.map(|version| &version["value"]).collect();
        assert_eq!(values_back, values, "{key}: the values that were resolved");
        assert_eq!(back["common_ancestors"][0]["dot"], by.as_str());
        assert_eq!(station.json(&["history", key], 0).len(), 5, "{key}: two writes, a resolution, two again");
        let again = station.json(&["undo", &by, "--request-id", id], 0);
        assert_eq!(again, undone, "{key}: a retry is applied once");
        station.json(&["resolve", &text_of(&back["conflict"]), "--delete"], 0);
        assert_eq!(station.json(&["undo", &by, "--request-id", id], 0), undone, "{key}: also later");
    }
}

/// Disproved by an undo that writes where there is nothing to go back to.
#[test]
fn what_cannot_be_undone_is_refused_with_the_reason() {
    let station = start();
    let first = text_of(&station.one(&["put", "key", "one"], 0)["dot"]);
    let nothing = station.text(&["undo", &first], 1);
    assert!(nothing.contains("superseded no version"), "{nothing}");
    let second = text_of(&station.one(&["put", "key", "two"], 0)["dot"]);
    let superseded = station.text(&["undo", &first], 1);
    assert!(superseded.contains(&second) && superseded.contains("no current version"), "{superseded}");
    station.text(&["undo", "pacific.00c0ffee:99"], 4);
    assert_eq!(station.json(&["history", "key"], 0).len(), 2, "nothing was written");
    station.one(&["undo", &second], 0);
    assert_eq!(
        station.one(&["get", "key"], 0)["versions"][0]["value"],
        "one",
        "a plain write is taken back too"
    );
}
