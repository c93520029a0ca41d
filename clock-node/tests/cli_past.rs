//! The verbs that look back, against one real station: snapshots, why, impact, watching on.

#![allow(clippy::panic, reason = "test helpers stop the test")]

#[path = "support/station.rs"]
mod station;

use serde_json::{Value, json};

use station::{start, text_of};

/// Disproved by a frontier that shows what came after it.
#[test]
fn a_snapshot_is_of_one_frontier_and_can_be_asked_for_again() {
    let station = start();
    station.json(&["put", "one", "1"], 0);
    station.json(&["put", "two", "2"], 0);
    station.json(&["put", "gone", "3"], 0);
    station.json(&["delete", "gone"], 0);
    let keys = ["snapshot", "one", "two", "gone", "never"];
    let snapshot = station.one(&keys, 4);
    let presences: Vec<&Value> =
        snapshot["keys"].as_array().expect("keys").iter().map(|key| &key["presence"]).collect();
    assert_eq!(presences, ["live", "live", "deleted"], "a key that nobody wrote is in no snapshot");

    station.json(&["put", "two", "22"], 0);
    station.json(&["put", "one", "11", "--blind"], 0);
    let frontier = text_of(&snapshot["frontier"]);
    let again = station.one(&[keys.as_slice(), &["--frontier", &frontier]].concat(), 4);
    assert_eq!(again, snapshot);
    let now = station.one(&["snapshot", "one", "two"], 5);
    assert_eq!(now["keys"][1]["versions"][0]["value"], "22");
    let shown = station.text(&["snapshot", "one", "never"], 5);
    assert!(
        shown.contains("in conflict") && shown.contains("unknown") && shown.contains("frontier"),
        "{shown}"
    );
    station.text(&["snapshot", "one", "--frontier", "atlantic.00c0ffee:1"], 8);
    station.text(&["snapshot"], 2);
}

/// Disproved by a past that is not the one the writes had.
#[test]
fn why_and_impact_tell_what_came_before_and_after() {
    let station = start();
    let first = station.one(&["put", "key", "one"], 0);
    let (first_dot, put) = (text_of(&first["dot"]), ["put", "key"]);
    let left = station.one(&[put.as_slice(), &["left", "--context", &first_dot]].concat(), 0);
    let right = station.one(&[put.as_slice(), &["right", "--context", &first_dot]].concat(), 0);
    station.json(&["put", "other", "value"], 0);

    let why = station.one(&["why", &text_of(&right["dot"])], 0);
    assert_eq!(
        (&why["key"], &why["is_current"], &why["author"]),
        (&"key".into(), &true.into(), &"pacific".into())
    );
    assert_eq!((&why["built_on"], &why["concurrent_with"]), (&json!([first["dot"]]), &json!([left["dot"]])));
    let why = station.one(&["why", &first_dot], 0);
    assert_eq!(
        (&why["is_current"], &why["superseded_by"]),
        (&false.into(), &json!([left["dot"], right["dot"]]))
    );

    let impact = station.one(&["impact", &first_dot], 0);
    assert_eq!((&impact["events"], &impact["same_key"]), (&3.into(), &json!([left["dot"], right["dot"]])));
    assert_eq!(impact["keys"], json!(["key", "other"]));
    assert!(station.text(&["impact", &first_dot], 0).contains("3 events"));
    assert!(station.text(&["why", &first_dot], 0).contains("superseded by"));
    station.text(&["why", "pacific.00c0ffee:99"], 4);
    station.text(&["impact", "pacific.00c0ffee:99"], 4);
}

/// Disproved by a write that is missed or told twice by who resumes.
#[test]
fn a_watcher_resumes_where_it_stopped() {
    let station = start();
    let dots: Vec<Value> =
        ["one", "two", "three"].map(|value| station.one(&["put", "key", value], 0)["dot"].clone()).into();
    let told = |notices: &[Value]| -> Vec<Value> {
        notices.iter().map(|notice| notice["version"]["dot"].clone()).collect()
    };
    let first = station.json(&["watch", "--after", "none", "--count", "2"], 0);
    assert_eq!(told(&first), dots[..2]);
    let token = text_of(&first[1]["token"]);
    let rest = station.json(&["watch", "--after", &token, "--count", "1"], 0);
    assert_eq!(told(&rest), dots[2..]);

    let file = station.folder().join("watcher");
    std::fs::write(&file, &token).expect("written");
    let session = ["watch", "--session", file.to_str().expect("text"), "--count", "1"];
    assert_eq!(told(&station.json(&session, 0)), dots[2..]);
    let kept = std::fs::read_to_string(&file).expect("kept");
    assert_eq!(kept.trim(), text_of(&rest[0]["token"]));
    let fourth = station.one(&["put", "key", "four"], 0);
    assert_eq!(told(&station.json(&session, 0)), [fourth["dot"].clone()]);
}
