//! Files to plans, and plans to files.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::command::World;
use crate::directory::Directory;

fn directory() -> Directory {
    let mut directory = Directory::default();
    for name in ["a", "b", "c", "d", "e"] {
        directory.add_station(name, None);
    }
    directory
}

fn plan_with(text: &str, seed: u64) -> Result<Plan, CommandError> {
    let directory = directory();
    let draws = Cell::new(0);
    let next_draw = || draws.replace(draws.get() + 1);
    read(text, &World { seed, next_draw: &next_draw, ..World::of(&directory) })
}

fn plan(text: &str) -> Plan {
    plan_with(text, 7).unwrap_or_else(|error| panic!("{text}: {error}"))
}

const EXAMPLE: &str = "# split.scn
seed 42
at 0s    delay * 5ms ±1ms dist=normal
at 2s    partition a,b | c,d mode=stall
at 5s    heal
at 6s    cut c->a                    # one way
on frame a->b 1000   reset a<->b
every 3s ±1s until 30s   nemesis random-halves for 800ms
at 30s   heal; expect frames a->b > 5000; quit
";

#[test]
fn the_example_of_the_manual_is_read_and_ordered_by_time() {
    let plan = plan(EXAMPLE);
    let lines = plan.lines();
    assert_eq!(lines[0], "seed 42");
    assert_eq!(lines[1], "on frame a->b 1000 reset a<->b");
    assert_eq!(lines[2], "at 0s delay * 5ms ±1ms dist=normal");
    assert!(lines.contains(&"at 2s partition a,b | c,d mode=stall".to_owned()));
    assert_eq!(lines.last().unwrap(), "at 30s heal; expect frames a->b > 5000; quit");
    assert_eq!(plan.duration(), Duration::from_secs(30));
    let drawn: Vec<&String> = lines.iter().filter(|line| line.ends_with(" for=800ms")).collect();
    assert_eq!(drawn.len(), 10, "{lines:#?}");
    assert!(drawn.iter().all(|line| line.contains(" partition ") && line.contains('|')));
    let times: std::collections::BTreeSet<&str> =
        drawn.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert!(times.len() > 8, "the times are spread: {times:?}");
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
    assert_eq!(plan(EXAMPLE), plan(EXAMPLE));
    assert_ne!(plan(EXAMPLE).lines(), plan(&EXAMPLE.replace("seed 42", "seed 43")).lines());
    let unseeded = EXAMPLE.replace("seed 42\n", "");
    assert_eq!(plan_with(&unseeded, 42).unwrap().lines(), plan(EXAMPLE).lines());
}

#[test]
fn lines_without_a_time_happen_at_the_time_of_the_line_before() {
    let plan = plan("cut a->b\nat 2s heal\n\n# x\nwait idle; cut b->a\nat 1s ping");
    let expected = ["seed 7", "at 0s cut a->b", "at 1s ping", "at 2s heal", "at 2s wait idle; cut b->a"];
    assert_eq!(plan.lines(), expected);
}

#[test]
fn mistakes_are_found_before_anything_runs_with_line_and_column() {
    let table = [
        ("at 0s ping\nat 5 heal", r#"bad-unit "5": a duration needs a unit, e.g. 5ms (line 2, col 4)"#),
        (
            "at 2s partiton a | b",
            r#"unknown-verb "partiton": no such command; did you mean partition?; see help (line 1, col 7)"#,
        ),
        ("at 2s", "bad-syntax: a command is expected, e.g. show (line 1, col 1)"),
        ("at", "bad-syntax: a time, e.g. 2s, is expected (line 1, col 3)"),
        ("every 3s heal", "bad-syntax: until TIME is expected (line 1, col 10)"),
        ("every 0s until 5s heal", r#"bad-range "0s": a period is longer than this (line 1, col 7)"#),
        (
            "every 1s from 4s until 4.5s heal",
            r#"bad-range "4.5s": this is before the first time, one period after the start (line 1, col 24)"#,
        ),
        ("every 1us until 10s heal", "bad-range: a scenario has at most 10000 steps (line 1, col 1)"),
        (
            "every 1us until 3600s nemesis interval=2s until=1s final=keep",
            "bad-range: a scenario has at most 4194304 bytes of commands, repetitions included (line 1, col 1)",
        ),
        (
            "on frames a->b 5 heal",
            r#"bad-syntax "frames": the triggers are frame; did you mean frame? (line 1, col 4)"#,
        ),
        ("on frame * 5 heal", "conflict: a trigger watches one flow, e.g. a->b (line 1, col 10)"),
        ("on frame a->b 5 ping", "conflict: a frame can only trigger changes (line 1, col 17)"),
        ("at 1s run other.scn", r#"conflict "run other.scn": not inside a scenario (line 1, col 7)"#),
        (
            "nemesis until=5s shapes=isolate",
            r#"conflict "isolate": this shape needs nodes: it cannot be drawn (line 1, col 25)"#,
        ),
        ("nemesis", "bad-syntax: a shape, or shapes=... is expected (line 1, col 8)"),
        ("nemesis hold=2s", "bad-syntax: until=TIME is expected (line 1, col 16)"),
        (
            "nemesis until=9s interval=5s..2s",
            r#"bad-range "5s..2s": a span is written 2s..6s, the shorter time first, from 1ms on (line 1, col 27)"#,
        ),
        (
            "nemesis until=9s faults=delai",
            r#"bad-syntax "delai": the faults are partition, delay, drop, dup, reorder, corrupt, rate, slice, reset and stall; did you mean delay? (line 1, col 25)"#,
        ),
    ];
    for (text, expected) in table {
        let error = plan_with(text, 1).expect_err(text);
        assert_eq!(error.to_string(), expected, "for {text:?}");
    }
}

#[test]
fn a_nemesis_draws_its_shapes_and_ends_every_trouble() {
    let text = "nemesis shapes=one,majority,majorities-ring,bridge,halves,random \
                faults=partition,delay,drop,dup,reorder,corrupt,rate,slice,reset,stall \
                interval=20ms..60ms hold=10ms..40ms seed=7 until=10s final=clear";
    let lines = plan(text).lines();
    assert!(lines.len() > 150, "{}", lines.len());
    assert_eq!(lines.last().unwrap(), "at 10s clear");
    for word in
        ["partition ", "bridge ", "ring-of-majorities ", "delay ", "drop ", "stall", "reset ", "rate "]
    {
        assert!(lines.iter().any(|line| line.contains(word)), "no {word}");
    }
    let is_over = |line: &&String| line.contains(" for=") || line.contains(" reset ");
    assert_eq!(lines.iter().filter(is_over).count(), lines.len() - 2);
    assert_eq!(
        plan_with(text, 1).unwrap().steps,
        plan_with(text, 2).unwrap().steps,
        "it has a seed of its own"
    );
    assert_ne!(plan(text).lines(), plan(&text.replace("seed=7", "seed=8")).lines());
}

/// Lines that draw, and lines that do not.
fn line() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "at 1s random", "at 0.5s partition one mode=drop", "partition majority for=1s", "# nothing", "",
        "every 300ms ±200ms until 2s nemesis random-halves for 100ms", "every 1s until 3s random; wait idle; heal",
        "every 1s from 10s until 12s delay a->b 5ms ±1ms wave=sine:1s", "on frame a->b#3 17 cut a->b; drop * p=0.5",
        "nemesis shapes=one,bridge,ring,random faults=partition,delay,stall interval=1s..3s hold=1s until=20s",
        "at 4s nemesis interval=1.5us..2s until=9s", "at 1.0000005s mark a text; echo \"quoted # text\"",
        "seed 9", "at 2s expect stats.dropped a<->b == 0", "quit 3", "bridge c; halves", "at 3s drop * where=len>5,byte[1]==2",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    /// Disproved by a plan that depends on more than the text and the seed, or that says something else when it
    /// is read again.
    #[test]
    fn the_plan_of_a_plan_is_itself(lines in prop::collection::vec(line(), 0..12), seed in 0_u64..1000) {
        if let Ok(plan) = plan_with(&lines.join("\n"), seed) {
            prop_assert_eq!(plan_with(&lines.join("\n"), seed), Ok(plan.clone()));
            let printed = plan.lines();
            let again = plan_with(&printed.join("\n"), 0).unwrap();
            prop_assert_eq!(again.lines(), printed);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\PC|\n)*") {
        let _ = plan_with(&text, 1);
    }
}
