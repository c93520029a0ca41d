//! The verbs that write, against one real station: deletions, copies, receipts, sessions.

#![allow(clippy::panic, reason = "test helpers stop the test")]

#[path = "support/station.rs"]
mod station;

use station::{start, start_alone_of_four, text_of};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// Disproved by two of the three answers that look the same.
#[test]
fn unknown_deleted_and_live_are_three_answers() {
    let station = start();
    assert!(station.text(&["get", "MSS-17"], 4).contains("no key MSS-17"));
    station.json(&["delete", "MSS-17"], 4);
    let written = station.one(&["put", "MSS-17", "one"], 0);
    assert_eq!(station.one(&["get", "MSS-17"], 0)["presence"], "live");

    let deleted = station.one(&["delete", "MSS-17"], 0);
    assert_eq!(deleted["context"][0], written["dot"]);
    let gone = station.one(&["get", "MSS-17"], 9);
    assert_eq!((&gone["presence"], &gone["context_token"]), (&"deleted".into(), &deleted["dot"]));
    let shown = station.text(&["get", "MSS-17"], 9);
    assert!(shown.contains("(deleted)") && shown.contains(&text_of(&deleted["dot"])), "{shown}");

    station.json(&["put", "MSS-17", "two", "--context", &text_of(&gone["context_token"])], 0);
    assert_eq!(station.one(&["get", "MSS-17"], 0)["versions"][0]["value"], "two");
    assert_eq!(station.json(&["history", "MSS-17"], 0).len(), 3);
}

/// Disproved by a deletion that removes what its author had not read.
#[test]
fn a_deletion_beside_a_write_is_a_conflict() {
    let station = start();
    let first = station.one(&["put", "key", "one"], 0);
    station.json(&["put", "key", "two"], 0);
    let deleted = station.one(&["delete", "key", "--context", &text_of(&first["dot"])], 0);
    assert_eq!(deleted["concurrent_with"].as_array().map(Vec::len), Some(1), "{deleted}");
    let entry = station.one(&["get", "key"], 5);
    assert_eq!((&entry["presence"], &entry["versions"].as_array().map(Vec::len)), (&"live".into(), &Some(2)));
    assert_eq!(entry["common_ancestors"][0]["dot"], first["dot"], "what both had read");
    let resolved = station.one(&["resolve", &text_of(&entry["conflict"]), "--delete"], 0);
    assert_eq!(resolved["context"].as_array().map(Vec::len), Some(2));
    station.json(&["get", "key"], 9);
}

/// Disproved by a timeout that is called a failure, or a copy that nobody has.
#[test]
fn fewer_copies_than_asked_for_are_indeterminate_and_have_an_exit_code() {
    let station = start_alone_of_four();
    let put = ["put", "key", "value", "--w", "3", "--deadline", "100ms", "--request-id", ID];
    let receipt = station.one(&put, 7);
    assert_eq!(receipt["outcome"], "indeterminate");
    assert_eq!((&receipt["w"], &receipt["n"]), (&3.into(), &4.into()));
    assert_eq!(receipt["durable_on"], serde_json::json!(["pacific"]));
    assert_eq!(station.one(&["get", "key"], 0)["versions"][0]["value"], "value");

    let said = station.text(&["receipt", ID, "--w", "majority", "--deadline", "100ms"], 7);
    assert!(said.contains("indeterminate") && said.contains("1 of 4"), "{said}");
    let local = station.one(&["receipt", ID], 0);
    assert_eq!((&local["outcome"], &local["dot"]), (&"local".into(), &receipt["dot"]));
    station.json(&["receipt", "ffffffffffffffffffffffffffffffff"], 4);
    assert_eq!(station.json(&["history", "key"], 0).len(), 1, "asking writes nothing");
}

/// Disproved by terms that cannot be met and are taken.
#[test]
fn terms_out_of_range_are_refused_before_anything_is_written() {
    let station = start_alone_of_four();
    let refused = station.text(&["put", "key", "value", "--w", "5"], 1);
    assert!(refused.contains("expected 1 to 4"), "{refused}");
    for flags in [["--w", "0"], ["--w", "all"], ["--deadline", "0s"], ["--deadline", "11m"]] {
        station.text(&[["put", "key"], ["value", flags[0]], [flags[1], "--blind"]].concat(), 2);
    }
    station.text(&["get", "key"], 4);
}

/// Disproved by a session that is not continued where it was, or a file that is half written.
#[test]
fn a_session_goes_with_its_file() {
    let station = start();
    let file = station.folder().join("session");
    let session = ["--session", file.to_str().expect("text")];
    let written = station.one(&[&["put", "key", "value"], session.as_slice()].concat(), 0);
    let token = std::fs::read_to_string(&file).expect("the session began");
    assert_eq!(written["token"], token.trim());
    assert!(token.contains(&text_of(&written["dot"])), "{token} holds the write");
    let read = station.one(&[&["get", "key"], session.as_slice()].concat(), 0);
    assert_eq!(read["token"], token.trim(), "nothing new was seen");

    let begun = station.one(&["get", "key", "--after", "none"], 0);
    assert_eq!(begun["token"], token.trim());
    std::fs::write(&file, "no token").expect("written");
    let refused = station.text(&[&["get", "key"], session.as_slice()].concat(), 2);
    assert!(refused.contains("session file") && refused.contains("expected"), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "no token", "left as it was");
}

/// Disproved by an answer that lacks what the session has seen.
#[test]
fn a_station_behind_the_session_says_so() {
    let station = start();
    station.json(&["put", "key", "value"], 0);
    let ahead = ["--after", "atlantic.00c0ffee:7", "--deadline", "50ms"];
    for verb in [["get", "key"].as_slice(), &["snapshot", "key"], &["put", "key", "other"]] {
        let refused = station.text(&[verb, ahead.as_slice()].concat(), 8);
        assert!(
            refused.contains("behind the session") && refused.contains("atlantic.00c0ffee:"),
            "{refused}"
        );
    }
    assert_eq!(station.json(&["history", "key"], 0).len(), 1, "nothing was written");
}
