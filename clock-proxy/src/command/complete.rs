//! What may come next on a line that is being typed.
//!
//! The manual's usage lines are the only list: keys and their values are read out of them, so a new option can be
//! completed as soon as it is documented.

use super::common::KEYS;
use super::help::{Topic, topics};
use super::shape::SHAPES;

/// Signs that end the word before them.
const BREAKS: [char; 9] = [' ', '\t', ',', '=', '{', '|', ';', '>', ':'];

/// Where the word at `position` (in bytes) begins, and what it may become, in order. `nodes` are the names there are.
pub(crate) fn complete(line: &str, position: usize, nodes: &[&str]) -> (usize, Vec<String>) {
    let before = line.get(..position).unwrap_or(line);
    let start =
        before.rfind(BREAKS).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let word = before[start..].to_lowercase();
    let command = before[..start].rsplit(';').next().unwrap_or_default();
    let mut earlier = command.split_whitespace().filter(|word| !word.starts_with('@'));
    let mut found: Vec<String> = match earlier.next() {
        None => topics().map(|topic| topic.verb.to_owned()).collect(),
        Some(verb) => after_verb(&verb.to_lowercase(), command, earlier.next().is_none(), nodes),
    };
    found.retain(|candidate| candidate.to_lowercase().starts_with(&word));
    found.sort();
    found.dedup();
    (start, found)
}

fn after_verb(verb: &str, command: &str, is_first: bool, nodes: &[&str]) -> Vec<String> {
    if let Some(key) = open_key(command) {
        return values(verb, key);
    }
    let mut found: Vec<String> = nodes.iter().map(|&node| node.to_owned()).collect();
    if is_first {
        found.extend(first_words(verb));
    }
    let topic = topics().find(|topic| topic.verb == verb);
    found.extend(topic.into_iter().flat_map(|topic| options(topic.usage)).map(|(key, _)| format!("{key}=")));
    if topic.is_some_and(is_fault) {
        found.extend(KEYS.map(|key| format!("{key}=")));
    }
    found
}

/// The key whose value is being typed: `mode` behind `mode=`, and behind `shapes=one,`.
fn open_key(command: &str) -> Option<&str> {
    let last = command.rsplit([' ', '\t']).next()?;
    last.split_once('=').map(|(key, _)| key)
}

/// What a verb takes in the place of a flow.
fn first_words(verb: &str) -> Vec<String> {
    let words: &[&str] = match verb {
        "show" => &["links", "rules", "conns", "stats", "nodes", "scenario"],
        "wait" => &["held", "frames", "dropped", "idle", "scenario"],
        "expect" => &["frames", "held", "stats."],
        "plan" => &["nemesis"],
        "help" => return topics().map(|topic| topic.verb.to_owned()).collect(),
        "partition" | "nemesis" => return SHAPES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        _ => &[],
    };
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The values of a key: of this verb, or of another if this one does not say.
fn values(verb: &str, key: &str) -> Vec<String> {
    let listed = |topic: &'static Topic| {
        options(topic.usage).find(|(name, values)| *name == key && values.contains('|'))
    };
    let own = topics().find(|topic| topic.verb == verb).and_then(listed);
    let found = own.or_else(|| topics().find_map(listed));
    let mut values: Vec<String> = match (found, key) {
        (_, "shapes") => SHAPES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        (_, "faults") => super::nemesis::TROUBLES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        (_, "conns") => ["new", "all"].map(str::to_owned).to_vec(),
        (_, "rest") => vec!["connected".to_owned()],
        (_, "wave") => vec!["sine:".to_owned()],
        (Some((_, values)), _) => values.split('|').map(str::to_owned).collect(),
        (None, _) => Vec::new(),
    };
    // Numbers and files are examples and no words.
    values.retain(|value| value.starts_with(|c: char| c.is_ascii_alphabetic()));
    values
}

/// Every `key=values` of a usage line.
fn options(usage: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let words = usage.split([' ', '[', ']']);
    words.filter_map(|word| word.split_once('=')).filter(|(key, _)| !key.is_empty() && !key.contains('-'))
}

/// A rule, which takes the parameters of every fault.
fn is_fault(topic: &'static Topic) -> bool {
    topic.usage.ends_with("off") || topic.usage.contains("mode=")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(line: &str) -> (usize, Vec<String>) {
        complete(line, line.len(), &["alpha", "beta"])
    }

    #[test]
    fn verbs_names_keys_and_values_are_completed_where_they_belong() {
        let table: [(&str, usize, &[&str]); 18] = [
            ("par", 0, &["partition"]),
            ("@1 PAR", 3, &["partition"]),
            ("heal; re", 6, &["refuse", "release", "reload", "reorder", "replay", "reset", "reset-all"]),
            ("cut al", 4, &["alpha"]),
            ("cut alpha->b", 11, &["beta"]),
            ("cut {alpha,b", 11, &["beta"]),
            ("cut alpha->beta m", 16, &["mode="]),
            ("cut alpha->beta mode=s", 21, &["stall", "syn-drop"]),
            ("rate * 1MB/s scope=", 19, &["all", "conn", "group", "link", "node"]),
            ("delay * 5ms di", 12, &["dist="]),
            ("delay * 5ms dist=", 17, &["exp", "normal", "pareto", "uniform"]),
            ("drop * ev", 7, &["every="]),
            ("drop * conns=", 13, &["all", "new"]),
            ("show s", 5, &["scenario", "stats"]),
            ("partition ri", 10, &["ring", "ring-of-majorities"]),
            ("nemesis shapes=one,b", 19, &["bridge"]),
            ("nemesis faults=sl", 15, &["slice"]),
            ("zzz", 0, &[]),
        ];
        for (line, start, expected) in table {
            let expected: Vec<String> = expected.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(found(line), (start, expected), "{line:?}");
        }
        assert_eq!(complete("par cut", 3, &[]).1, ["partition"], "the word at the cursor, not the last one");
    }

    proptest! {
        #[test]
        fn no_line_and_no_position_makes_it_panic(line in "\\PC*", position in 0_usize..40) {
            let (start, _) = complete(&line, position, &["a"]);
            prop_assert!(line.is_char_boundary(start));
        }
    }
}
