//! Which flows each shape cuts.

use std::cell::Cell;

use super::*;
use crate::command::World;

fn stations(count: usize) -> Directory {
    let mut directory = Directory::default();
    for name in ["a", "b", "c", "d", "e", "f", "g"].into_iter().take(count) {
        directory.add_station(name, None);
    }
    directory
}

/// The pairs that are cut, as `ab` for a->b and b->a, and the text of the rule.
fn cut(line: &str, directory: &Directory) -> (Vec<String>, String) {
    let parsed = parse(line, 1, directory).unwrap_or_else(|error| panic!("{line}: {error}")).unwrap();
    let Command::Change(Change { kind: ChangeKind::Add(new), text }) = &parsed.commands[0] else {
        panic!("{line}")
    };
    assert_eq!(new.place, Place::Partition);
    let name = |flow: &FlowId| directory.flow_name(*flow).replace("->", "");
    let mut pairs: Vec<String> =
        new.flows.iter().map(name).filter(|pair| pair.as_bytes().is_sorted()).collect();
    assert_eq!(pairs.len() * 2, new.flows.len(), "{line}: every cut is both ways");
    pairs.sort();
    (pairs, text.clone())
}

#[test]
fn the_fixed_shapes_cut_what_the_manual_says() {
    let table: [(&str, usize, &[&str]); 12] = [
        ("halves", 4, &["ac", "ad", "bc", "bd"]),
        ("halves", 5, &["ac", "ad", "ae", "bc", "bd", "be"]),
        ("partition halves mode=drop", 2, &["ab"]),
        ("partition isolate a,b", 3, &["ab", "ac", "bc"]),
        ("partition one b", 3, &["ab", "bc"]),
        ("bridge", 5, &["ad", "ae", "bd", "be"]),
        ("bridge a", 5, &["bd", "be", "cd", "ce"]),
        ("partition bridge c a | b,d mode=hold", 5, &["ab", "ad"]),
        ("ring-of-majorities", 4, &["ac", "bd"]),
        ("majorities-ring", 5, &["ac", "ad", "bd", "be", "ce"]),
        ("partition ring a,c,e,b,d", 5, &["ab", "ae", "bc", "cd", "de"]),
        ("ring-of-majorities", 7, &["ad", "ae", "be", "bf", "cf", "cg", "dg"]),
    ];
    for (line, count, expected) in table {
        assert_eq!(cut(line, &stations(count)).0, expected, "{line} of {count}");
    }
}

#[test]
fn each_station_of_a_ring_keeps_a_majority_and_no_two_the_same() {
    for count in 4..=7 {
        let (pairs, _) = cut("ring-of-majorities", &stations(count));
        let seen = |name: char| -> Vec<char> {
            let hears = |other: &char| {
                *other == name || !pairs.iter().any(|p| p.contains(name) && p.contains(*other))
            };
            ('a'..).take(count).filter(hears).collect()
        };
        let all: std::collections::BTreeSet<Vec<char>> = ('a'..).take(count).map(seen).collect();
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|majority| majority.len() > count / 2));
    }
}

#[test]
fn random_shapes_are_drawn_by_seed_and_number_and_written_out() {
    let directory = stations(5);
    let text = |line: &str, seed, start| {
        let draws = Cell::new(start);
        let next_draw = || draws.replace(draws.get() + 1);
        let world = World { seed, next_draw: &next_draw, ..World::of(&directory) };
        let parsed = parse_in(line, 1, &world).unwrap().unwrap();
        let texts = parsed.commands.iter().map(|command| match command {
            Command::Change(change) => change.text.clone(),
            Command::Query(query) => panic!("{query:?}"),
        });
        texts.collect::<Vec<_>>().join("; ")
    };
    let drawn = text("random mode=drop", 7, 0);
    assert_eq!(drawn, text("partition random mode=drop", 7, 0));
    assert!(
        drawn.starts_with("partition ") && drawn.ends_with(" mode=drop") && drawn.contains('|'),
        "{drawn}"
    );
    let many: std::collections::BTreeSet<String> = (0..20).map(|draw| text("random", 7, draw)).collect();
    assert!(many.len() > 4, "{many:?}");
    let twice = text("random; random", 7, 0);
    assert_eq!(twice, format!("{}; {}", text("random", 7, 0), text("random", 7, 1)));
    for line in ["random", "partition one", "partition majority"] {
        let drawn = text(line, 1, 0);
        assert_eq!(cut(&drawn, &directory).0.len(), if line == "partition one" { 4 } else { 6 }, "{drawn}");
    }
}

#[test]
fn a_node_named_like_a_shape_is_a_node() {
    let mut directory = stations(2);
    directory.add_station("random", None);
    let parsed = parse("partition random", 1, &directory).unwrap().unwrap();
    let Command::Change(Change { kind: ChangeKind::Add(new), text }) = &parsed.commands[0] else { panic!() };
    assert_eq!((new.flows.len(), text.as_str()), (4, "partition random"));
}

#[test]
fn a_shape_that_would_cut_nothing_is_refused() {
    let error = |line, count| parse(line, 1, &stations(count)).unwrap_err().to_string();
    assert_eq!(
        error("ring-of-majorities", 3),
        "conflict: a ring of majorities takes at least four stations: with fewer nothing would be cut (line 1, col 1)"
    );
    assert_eq!(
        error("partition majority", 2),
        "conflict: this shape cuts nothing between so few stations (line 1, col 1)"
    );
}

#[test]
fn one_way_is_a_partition_of_exactly_these_flows() {
    let partition = added(vec![flow("a", "b")], Fault::Cut(CutMode::Stall), Place::Partition);
    assert_eq!(kind("one-way a->b mode=stall"), partition);
    assert_eq!(kind("partition one-way a->b mode=stall"), partition);
}
