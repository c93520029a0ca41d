//! From a rule back to the words that make it again: what `save` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::filter::sign;
use super::samples::sample_files;
use super::selector::Aim;
use super::size::size_text;
use crate::directory::{Directory, FlowId, NodeId};
use crate::rule::{
    Condition, Conns, Corrupt, Delay, Fault, Guard, Loss, Rate, RateScope, ResetAfter, Rule, Spread, Target,
};

/// The command that makes this rule again, under whatever number.
pub(crate) fn rule_words(rule: &Rule, directory: &Directory) -> String {
    let flows = flows_words(&rule.flows, directory);
    let (verb, numbers) = fault_words(&rule.fault, &rule.text);
    let verb = if rule.is_partition { "partition one-way" } else { verb };
    let mut words = vec![verb.to_owned(), flows];
    words.extend(numbers);
    // These two are told from a slip by their p; bursts refuse one.
    let needs_p = matches!(rule.fault, Fault::Reorder(_) | Fault::Drop(Loss::Independent { .. }));
    if needs_p || rule.guard.probability < 1.0 {
        words.push(format!("p={}", rule.guard.probability));
    }
    words.extend(guard_words(&rule.guard));
    words.join(" ")
}

fn fault_words(fault: &Fault, text: &str) -> (&'static str, Vec<String>) {
    match fault {
        Fault::Cut(mode) => ("cut", vec![format!("mode={}", mode.name())]),
        Fault::Reset(ResetAfter::Frames(frames)) => ("reset", vec![format!("after={frames}")]),
        Fault::Reset(ResetAfter::Time { after, loses_bytes }) => {
            let loses = loses_bytes.then(|| "bytes=lose".to_owned());
            ("reset", [format!("after={}", duration_words(*after))].into_iter().chain(loses).collect())
        }
        Fault::BlackHole { close_after } => (
            "black-hole",
            close_after.map(|close| format!("close={}", duration_words(close))).into_iter().collect(),
        ),
        Fault::Drop(loss) => ("drop", loss_words(*loss)),
        Fault::Duplicate(duplicate) => {
            let gap = duration_words(duplicate.gap);
            ("dup", vec![format!("copies={}", duplicate.copies), format!("gap={gap}")])
        }
        Fault::Replay { back } => ("replay", vec![format!("back={back}")]),
        Fault::Corrupt(corrupt) => ("corrupt", corrupt_words(*corrupt)),
        Fault::Delay(delay) => ("delay", delay_words(delay, text)),
        Fault::Reorder(reorder) => {
            ("reorder", vec![format!("gap={}", reorder.gap), format!("max={}", duration_words(reorder.max))])
        }
        Fault::Rate(rate) => ("rate", rate_words(*rate)),
        Fault::Slice(slice) => {
            let size = |bytes: usize| size_text(u64::try_from(bytes).unwrap_or(u64::MAX));
            let (variation, pause) = (size(slice.variation), duration_words(slice.pause));
            ("slice", vec![size(slice.average), format!("variation={variation}"), format!("pause={pause}")])
        }
        Fault::Limit { bytes } => ("limit", vec![size_text(*bytes)]),
        Fault::SlowClose { delay } => ("slow-close", vec![duration_words(*delay)]),
        Fault::Noop => ("noop", Vec::new()),
    }
}

fn loss_words(loss: Loss) -> Vec<String> {
    match loss {
        Loss::Independent { correlation } => vec![format!("corr={correlation}")],
        Loss::GilbertElliott { p, r, h, k } => vec![format!("ge={p},{r},{h},{k}")],
    }
}

fn corrupt_words(corrupt: Corrupt) -> Vec<String> {
    match corrupt {
        Corrupt::Bits { bits, target } => {
            let at = match target {
                Target::Payload => "payload".to_owned(),
                Target::Header => "header".to_owned(),
                Target::Any => "any".to_owned(),
                Target::Range { from, to_exclusive } => format!("{from}..{to_exclusive}"),
            };
            vec![format!("bits={bits}"), format!("at={at}")]
        }
        Corrupt::Truncate { bytes } => vec![format!("trunc={bytes}")],
        Corrupt::PerByte { probability } => vec![format!("rate={probability}")],
    }
}

fn delay_words(delay: &Delay, text: &str) -> Vec<String> {
    let mut words = vec![duration_words(delay.base)];
    if !delay.jitter.is_zero() {
        words.push(format!("±{}", duration_words(delay.jitter)));
    }
    words.extend(match &delay.spread {
        Spread::Uniform => None,
        Spread::Normal => Some("dist=normal".to_owned()),
        Spread::Pareto => Some("dist=pareto".to_owned()),
        Spread::Exponential => Some("dist=exp".to_owned()),
        // The numbers are not written down, the file is named again.
        Spread::Samples(_) => sample_files(text).first().map(|file| format!("dist=\"{file}\"")),
        Spread::Sine(period) => Some(format!("wave=sine:{}", duration_words(*period))),
    });
    if delay.correlation > 0.0 {
        words.push(format!("corr={}", delay.correlation));
    }
    if delay.may_overtake {
        words.push("order=free".to_owned());
    }
    words
}

fn rate_words(rate: Rate) -> Vec<String> {
    let scope = match rate.scope {
        RateScope::Connection => "conn",
        RateScope::Flow => "link",
        RateScope::Node => "node",
        RateScope::All => "all",
    };
    let (speed, burst) = (size_text(rate.bytes_per_second), size_text(rate.burst));
    vec![format!("{speed}/s"), format!("burst={burst}"), format!("scope={scope}")]
}

fn guard_words(guard: &Guard) -> Vec<String> {
    let usual = Guard::default();
    let conns = match guard.conns {
        Conns::All => None,
        Conns::New => Some("conns=new".to_owned()),
        Conns::One(ordinal) => Some(format!("conns=#{ordinal}")),
    };
    let filter: Vec<String> = guard.filter.iter().map(condition_words).collect();
    let words = [
        (guard.connection_probability < 1.0).then(|| format!("conn-p={}", guard.connection_probability)),
        (guard.after > usual.after).then(|| format!("after={}", guard.after)),
        (guard.every > usual.every).then(|| format!("every={}", guard.every)),
        guard.count.map(|count| format!("count={count}")),
        guard.lasts.map(|lasts| format!("for={}", duration_words(lasts))),
        conns,
        (!filter.is_empty()).then(|| format!("where={}", filter.join(","))),
    ];
    words.into_iter().flatten().collect()
}

fn condition_words(condition: &Condition) -> String {
    match condition {
        Condition::Length(comparison, value) => format!("len{}{value}", sign(*comparison)),
        Condition::Byte { offset, comparison, value } => {
            format!("byte[{offset}]{}{value}", sign(*comparison))
        }
        Condition::Contains(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("match={digits}")
        }
    }
}

/// The duration in the largest unit that divides it.
pub(crate) fn duration_words(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match (nanos % 1_000_000_000, nanos % 1_000_000, nanos % 1000) {
        (0, _, _) => format!("{}s", nanos / 1_000_000_000),
        (_, 0, _) => format!("{}ms", nanos / 1_000_000),
        (_, _, 0) => format!("{}us", nanos / 1000),
        (_, _, rest) => format!("{}.{rest:03}us", nanos / 1000),
    }
}

/// Flows by where they go: `{a,b}->c,c->{a,b}`.
pub(crate) fn flows_words(flows: &BTreeSet<FlowId>, directory: &Directory) -> String {
    let stations: Vec<NodeId> = directory.stations().collect();
    let all = directory.flows().filter(|flow| is_between(*flow, &stations, directory));
    if !flows.is_empty() && all.collect::<BTreeSet<_>>() == *flows {
        return "*".to_owned();
    }
    let mut goals: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for (from, to) in flows.iter().filter_map(|flow| directory.ends(*flow)) {
        goals.entry(from).or_default().insert(to);
    }
    let mut sources: BTreeMap<BTreeSet<NodeId>, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in goals {
        sources.entry(to).or_default().push(from);
    }
    let mut parts: Vec<(Vec<NodeId>, Vec<NodeId>)> =
        sources.into_iter().map(|(to, from)| (from, to.into_iter().collect())).collect();
    parts.sort();
    let words = parts.iter().map(|(from, to)| format!("{}->{}", set(from, directory), set(to, directory)));
    words.collect::<Vec<_>>().join(",")
}

/// One aim, with its connection.
pub(crate) fn flow_words(aim: &Aim, directory: &Directory) -> String {
    let flows = flows_words(&aim.flows.iter().copied().collect(), directory);
    aim.connection.map_or_else(|| flows.clone(), |ordinal| format!("{flows}#{ordinal}"))
}

fn is_between(flow: FlowId, nodes: &[NodeId], directory: &Directory) -> bool {
    directory.ends(flow).is_some_and(|(from, to)| nodes.contains(&from) && nodes.contains(&to))
}

fn set(nodes: &[NodeId], directory: &Directory) -> String {
    match nodes {
        [one] => super::shape::name_text(*one, directory),
        many => format!("{{{}}}", super::shape::nodes_text(many, directory)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::command::{Command, parse};
    use crate::rule::RuleBook;

    fn book() -> RuleBook {
        let mut directory = Directory::default();
        for name in ["a", "b", "c", "d"] {
            directory.add_station(name, None);
        }
        directory.add_raw("web", None);
        RuleBook::new(1, Arc::new(directory))
    }

    fn apply(line: &str, book: &mut RuleBook) {
        let parsed =
            parse(line, 1, &book.directory).unwrap_or_else(|error| panic!("{line}: {error}")).unwrap();
        for command in &parsed.commands {
            let Command::Change(change) = command else { panic!("{line} is no change") };
            book.apply(change, 1);
        }
    }

    /// Disproved by a rule that is another one after it has been written and read.
    #[test]
    fn what_is_written_makes_the_same_rule_again() {
        let lines = [
            "partition a,b | c,d mode=stall",
            "partition a | b; heal a->b",
            "cut * mode=syn-drop for=1.5s",
            "cut a->b,c->d; cut client->web mode=drop",
            "reset a->b after=500ms bytes=lose; reset b->a after=100",
            "black-hole a->b close=5s; black-hole b->a",
            "drop a->b p=0.3 corr=0.2; drop b->a ge=0.1,0.2,0.3,0.4",
            "dup a<->b p=0.1 copies=3 gap=0.5us; replay a->b back=7 every=3",
            "corrupt a->b bits=3 at=4..9; corrupt b->a trunc=3; corrupt web->client rate=0.0001 p=1",
            "delay * 5ms ±1.234567ms dist=pareto corr=0.25 order=free",
            "delay a->b 5ms ±1ms wave=sine:10s; delay b->a 0ms ±1us dist=exp",
            "reorder a->b p=0.2 gap=3 max=1s after=10 count=5",
            "rate {a,b}->{c,d} 1.5MB/s burst=64KiB scope=node; slice a->c 100B variation=20B pause=1ms",
            "limit a->b#3 1MB; slow-close a->b 200ms conns=new conn-p=0.5",
            "noop a->b where=len>=512,byte[4]!=2,match=00ff",
        ];
        for line in lines {
            let (mut first, mut second) = (book(), book());
            apply(line, &mut first);
            for rule in &first.rules {
                apply(&rule_words(rule, &first.directory), &mut second);
            }
            let facts = |book: &RuleBook| -> Vec<_> {
                let rules = book.rules.iter();
                rules.map(|r| (r.flows.clone(), r.fault.clone(), r.guard.clone(), r.is_partition)).collect()
            };
            assert!(!first.rules.is_empty(), "{line}");
            assert_eq!(facts(&first), facts(&second), "{line}");
        }
    }

    #[test]
    fn flows_are_written_by_where_they_go() {
        let table = [
            ("cut *", "*"),
            ("cut a<->b", "a->b,b->a"),
            ("cut {a,b}->{c,d}", "{a,b}->{c,d}"),
            ("partition a", "a->{b,c,d},{b,c,d}->a"),
            ("cut client->web", "client->web"),
        ];
        for (line, expected) in table {
            let mut book = book();
            apply(line, &mut book);
            assert_eq!(flows_words(&book.rules[0].flows, &book.directory), expected);
        }
    }
}
