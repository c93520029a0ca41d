//! The command line against one real station: answers, exit codes, JSON.

#![allow(clippy::panic, reason = "test helpers stop the test")]

#[path = "support/station.rs"]
mod station;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;

use station::{nobody, program, start};

/// Disproved by another exit code, a value that comes back changed, or a conflict that is not shown.
#[test]
fn a_conflict_is_made_shown_and_resolved() {
    let station = start();
    let first = &station.json(&["put", "MSS-17", "one"], 0)[0];
    assert_eq!(first["outcome"], "local");
    assert_eq!(station.json(&["get", "MSS-17"], 0)[0]["versions"][0]["value"], "one");
    let second = &station.json(&["put", "MSS-17", "two", "--blind"], 0)[0];
    assert_eq!(second["concurrent_with"][0], first["dot"]);

    let entry = &station.json(&["get", "MSS-17"], 5)[0];
    assert_eq!(entry["versions"].as_array().map(Vec::len), Some(2));
    let conflicts = station.json(&["conflicts"], 5);
    assert_eq!(conflicts[0]["id"], entry["conflict"]);
    let id = entry["conflict"].as_str().expect("an id");
    let take = second["dot"].as_str().expect("a dot");

    station.json(&["resolve", id, "--take", take], 0);
    assert_eq!(station.json(&["get", "MSS-17"], 0)[0]["versions"][0]["value"], "two");
    assert!(station.json(&["conflicts"], 0).is_empty());
    assert_eq!(station.json(&["history", "MSS-17"], 0).len(), 3);
    station.json(&["resolve", id, "--take", take], 4);
}

/// Disproved by a value that depends on where it was read from.
#[test]
fn a_value_comes_by_argument_file_or_standard_input() {
    let station = start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), [0, 159, 146, 150]).expect("written");
    station.json(&["put", "binary", "--file", file.path().to_str().expect("text")], 0);
    let entry = &station.json(&["get", "binary"], 0)[0];
    assert_eq!(
        (&entry["versions"][0]["value"], &entry["versions"][0]["encoding"]),
        (&"009f9296".into(), &"hex".into())
    );

    let mut put = program();
    put.args(["put", "piped", "--stdin", "--at", &station.address])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut put = put.spawn().expect("runs");
    put.stdin.take().expect("piped").write_all(b"from a pipe").expect("written");
    assert_eq!(put.wait().expect("ends").code(), Some(0));
    assert_eq!(station.json(&["get", "piped"], 0)[0]["versions"][0]["value"], "from a pipe");
}

/// Disproved by an exit code that does not tell these apart.
#[test]
fn failures_have_their_own_exit_codes() {
    let station = start();
    station.json(&["get", "nothing"], 4);
    station.json(&["history", "nothing"], 4);
    station.json(&["put", "key"], 2);
    station.json(&["put", "key", "value", "--stdin"], 2);
    station.json(&["put", "bad\nkey", "value"], 2);
    station.json(&["get"], 2);
    let undecided = station.run(&["resolve", "0123456789abcdef"]);
    assert_eq!(undecided.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&undecided.stderr).contains("--take VERSION"), "{undecided:?}");
    let invalid = station.run(&["put", "attitude", "1,1,1,1", "--kind", "attitude"]);
    assert_eq!(invalid.status.code(), Some(1));
    let said = String::from_utf8_lossy(&invalid.stderr);
    assert!(said.contains("norm 2.000000: expected 1 within 0.001"), "{said}");
    station.json(&["get", "attitude"], 4);

    let unanswered = program().args(["get", "key", "--at", &nobody()]).output().expect("runs");
    assert_eq!(unanswered.status.code(), Some(3), "{}", String::from_utf8_lossy(&unanswered.stderr));
}

/// Disproved by a second version for one request id.
#[test]
fn a_retry_with_the_same_request_id_is_applied_once() {
    let station = start();
    let id = "0123456789abcdef0123456789abcdef";
    let first = station.json(&["put", "key", "value", "--request-id", id], 0);
    let again = station.json(&["put", "key", "value", "--request-id", id], 0);
    assert_eq!(first, again);
    assert_eq!(station.json(&["history", "key"], 0).len(), 1);
    let reused = station.run(&["put", "key", "another", "--request-id", id]);
    assert_eq!(reused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&reused.stderr).contains("was used for another write"));
}

/// Disproved by a watcher that misses a write that follows its start, or a station that does not answer health.
#[test]
fn a_watcher_is_told_of_every_write() {
    let station = start();
    let mut watch = program();
    watch.args(["watch", "--count", "2", "-o", "json", "--at", &station.address]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut started = String::new();
    BufReader::new(watch.stderr.take().expect("piped"))
        .read_line(&mut started)
        .expect("it says that it watches");
    let dots: Vec<Value> =
        ["one", "two"].map(|value| station.json(&["put", "key", value], 0)[0]["dot"].clone()).into();
    let output = watch.wait_with_output().expect("ends after two");
    let seen: Vec<Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let seen: Vec<Value> = seen.iter().map(|notice| notice["version"]["dots"][0].clone()).collect();
    assert_eq!(seen, dots);
}

/// Disproved by a health check that is green where nobody answers, or red where somebody does.
#[test]
fn health_asks_a_station_or_a_proxy() {
    let station = start();
    assert_eq!(station.run(&["health"]).status.code(), Some(0));
    let mut proxy = program();
    proxy.args(["proxy", "--node", "a", "--node", "b", "--control", "127.0.0.1:0", "--on-eof", "quit"]);
    let proxy = proxy.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut proxy = proxy.spawn().expect("the proxy starts");
    let mut line = String::new();
    BufReader::new(proxy.stdout.take().expect("piped")).read_line(&mut line).expect("a ready line");
    let ready: Value =
        serde_json::from_str(line.strip_prefix("ready ").expect("a ready line")).expect("JSON");
    let control = ready["control"].as_str().expect("an address").to_owned();
    let health = |at: &str| program().args(["health", "--proxy", at]).output().expect("runs").status.code();
    assert_eq!(health(&control), Some(0));
    drop(proxy.stdin.take());
    assert_eq!(proxy.wait().expect("it quits at the end of its input").code(), Some(0));
    assert_eq!(health(&control), Some(3));
}
