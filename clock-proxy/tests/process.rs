//! The program as its caller sees it: what it writes where, and with which code it ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use program::{NODES, Program, with};
use tempfile::TempDir;

/// A file with this text, and its directory, which lives as long.
fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

/// Runs the program to its end, without input.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clock-proxy"));
    command.args(NODES).args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_ready_file_and_the_ready_descriptor_hold_the_ready_line() {
    let dir = tempfile::tempdir().unwrap();
    let (by_name, by_number) = (dir.path().join("ready"), dir.path().join("fd"));
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec 7>"$1"; shift; exec "$@""#, "sh", by_number.to_str().unwrap()]);
    command.arg(env!("CARGO_BIN_EXE_clock-proxy")).args(NODES).args(["--ready-fd", "7", "--ready-file"]);
    command.arg(&by_name).args(["--api", "127.0.0.1:0"]).stderr(Stdio::null());
    let program = Program::spawn(command);
    let ready = program.ready();
    for path in [by_name, by_number] {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with('\n'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), ready);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing half written is left");
    let keys: Vec<&String> = ready.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["api", "control", "links", "pid", "proto", "seed"]);
}

#[test]
fn a_ready_line_that_cannot_be_written_is_a_usage_error() {
    for (args, place) in
        [(["--ready-fd", "99"], "--ready-fd 99: "), (["--ready-file", "/nowhere/x"], "--ready-file ")]
    {
        let output = run(&args);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(place));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn strict_ends_at_the_first_mistake_on_standard_input() {
    let mut program = Program::start(&with(&["--strict", "--json"]));
    program.ready();
    assert_eq!(program.say("@1 ping"), "ok @1 {}");
    assert!(program.say("cut a->z\ncut a->b\nquit").starts_with("err unknown-node"));
    assert_eq!(program.code(), Some(5));
    assert!(program.lines.recv().is_err(), "nothing behind the mistake is done");
    let mut lenient = Program::start(&with(&["--json"]));
    lenient.ready();
    assert!(lenient.say("cut a->z").starts_with("err unknown-node"));
    assert_eq!(lenient.say("ping"), "ok {}");
}

#[test]
fn a_plan_is_printed_without_listening_and_is_a_scenario() {
    let (_dir, path) =
        file("x.scn", "seed 5\nat 1s random\nevery 1s ±300ms until 3s one-way a->b for 100ms\n");
    let path = path.to_str().unwrap();
    let first = run(&["--plan", path]);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let text = String::from_utf8(first.stdout).unwrap();
    assert!(text.starts_with("seed 5\n") && text.lines().count() == 5, "{text}");
    let (_again, path) = file("y.scn", &text);
    assert_eq!(String::from_utf8(run(&["--plan", path.to_str().unwrap()]).stdout).unwrap(), text);
}

#[test]
fn a_bad_scenario_is_refused_at_the_start_with_its_place() {
    let (_dir, path) = file("x.scn", "at 0s heal\nat 1s cut a->b mode=hald\n");
    let path = path.to_str().unwrap();
    for flag in ["--plan", "--scenario"] {
        let output = run(&[flag, path]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("x.scn:2:21: bad-syntax \"hald\": the modes are"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_scenario_quits_with_its_code_or_with_four_when_it_fails() {
    for (text, code) in [
        ("at 1ms cut a->b\nat 5ms expect held a->b == 0; quit 9", 9),
        ("expect frames a->b >= 0; quit", 0),
        ("at 1ms expect frames a->b > 0\nat 2ms quit", 4),
        ("at 1ms wait held a->b 1 timeout=5ms; quit", 4),
    ] {
        let (_dir, path) = file("x.scn", text);
        let output = run(&["--scenario", path.to_str().unwrap()]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}: {stderr}");
        assert!(stderr.contains("planned_us") && stderr.contains("actual_us"), "{stderr}");
    }
}

const BEFORE: &str = "seed = 1\n[nodes]\na = \"127.0.0.1:9\"\nb = \"127.0.0.1:9\"\n\
    [raw]\nweb = { listen = \"127.0.0.1:0\", upstream = \"127.0.0.1:9\" }\n\
    old = { listen = \"127.0.0.1:0\", upstream = \"127.0.0.1:9\" }\n\
    [[rule]]\nflow = \"a->b\"\ndelay = \"5ms\"\n[[rule]]\nflow = \"b->a\"\ncut = true\n";

const AFTER: &str = "seed = 2\n[nodes]\na = \"127.0.0.1:10\"\nb = \"127.0.0.1:9\"\n\
    [raw]\nweb = { listen = \"127.0.0.1:0\", upstream = \"127.0.0.1:9\" }\n\
    new = { listen = \"127.0.0.1:0\", upstream = \"127.0.0.1:9\" }\n\
    [[rule]]\nflow = \"a->b\"\ndelay = \"5ms\"\n[[rule]]\nflow = \"client->new\"\ncut = \"stall\"\n";

fn rules(program: &mut Program) -> Vec<String> {
    let shown = program.say("rules");
    let shown: serde_json::Value = serde_json::from_str(shown.strip_prefix("ok ").unwrap()).unwrap();
    let rules = shown["rules"].as_array().unwrap().iter();
    rules.map(|rule| format!("{} {}", rule["rule"], rule["text"].as_str().unwrap())).collect()
}

#[test]
fn a_reload_takes_over_what_has_changed_and_leaves_the_rest() {
    let (_dir, path) = file("p.toml", BEFORE);
    let mut program = Program::start(&["--config", path.to_str().unwrap(), "--json"]);
    program.ready();
    assert_eq!(rules(&mut program), ["1 delay a->b 5ms", "2 cut b->a"]);
    assert!(program.say("drop b->a p=0.5").starts_with("ok"));
    std::fs::write(&path, AFTER).unwrap();
    let reloaded = program.say("reload");
    let facts = r#"ok {"nodes_moved":1,"relays_made":1,"relays_removed":1,"rules_added":1,"rules_ended":1}"#;
    assert_eq!(reloaded, facts);
    assert_eq!(
        rules(&mut program),
        ["1 delay a->b 5ms", "3 drop b->a p=0.5", "4 cut client->new mode=stall"]
    );
    let shown = program.say("show");
    assert!(shown.contains(r#""seed":2"#) && shown.contains("127.0.0.1:10"), "{shown}");
    assert!(shown.contains("client->new") && !shown.contains("client->old"), "{shown}");
    assert!(program.say("reload").contains(r#""rules_added":0,"rules_ended":0"#));
}

/// Disproved by a reload that comes to other rules than a start with the same file.
#[test]
fn a_reload_gives_each_flow_the_rule_that_a_restart_would() {
    let rule = |flow: &str, delay: &str| format!("[[rule]]\nflow = \"{flow}\"\ndelay = \"{delay}\"\n");
    let text = |rules: &[String]| format!("[nodes]\na = \"\"\nb = \"\"\n{}", rules.concat());
    let (_dir, path) = file("p.toml", &text(&[rule("*", "5ms"), rule("a->b", "1s")]));
    let mut program = Program::start(&["--config", path.to_str().unwrap(), "--json"]);
    program.ready();
    std::fs::write(&path, text(&[rule("*", "6ms"), rule("a->b", "1s")])).unwrap();
    assert!(program.say("reload").contains(r#""rules_added":2,"rules_ended":2"#));
    assert_eq!(rules(&mut program), ["3 delay * 6ms", "4 delay a->b 1s"]);
    std::fs::write(&path, text(&[rule("*", "6ms")])).unwrap();
    assert!(program.say("reload").contains(r#""rules_added":1,"rules_ended":2"#));
    assert!(program.say("show rules").contains(r#""flows":["a->b","b->a"]"#));
}

#[test]
fn a_reload_that_cannot_be_taken_over_changes_nothing() {
    let (_dir, path) = file("p.toml", BEFORE);
    let mut program = Program::start(&["--config", path.to_str().unwrap(), "--json"]);
    program.ready();
    let before = program.say("show");
    let stations = AFTER.replace("[raw]", "c = \"127.0.0.1:9\"\n[raw]");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = AFTER.replace(
        "new = { listen = \"127.0.0.1:0\"",
        &format!("new = {{ listen = \"{}\"", taken.local_addr().unwrap()),
    );
    let moved = BEFORE.replace("127.0.0.1:0", "127.0.0.2:0");
    let bad = AFTER.replace("5ms", "5");
    for (text, expected) in [
        (stations.as_str(), "err conflict: other stations: that needs a restart; nothing is changed"),
        (&moved, "err conflict: other listening addresses of raw relays: that needs a restart"),
        (&taken, "err conflict \"new\": "),
        (&bad, "err io: "),
    ] {
        std::fs::write(&path, text).unwrap();
        let refused = program.say("reload");
        assert!(refused.starts_with(expected), "{refused}");
        assert_eq!(program.say("show"), before);
    }
    let mut without = Program::start(&with(&["--json"]));
    without.ready();
    assert!(without.say("reload").starts_with("err conflict: there is no file to read again"));
}

#[test]
fn a_hangup_reads_the_file_again() {
    let (_dir, path) = file("p.toml", BEFORE);
    let mut program = Program::start(&["--config", path.to_str().unwrap(), "--json"]);
    program.ready();
    std::fs::write(&path, AFTER).unwrap();
    let sent = Command::new("kill").args(["-HUP", &program.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let start = std::time::Instant::now();
    while rules(&mut program).len() != 2 || !program.say("rules").contains("client->new") {
        assert!(start.elapsed() < program::DEADLINE);
    }
}
