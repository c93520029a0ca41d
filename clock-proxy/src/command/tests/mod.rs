//! The grammar, line by line, with exact replies.

mod faults;
mod shapes;

use proptest::prelude::*;

use super::*;
use crate::rule::{ChangeKind, CutMode, Delay, Fault, Guard, Kind, NewRule, Owner, Place, Reorder, Which};

fn directory() -> Directory {
    let mut directory = Directory::default();
    for name in ["a", "b", "c", "indian_ocean"] {
        directory.add_station(name, None);
    }
    directory.add_raw("http", Some("127.0.0.1:80".parse().unwrap()));
    directory
}

fn one(line: &str) -> Command {
    let mut line = parse(line, 1, &directory()).unwrap().unwrap();
    assert_eq!(line.commands.len(), 1);
    line.commands.remove(0)
}

fn kind(line: &str) -> ChangeKind {
    match one(line) {
        Command::Change(change) => change.kind,
        other => panic!("{line}: {other:?} is no change"),
    }
}

fn added(flows: Vec<FlowId>, fault: Fault, place: Place) -> ChangeKind {
    ChangeKind::Add(NewRule { flows, fault, guard: Guard::default(), place, owner: Owner::Command })
}

fn flow(from: &str, to: &str) -> FlowId {
    let directory = directory();
    directory.flow(directory.node(from).unwrap(), directory.node(to).unwrap()).unwrap()
}

const MISTAKES: &[(&str, &str)] = &[
    ("delay a->b 5", r#"bad-unit "5": a duration needs a unit, e.g. 5ms (line 2, col 12)"#),
    ("delay a->b 5min", r#"bad-unit "5min": the units are us, ms and s (line 2, col 12)"#),
    ("delay a->b fast", r#"bad-syntax "fast": a duration is a number and a unit, e.g. 5ms (line 2, col 12)"#),
    ("delay a->b 2ms ±1", r#"bad-unit "±1": a duration needs a unit, e.g. 5ms (line 2, col 16)"#),
    ("delay a->b 9999s", r#"bad-range "9999s": the longest duration is 3600s (line 2, col 12)"#),
    ("delay a-b 5ms", r#"bad-syntax "a-b": did you mean a->b or a<->b? (line 2, col 7)"#),
    ("delay a->b", "bad-syntax: a duration, e.g. 200ms, is expected (line 2, col 11)"),
    (
        "partiton a | b",
        r#"unknown-verb "partiton": no such command; did you mean partition?; see help (line 2, col 1)"#,
    ),
    ("frobnicate", r#"unknown-verb "frobnicate": no such command; see help (line 2, col 1)"#),
    (
        "cut a->indian_ocena",
        r#"unknown-node "indian_ocena": no node has this name; did you mean indian_ocean? (line 2, col 8)"#,
    ),
    ("cut a", r#"bad-syntax "a": a flow is written a->b or a<->b (line 2, col 5)"#),
    ("cut a>b", r#"bad-syntax ">": a flow is written a->b or a<->b (line 2, col 6)"#),
    (
        "cut a->a",
        r#"not-found "a": no flow runs between these nodes; a raw relay is reached by client->NAME (line 2, col 5)"#,
    ),
    (
        "cut a->b mode=maybe",
        r#"bad-syntax "maybe": the modes are hold, stall, drop, reset, refuse and syn-drop (line 2, col 15)"#,
    ),
    (
        "cut a->b mod=hold",
        r#"bad-syntax "mod": no such option here; did you mean mode?; known: mode, p, after, every, count, for, conns, conn-p, where (line 2, col 10)"#,
    ),
    ("cut a->b c", r#"bad-syntax "c": not expected here; commands are separated by ; (line 2, col 10)"#),
    ("cut {a,b->c", "bad-syntax: a comma or } is expected (line 2, col 9)"),
    ("partition a,b | b", r#"conflict "b": node b is named twice (line 2, col 17)"#),
    ("partition a | b rest=gone", r#"bad-syntax "gone": the only value is rest=connected (line 2, col 22)"#),
    (
        "partition halfs",
        r#"bad-syntax "halfs": the shapes are halves, random, random-halves, one, majority, isolate, bridge, ring, ring-of-majorities, majorities-ring and one-way; did you mean halves? (line 2, col 11)"#,
    ),
    ("partition", "bad-syntax: a node, * or {a,b} is expected (line 2, col 10)"),
    ("reorder a->b p=1.5", r#"bad-range "1.5": a probability lies between 0 and 1 (line 2, col 16)"#),
    ("reorder a->b gap=3", "bad-syntax: p=PROBABILITY or off is expected (line 2, col 19)"),
    (
        "reorder a->b p=0.1 gap=0",
        r#"bad-range "0": the number must lie between 1 and 100000 (line 2, col 24)"#,
    ),
    ("wait held a->b", "bad-syntax: a count is expected (line 2, col 15)"),
    (
        "wait for a->b",
        r#"bad-syntax "for": one can wait for held, idle, scenario, a number of show stats, or some time (line 2, col 6)"#,
    ),
    (
        "show rule",
        r#"bad-syntax "rule": the parts are links, rules, conns, stats, nodes and scenario; did you mean rules? (line 2, col 6)"#,
    ),
    ("node a nowhere", r#"bad-syntax "nowhere": an address is HOST:PORT (line 2, col 8)"#),
    (
        "node client x:1",
        r#"conflict "client": client stands for everybody outside and is never dialled (line 2, col 6)"#,
    ),
    (
        "expect frame a->b > 5",
        r#"bad-syntax "frame": one can expect frames, held and stats.NUMBER; did you mean frames? (line 2, col 8)"#,
    ),
    (
        "expect dropped a->b > 5",
        r#"bad-syntax "dropped": one can expect frames, held and stats.NUMBER; did you mean stats.dropped? (line 2, col 8)"#,
    ),
    ("drop a->b p=0.1 corr=0 p=0.2", r#"conflict "p": this is given twice (line 2, col 24)"#),
    ("cut a->b mode=hold mode=drop", r#"conflict "mode": this is given twice (line 2, col 20)"#),
    (
        "delay a->b 5ms dist=normal",
        r#"conflict "dist": this is about the jitter, and there is none: add one, e.g. ±5ms (line 2, col 16)"#,
    ),
    (
        "delay a->b 5ms wave=sine:1s corr=0.5",
        r#"conflict "wave": this is about the jitter, and there is none: add one, e.g. ±5ms (line 2, col 16)"#,
    ),
    (
        "wait duplicate a->b 1",
        r#"bad-syntax "duplicate": one can wait for held, idle, scenario, a number of show stats, or some time; did you mean duplicated? (line 2, col 6)"#,
    ),
    (
        "expect stats.droped a->b > 5",
        r#"bad-syntax "droped": the numbers are conns, frames, bytes, held_frames, held_bytes, waiting_frames, waiting_bytes, delayed, reordered, dropped, duplicated, corrupted, desyncs and refused; did you mean dropped? (line 2, col 14)"#,
    ),
    ("expect frames a->b 5", "bad-syntax: <, <=, ==, !=, >= or > is expected (line 2, col 20)"),
    ("expect held a->b >", "bad-syntax: a number is expected (line 2, col 19)"),
    ("wait 5", r#"bad-unit "5": a duration needs a unit, e.g. 5ms (line 2, col 6)"#),
    ("save", "bad-syntax: a file is expected (line 2, col 5)"),
    ("plan", "bad-syntax: a file, or nemesis ..., is expected (line 2, col 5)"),
    ("run", "bad-syntax: a file is expected (line 2, col 4)"),
    ("mark", "bad-syntax: a text is expected (line 2, col 5)"),
    (
        "nemesis a for 5s",
        r#"bad-syntax "a": the shapes are halves, random, random-halves, one, majority, isolate, bridge, ring, ring-of-majorities, majorities-ring and one-way (line 2, col 9)"#,
    ),
    ("stop now", r#"bad-syntax "now": not expected here; commands are separated by ; (line 2, col 6)"#),
    ("quit 256", r#"bad-range "256": the number must lie between 0 and 255 (line 2, col 6)"#),
    ("heal; cut a->z", r#"unknown-node "z": no node has this name (line 2, col 14)"#),
    ("@7", "bad-syntax: a command is expected, e.g. show (line 2, col 1)"),
    (";", "bad-syntax: a command is expected, e.g. show (line 2, col 1)"),
];

#[test]
fn every_mistake_has_its_code_its_word_its_column_and_a_hint() {
    for (line, expected) in MISTAKES {
        let error = parse(line, 2, &directory()).expect_err(line);
        assert_eq!(error.to_string(), *expected, "for {line:?}");
    }
}

#[test]
fn blank_lines_and_comments_are_no_commands() {
    for line in ["", "   ", "# cut a->b", "\t# x"] {
        assert_eq!(parse(line, 1, &directory()), Ok(None), "{line:?}");
    }
    assert_eq!(kind("heal # everything"), ChangeKind::Lift { which: Which::Cuts, flows: None });
}

#[test]
fn a_tag_is_kept_and_verbs_may_shout() {
    let line = parse("@x1 PING; Heal", 1, &directory()).unwrap().unwrap();
    assert_eq!(line.tag.as_deref(), Some("x1"));
    assert_eq!(line.commands.len(), 2);
    assert_eq!(tag("@x1 bogus").as_deref(), Some("x1"));
}

#[test]
fn selectors_expand_to_the_flows_that_exist() {
    let cut = |flows| added(flows, Fault::Cut(CutMode::Hold), Place::Beside);
    assert_eq!(kind("cut a->b"), cut(vec![flow("a", "b")]));
    assert_eq!(kind("cut a <-> b"), cut(vec![flow("a", "b"), flow("b", "a")]));
    assert_eq!(kind("cut {a,b}->{b,c}"), cut(sorted([flow("a", "b"), flow("a", "c"), flow("b", "c")])));
    assert_eq!(kind("cut client->http"), cut(vec![flow("client", "http")]));
    let ChangeKind::Add(NewRule { flows, .. }) = kind("cut *") else { panic!("no cut") };
    assert_eq!(flows.len(), 12, "every flow between stations, none of the raw relay");
    assert_eq!(kind("cut *"), kind("cut *<->*"));
}

fn sorted<const N: usize>(mut flows: [FlowId; N]) -> Vec<FlowId> {
    flows.sort();
    flows.to_vec()
}

#[test]
fn each_change_has_its_form() {
    let among_three = |mode| {
        let (to, back) = ([flow("a", "c"), flow("b", "c")], [flow("c", "a"), flow("c", "b")]);
        let flows = sorted([to[0], to[1], back[0], back[1]]);
        added(flows, Fault::Cut(mode), Place::Partition)
    };
    assert_eq!(kind("partition a,b|c rest=connected mode=drop"), among_three(CutMode::Drop));
    let ChangeKind::Add(isolated) = kind("isolate a,c mode=stall") else { panic!("no rule") };
    assert_eq!((isolated.flows.len(), isolated.place), (10, Place::Beside));
    assert_eq!(isolated.fault, Fault::Cut(CutMode::Stall));
    let delay = |base, jitter| {
        let (base, jitter) = (Duration::from_millis(base), Duration::from_millis(jitter));
        added(vec![flow("a", "b")], Fault::Delay(Delay::of(base, jitter)), Place::SameKind)
    };
    assert_eq!(kind("delay a->b 200ms ±50ms"), delay(200, 50));
    assert_eq!(kind("delay a->b 200ms +-50ms"), delay(200, 50));
    assert_eq!(kind("delay a->b 0.2s"), delay(200, 0));
    let none = ChangeKind::Lift { which: Which::Kind(Kind::Delay), flows: Some(vec![flow("a", "b")]) };
    assert_eq!(kind("delay a->b off"), none);
    assert_eq!(kind("delay a->b 0ms"), none);
    let reorder = Reorder { gap: 3, max: Duration::from_millis(100) };
    assert_eq!(
        kind("reorder a->b p=0.2 gap=3"),
        ChangeKind::Add(NewRule {
            flows: vec![flow("a", "b")],
            fault: Fault::Reorder(reorder),
            guard: Guard { probability: 0.2, ..Guard::default() },
            place: Place::SameKind,
            owner: Owner::Command,
        })
    );
    assert_eq!(kind("node a indian:7777"), kind("node a=indian:7777"));
    assert_eq!(kind("seed 18446744073709551615"), ChangeKind::Seed(u64::MAX));
}

#[test]
fn each_question_has_its_form() {
    let query = |line: &str| match one(line) {
        Command::Query(query) => query,
        Command::Change(change) => panic!("{line}: {change:?} is no question"),
    };
    let expect = |line: &str| match query(line) {
        Query::Expect(Expect { number, comparison, value, flows, .. }) => {
            (number, comparison, value, flows.len())
        }
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(expect("expect frames a->b > 5000"), ("frames", Comparison::More, 5000, 1));
    assert_eq!(expect("expect held a<->b==0"), ("held_frames", Comparison::Equal, 0, 2));
    assert_eq!(expect("expect held a->b = 0"), ("held_frames", Comparison::Equal, 0, 1));
    assert_eq!(expect("expect stats.dropped * != 3"), ("dropped", Comparison::NotEqual, 3, 12));
    assert_eq!(query("wait 500ms"), Query::Pause(Duration::from_millis(500)));
    assert_eq!(query("wait scenario timeout=1s"), Query::WaitScenario(Duration::from_secs(1)));
    assert_eq!(query("rules"), query("show rules"));
    assert_eq!(query("mark now it begins"), Query::Mark("now it begins".to_owned()));
    assert_eq!(query("echo \"a; b # c\""), Query::Echo("a; b # c".to_owned()));
    assert_eq!(query("echo"), Query::Echo(String::new()));
    assert_eq!(query("run my/file.scn"), Query::Run("my/file.scn".to_owned()));
    assert_eq!(query("save \"a file\""), Query::Save("a file".to_owned()));
    assert_eq!(query("plan x.scn"), Query::Plan(PlanSource::File("x.scn".to_owned())));
    assert!(matches!(query("plan nemesis until=5s"), Query::Plan(PlanSource::Nemesis(_))));
    assert!(matches!(query("nemesis until=5s"), Query::Nemesis(_)));
    assert_eq!((query("stop"), query("reload")), (Query::Stop, Query::Reload));
}

#[test]
fn a_rule_remembers_the_words_it_came_from() {
    let line = parse("ping; cut a->b   mode=hold ; ping", 1, &directory()).unwrap().unwrap();
    let Command::Change(change) = &line.commands[1] else { panic!("no change") };
    assert_eq!(change.text, "cut a->b   mode=hold");
}

#[test]
fn every_topic_is_a_verb_that_the_parser_knows() {
    for topic in topics() {
        if let Err(error) = parse(topic.verb, 1, &directory()) {
            assert_ne!(error.code, Code::UnknownVerb, "{}", topic.verb);
        }
    }
}

proptest! {
    /// Disproved by a panic: an index that is no character boundary, a number too large.
    #[test]
    fn no_line_makes_the_parser_panic(line in "\\PC*") {
        let _ = parse(&line, 1, &directory());
        let _ = tag(&line);
    }

    #[test]
    fn no_line_of_almost_commands_makes_the_parser_panic(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "cut", "delay", "partition", "reorder", "wait", "held", "a", "b", "->", "<->", "{", "}", ",", "|",
                ";", "=", "mode", "p", "±", "±5ms", "5ms", "9e99s", ".", "*", "@t", "#", "off", "é", "\u{a0}", "#3", "\"", "where",
                "len>5", "rate", "1MB/s", "drop", "ge", "0.1", "reset", "after", "<", "==",
            ]),
            0..12,
        ),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        let line = words.join(glue);
        if let Err(error) = parse(&line, 1, &directory()) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
