//! Scenarios as a session sees them: run, plan, wait, stop, save.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use std::path::PathBuf;

use bench::{Bench, numbered};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// A scenario file with this text.
fn file(text: &str) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.scn");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

async fn json(bench: &Bench, line: &str) -> serde_json::Value {
    serde_json::from_str(&bench.ok(line).await).unwrap()
}

/// `run` answers before the first step is taken.
async fn until_held(bench: &Bench) {
    while !bench.ok("show links").await.contains(r#""state":"hold""#) {
        bench.ok("wait 1ms").await;
    }
}

#[tokio::test]
async fn a_scenario_runs_in_the_background_and_its_steps_are_in_force() {
    let bench = Bench::new().await;
    let (_dir, path) = file(
        "seed 42\nat 0s cut a->b\nat 20ms wait held a->b 10; expect held a->b == 10\n\
         at 40ms heal; wait idle; expect frames a->b >= 10; expect stats.dropped a->b = 0\n",
    );
    let started = json(&bench, &format!("run {path}")).await;
    assert_eq!((started["steps"].as_u64(), started["duration_us"].as_u64()), (Some(3), Some(40_000)));
    until_held(&bench).await;
    let mut near = bench.dial("a->b").await;
    near.write_all(&numbered(0..10)).await.unwrap();
    let ended = json(&bench, "wait scenario").await;
    assert_eq!((&ended["scenario"]["phase"], ended["scenario"]["step"].as_u64()), (&"done".into(), Some(3)));
    assert_eq!(json(&bench, "show rules").await["seed"], 42);
    let mut far = bench.accept("b").await;
    assert_eq!(bench.numbers(&mut far, 10).await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_expectation_that_fails_ends_the_scenario_and_is_told() {
    let bench = Bench::new().await;
    let (_dir, path) = file("cut a->b\nexpect held a->b > 0\nat 1s heal\n");
    bench.ok(&format!("run {path}")).await;
    let failed = bench.reply("wait scenario").await;
    let message = r#"failed: expect-failed "expect held a->b > 0": not so: the number is 0 (line 2, col 1) (line 1, col 1)"#;
    assert!(failed.starts_with("err expect-failed: ") && failed.ends_with(message), "{failed}");
    assert!(bench.ok("show scenario").await.contains(r#""phase":"failed""#));
    assert!(bench.ok("rules").await.contains("cut a->b"), "what was done stays");
    let failed = bench.reply("ping; expect frames a->b > 5").await;
    assert_eq!(
        failed,
        r#"err expect-failed "expect frames a->b > 5": not so: the number is 0 (line 1, col 7)"#
    );
}

#[tokio::test]
async fn stop_ends_a_scenario_and_what_it_made_and_nothing_else() {
    let bench = Bench::new().await;
    let (_dir, path) =
        file("at 0s cut a->b; delay * 5ms\nat 0s wait held a->b 100 timeout=60s\nat 60s heal\n");
    bench.ok("cut b->c").await;
    bench.ok(&format!("run {path}")).await;
    let second = bench.reply(&format!("run {path}")).await;
    assert!(second.starts_with("err conflict: ") && second.contains("another scenario runs"), "{second}");
    until_held(&bench).await;
    let stopped = json(&bench, "stop").await;
    assert_eq!(stopped["scenario"]["phase"], "stopped");
    let rules = json(&bench, "rules").await;
    assert_eq!(rules["rules"].as_array().unwrap().len(), 1, "{rules}");
    assert_eq!(rules["rules"][0]["text"], "cut b->c");
    assert!(json(&bench, "stop").await["scenario"]["phase"] == "stopped", "nothing to stop is no mistake");
}

#[tokio::test]
async fn a_bad_file_is_refused_with_its_place_and_nothing_happens() {
    let bench = Bench::new().await;
    let (_dir, path) = file("at 0s cut a->b\nat 1s cut a->x\n");
    let refused = bench.reply(&format!("run {path}")).await;
    let expected = format!(
        r#"err unknown-node: {path}:2:14: unknown-node "x": no node has this name; did you mean a? (line 1, col 1)"#
    );
    assert_eq!(refused.replace("; did you mean a?", ""), expected.replace("; did you mean a?", ""));
    assert!(bench.ok("rules").await.contains(r#""rules":[]"#));
    let missing = bench.reply("run /nowhere.scn").await;
    assert!(missing.starts_with("err io: /nowhere.scn:1:1: io: "), "{missing}");
}

#[tokio::test]
async fn what_is_saved_makes_the_same_rules_again() {
    let bench = Bench::new().await;
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("saved.scn");
    let path = path.to_str().unwrap();
    bench
        .ok("seed 9; partition a | b,c mode=stall; drop * p=0.5 where=len>5; heal a->b; rate a->b 1MB/s")
        .await;
    assert_eq!(json(&bench, &format!("save {path}")).await["rules"], 3);
    let saved = std::fs::read_to_string(path).unwrap();
    let plan = json(&bench, &format!("plan {path}")).await;
    let lines: Vec<&str> = saved.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(plan["plan"], serde_json::json!(lines));

    let other = Bench::new().await;
    other.ok(&format!("run {path}")).await;
    other.ok("wait scenario").await;
    let again = dir.path().join("again.scn");
    other.ok(&format!("save {}", again.to_str().unwrap())).await;
    let again = std::fs::read_to_string(again).unwrap();
    assert_eq!(again.lines().skip(1).collect::<Vec<_>>(), saved.lines().skip(1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_nemesis_does_what_its_plan_says_and_ends_healed() {
    let bench = Bench::new().await;
    let words = "nemesis shapes=one,random faults=partition,delay interval=5ms..20ms hold=1ms..5ms seed=7 until=100ms";
    let plan = json(&bench, &format!("plan {words}")).await;
    assert_eq!(plan, json(&bench, &format!("plan {words}")).await);
    let steps = plan["plan"].as_array().unwrap().len() - 1;
    assert_eq!(json(&bench, words).await["steps"], steps);
    assert_eq!(json(&bench, "wait scenario").await["scenario"]["step"], steps);
    assert!(bench.ok("wait 50ms; rules").await.contains(r#""rules":[]"#));
}

#[tokio::test]
async fn a_rule_with_a_time_ends_by_itself() {
    let bench = Bench::new().await;
    bench.ok("cut a->b for=30ms; cut b->a").await;
    assert!(bench.ok("rules").await.contains("cut a->b for=30ms"));
    let rules = bench.ok("wait 100ms; rules").await;
    assert!(!rules.contains("for=30ms") && rules.contains("cut b->a"), "{rules}");
    bench.ok("rm 2").await;
    let gone = bench.reply("rm 2").await;
    assert_eq!(gone, r#"err not-found "2": no rule in force has this number; see rules (line 1, col 4)"#);
}

#[tokio::test]
async fn a_frame_triggers_its_changes_at_exactly_that_frame() {
    let bench = Bench::new().await;
    let (_dir, path) = file("on frame a->b 5 cut a->b for=60s; delay b->a 1ms\n");
    bench.ok(&format!("run {path}")).await;
    bench.ok("wait scenario").await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    near.write_all(&numbered(0..10)).await.unwrap();
    assert_eq!(bench.numbers(&mut far, 5).await, [0, 1, 2, 3, 4]);
    bench.ok("wait held a->b 5; expect frames a->b == 5").await;
    bench.ok("heal a->b").await;
    assert_eq!(bench.numbers(&mut far, 5).await, [5, 6, 7, 8, 9]);
}
