//! Every fault with every parameter, and every mistake in one.

use std::sync::Arc;

use super::*;
use crate::command::World;
use crate::rule::{
    Action, Comparison, Condition, Conns, Corrupt, Duplicate, Loss, Rate, RateScope, ResetAfter, Slice,
    Spread, Target,
};

const MS: Duration = Duration::from_millis(1);

/// The rule that a command makes, without what is the same for all.
fn rule(line: &str) -> (Fault, Guard) {
    match kind(line) {
        ChangeKind::Add(NewRule { fault, guard, .. }) => (fault, guard),
        other => panic!("{line}: {other:?} is no rule"),
    }
}

fn fault(line: &str) -> Fault {
    let (fault, guard) = rule(line);
    assert_eq!(guard, Guard::default(), "{line}");
    fault
}

fn guard(line: &str) -> Guard {
    rule(line).1
}

#[test]
fn cuts_have_six_modes_and_three_of_them_are_verbs() {
    for mode in CutMode::ALL {
        assert_eq!(fault(&format!("cut a->b mode={}", mode.name())), Fault::Cut(mode));
    }
    assert_eq!(kind("hold a->b"), kind("cut a->b mode=hold"));
    assert_eq!(kind("refuse a->b"), kind("cut a->b mode=refuse"));
    assert_eq!(kind("syn-drop a->b"), kind("cut a->b mode=syn-drop"));
    assert_eq!(kind("release a->b"), kind("heal a->b"));
}

#[test]
fn frames_are_lost_doubled_and_damaged() {
    let independent = |correlation| Fault::Drop(Loss::Independent { correlation });
    assert_eq!(rule("drop a->b p=0.3").0, independent(0.0));
    assert_eq!(rule("drop a->b p=0.3 corr=0.2").0, independent(0.2));
    assert_eq!(rule("drop a->b count=2").0, independent(0.0));
    let burst = |h, k| Fault::Drop(Loss::GilbertElliott { p: 0.1, r: 0.2, h, k });
    assert_eq!(fault("drop a->b ge=0.1,0.2"), burst(0.0, 1.0));
    assert_eq!(fault("drop a->b ge=0.1,0.2,0.3,0.4"), burst(0.3, 0.4));
    let copies = |copies, gap| Fault::Duplicate(Duplicate { copies, gap });
    assert_eq!(fault("dup a->b"), copies(1, Duration::ZERO));
    assert_eq!(rule("dup a->b p=0.5 copies=3 gap=2ms").0, copies(3, 2 * MS));
    assert_eq!(fault("replay a->b back=3"), Fault::Replay { back: 3 });
    let bits = |bits, target| Fault::Corrupt(Corrupt::Bits { bits, target });
    assert_eq!(fault("corrupt a->b"), bits(1, Target::Payload));
    assert_eq!(fault("corrupt a->b bits=9 at=header"), bits(9, Target::Header));
    assert_eq!(fault("corrupt a->b at=4..8"), bits(1, Target::Range { from: 4, to_exclusive: 8 }));
    assert_eq!(fault("corrupt a->b trunc=3"), Fault::Corrupt(Corrupt::Truncate { bytes: 3 }));
    assert_eq!(
        fault("corrupt client->http rate=0.01"),
        Fault::Corrupt(Corrupt::PerByte { probability: 0.01 })
    );
}

#[test]
fn delays_are_spread_in_six_ways() {
    let spread = |spread| Fault::Delay(Delay { spread, ..Delay::of(5 * MS, 2 * MS) });
    assert_eq!(fault("delay a->b 5ms ±2ms"), spread(Spread::Uniform));
    assert_eq!(fault("delay a->b 5ms jitter=2ms dist=normal"), spread(Spread::Normal));
    assert_eq!(fault("delay a->b 5ms ±2ms dist=pareto"), spread(Spread::Pareto));
    assert_eq!(fault("delay a->b 5ms ±2ms dist=EXP"), spread(Spread::Exponential));
    assert_eq!(fault("delay a->b 5ms ±2ms wave=sine:10s"), spread(Spread::Sine(10_000 * MS)));
    let free = Delay { correlation: 0.5, may_overtake: true, ..Delay::of(5 * MS, MS) };
    assert_eq!(fault("delay a->b 5ms ±1ms corr=0.5 order=free"), Fault::Delay(free));

    let directory = directory();
    let samples =
        [("./x.txt".to_owned(), Ok(Arc::from([1.0, 2.0]))), ("y.txt".to_owned(), Err("gone".to_owned()))];
    let world = World { samples: &samples.into(), ..World::of(&directory) };
    let parsed = parse_in("delay a->b 5ms ±2ms dist=./x.txt", 1, &world).unwrap().unwrap();
    let Command::Change(Change { kind: ChangeKind::Add(new), .. }) = &parsed.commands[0] else { panic!() };
    assert_eq!(new.fault, spread(Spread::Samples([1.0, 2.0].into())));
    let error = parse_in("delay a->b 5ms dist=y.txt", 1, &world).unwrap_err().to_string();
    assert_eq!(error, r#"io "y.txt": gone (line 1, col 21)"#);
}

#[test]
fn throughput_and_pieces_have_units() {
    let rate = |bytes_per_second, burst, scope| Fault::Rate(Rate { bytes_per_second, burst, scope });
    assert_eq!(fault("rate a->b 1MB/s"), rate(1_000_000, 10_000, RateScope::Connection));
    assert_eq!(fault("rate a->b 1KiB/s"), rate(1024, 1500, RateScope::Connection));
    assert_eq!(fault("rate a->b 1MB/s burst=64KB scope=link"), rate(1_000_000, 64_000, RateScope::Flow));
    assert_eq!(fault("rate a->b 1MB/s scope=node"), rate(1_000_000, 10_000, RateScope::Node));
    assert_eq!(kind("rate a->b 1MB/s scope=group"), kind("rate a->b 1MB/s scope=all"));
    let slice = Slice { average: 100, variation: 20, pause: MS };
    assert_eq!(fault("slice a->b 100B variation=20B pause=1ms"), Fault::Slice(slice));
}

#[test]
fn connections_end_in_five_ways() {
    assert_eq!(fault("limit a->b 1MB"), Fault::Limit { bytes: 1_000_000 });
    assert_eq!(fault("limit a->b 0B"), Fault::Limit { bytes: 0 });
    assert_eq!(fault("slow-close a->b 200ms"), Fault::SlowClose { delay: 200 * MS });
    assert_eq!(fault("black-hole a->b"), Fault::BlackHole { close_after: None });
    assert_eq!(fault("black-hole a->b close=5s"), Fault::BlackHole { close_after: Some(5000 * MS) });
    let time = |loses_bytes| Fault::Reset(ResetAfter::Time { after: 500 * MS, loses_bytes });
    assert_eq!(fault("reset a->b after=500ms"), time(false));
    assert_eq!(fault("reset a->b after=500ms bytes=lose"), time(true));
    assert_eq!(fault("reset a->b after=100"), Fault::Reset(ResetAfter::Frames(100)));
    let once = |connection| ChangeKind::Act(Action::Reset { flows: vec![flow("a", "b")], connection });
    assert_eq!(kind("reset a->b"), once(None));
    assert_eq!(kind("reset a->b#3"), once(Some(3)));
    assert_eq!(kind("reset a->b conns=#3"), once(Some(3)));
    let inject = |connection| {
        let (flows, bytes) = (vec![flow("a", "b")], vec![0, 255].into());
        ChangeKind::Act(Action::Inject { flows, connection, bytes })
    };
    assert_eq!(kind("inject a->b hex=00ff"), inject(None));
    assert_eq!(kind("inject a->b#2 hex=00FF"), inject(Some(2)));
}

#[test]
fn every_fault_takes_the_common_parameters_and_off() {
    let full = Guard {
        conns: Conns::New,
        connection_probability: 0.25,
        filter: vec![
            Condition::Length(Comparison::More, 512),
            Condition::Byte { offset: 4, comparison: Comparison::Equal, value: 2 },
            Condition::Contains(vec![0, 255]),
        ],
        after: 10,
        every: 3,
        probability: 0.5,
        count: Some(7),
        lasts: Some(2000 * MS),
    };
    let parameters =
        "p=0.5 after=10 every=3 count=7 for=2s conns=new conn-p=0.25 where=len>512,byte[4]==0x02,match=00ff";
    for form in ["drop", "dup", "corrupt", "noop"] {
        assert_eq!(guard(&format!("{form} a->b {parameters}")), full, "{form}");
    }
    // Faults of whole connections choose no frames.
    let whole = Guard { filter: Vec::new(), after: 0, every: 1, count: None, ..full };
    for form in ["black-hole a->b", "rate a->b 1MB/s", "slice a->b 1B", "limit a->b 1B", "slow-close a->b 1s"]
    {
        assert_eq!(guard(&format!("{form} p=0.5 for=2s conns=new conn-p=0.25")), whole, "{form}");
    }
    for form in [
        "delay a->b 5ms",
        "cut a->b",
        "hold a->b",
        "partition a",
        "isolate a",
        "replay a->b back=1",
        "reorder a->b gap=1",
    ] {
        assert_eq!(guard(&format!("{form} {parameters}")), full, "{form}");
    }
    assert_eq!(guard("drop a->b#3 p=1").conns, Conns::One(3));
    assert_eq!(guard("drop a->b conns=#3"), guard("drop a->b#3 p=1"));
    for verb in ["drop", "dup", "replay", "corrupt", "delay", "reorder", "rate", "slice", "limit"] {
        let ChangeKind::Lift { which: Which::Kind(kind), .. } = kind(&format!("{verb} a->b off")) else {
            panic!()
        };
        assert_eq!(kind.name(), verb);
    }
    for verb in ["reset", "black-hole", "slow-close", "noop"] {
        assert!(matches!(kind(&format!("{verb} a->b off")), ChangeKind::Lift { .. }), "{verb}");
    }
    assert_eq!(kind("drop a->b p=0"), kind("drop a->b off"));
}

#[test]
fn flows_can_be_listed() {
    let two = kind("cut a->b,b->c");
    assert_eq!(
        two,
        added(sorted([flow("a", "b"), flow("b", "c")]), Fault::Cut(CutMode::Hold), Place::Beside)
    );
    assert_eq!(kind("cut a->b,a->b"), kind("cut a->b"));
}

const MISTAKES: &[(&str, &str)] = &[
    ("rate a->b 1MB", r#"bad-unit "1MB": a rate needs a unit, e.g. 1MB/s (line 1, col 11)"#),
    ("rate a->b 5/s", r#"bad-unit "5/s": a rate needs a unit, e.g. 1MB/s (line 1, col 11)"#),
    ("limit a->b 5", r#"bad-unit "5": a size needs a unit, e.g. 64KB or 64KiB (line 1, col 12)"#),
    (
        "rate a->b 1MB/s scope=nod",
        r#"bad-syntax "nod": the scopes are conn, link, node, group and all; did you mean node? (line 1, col 23)"#,
    ),
    (
        "cut a->b mode=hld",
        r#"bad-syntax "hld": the modes are hold, stall, drop, reset, refuse and syn-drop; did you mean hold? (line 1, col 15)"#,
    ),
    (
        "delay a->b 5ms dist=normel",
        r#"bad-syntax "normel": the distributions are uniform, normal, pareto and exp; did you mean normal? (line 1, col 21)"#,
    ),
    ("delay a->b 5ms dist=a.txt", r#"io "a.txt": files cannot be read here (line 1, col 21)"#),
    (
        "delay a->b 5ms dist=exp wave=sine:1s",
        r#"conflict "wave": a wave is no draw: give dist= or wave= (line 1, col 25)"#,
    ),
    ("delay a->b 5ms wave=cos", r#"bad-syntax "cos": a wave is sine:PERIOD, e.g. sine:10s (line 1, col 21)"#),
    ("delay a->b 5ms wave=sine:1", r#"bad-unit "1": a duration needs a unit, e.g. 5ms (line 1, col 26)"#),
    (
        "drop a->b",
        "bad-syntax: p=PROBABILITY, ge=p,r,h,k, another choice of frames, or off is expected (line 1, col 10)",
    ),
    ("drop a->b ge=1", r#"bad-syntax "1": ge takes two to four probabilities: ge=p,r,h,k (line 1, col 14)"#),
    (
        "drop a->b p=1 ge=1,0",
        r#"conflict "ge": ge has probabilities of its own: leave out p (line 1, col 15)"#,
    ),
    (
        "drop a->b prob=1",
        r#"bad-syntax "prob": no such option here; known: corr, ge, p, after, every, count, for, conns, conn-p, where (line 1, col 11)"#,
    ),
    (
        "drop a->b p=1 where=length>5",
        r#"bad-syntax "length>5": a condition is len>512, byte[4]==2 or match=00ff (line 1, col 21)"#,
    ),
    (
        "drop a->b where=len>5,byte[1]==256",
        r#"bad-syntax "byte[1]==256": a condition is len>512, byte[4]==2 or match=00ff (line 1, col 23)"#,
    ),
    (
        "drop a->b where=match=0",
        r#"bad-syntax "match=0": bytes are written as pairs of hex digits, e.g. 00ff (line 1, col 17)"#,
    ),
    ("drop a->b p=1 for=0ms", r#"bad-range "0ms": a rule lasts longer than this (line 1, col 19)"#),
    ("drop a->b#3 conns=#4", r##"conflict "#4": the flow names another connection (line 1, col 19)"##),
    (
        "drop a->b conns=some",
        r#"bad-syntax "some": the connections are all, new or one like #3 (line 1, col 17)"#,
    ),
    (
        "drop a->b#3 off",
        "conflict: off ends the rules of all connections; end one rule with rm ID (line 1, col 6)",
    ),
    ("heal a->b#3", "conflict: this is about flows as a whole: leave out the connection (line 1, col 6)"),
    (
        "corrupt a->b bits=1 trunc=2",
        r#"conflict "trunc": one damage at a time: bits= with at=, or trunc=, or rate= (line 1, col 21)"#,
    ),
    ("corrupt a->b at=8..8", r#"conflict "8..8": the end lies behind the start (line 1, col 17)"#),
    (
        "corrupt a->b at=head",
        r#"bad-syntax "head": the targets are payload, header, any and offsets like 8..12 (line 1, col 17)"#,
    ),
    (
        "reset a->b p=0.5",
        r#"conflict "p": without after= a reset happens at once, and takes no other parameter (line 1, col 12)"#,
    ),
    (
        "reset a->b after=3 bytes=lose",
        r#"conflict "bytes": frames that were counted are delivered before the reset (line 1, col 20)"#,
    ),
    (
        "reset a->b after=0",
        r#"bad-range "0": the number must lie between 1 and 18446744073709551615 (line 1, col 18)"#,
    ),
    ("replay a->b", "bad-syntax: back=N or off is expected (line 1, col 12)"),
    ("inject a->b", "bad-syntax: hex=BYTES, e.g. hex=00ff, is expected (line 1, col 12)"),
    (
        "inject a->b hex=0g",
        r#"bad-syntax "0g": bytes are written as pairs of hex digits, e.g. 00ff (line 1, col 17)"#,
    ),
    (
        "slice a->b 100B variation=100B",
        r#"conflict "100B": the variation is smaller than the size (line 1, col 27)"#,
    ),
    (
        "reorder client->http p=0.5",
        r#"conflict "reorder": these bytes have no frames, and a stream whose bytes change places is another stream (line 1, col 1)"#,
    ),
    (
        "reset client->http after=3",
        r#"conflict "reset": these bytes have no frames to count; reset after=500ms counts time (line 1, col 1)"#,
    ),
    (
        "corrupt http->client bits=1",
        r#"conflict "corrupt": these bytes have no frames; rate=P damages each byte with that probability (line 1, col 1)"#,
    ),
    (
        "corrupt a->b rate=0.1",
        r#"conflict "corrupt": damage per byte is for relays without frames; bits=N damages frames (line 1, col 1)"#,
    ),
    ("rm", "bad-syntax: the number of a rule, see rules, is expected (line 1, col 3)"),
    ("run \"x", r#"bad-syntax "\"": the quote is not closed (line 1, col 5)"#),
];

#[test]
fn every_mistake_in_a_fault_is_named() {
    for (line, expected) in MISTAKES {
        let error = parse(line, 1, &directory()).expect_err(line);
        assert_eq!(error.to_string(), *expected, "for {line:?}");
    }
    let directory = directory();
    let world = World { has_rule: &|id| id.0 == 2, ..World::of(&directory) };
    assert!(parse_in("rm 2", 1, &world).is_ok());
    let error = parse_in("rm 2 3", 1, &world).unwrap_err().to_string();
    assert_eq!(error, r#"not-found "3": no rule in force has this number; see rules (line 1, col 6)"#);
}
