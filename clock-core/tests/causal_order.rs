//! Logs of several services, put into causal order: checked against histories that are generated step by step, and so
//! known exactly, and against logs that were tampered with.
#![cfg(feature = "headers")]

use clock_core::headers::{
    CausalOrder, Contradiction, EventId, EventType, FINDINGS_MAX, LogEntry, Race, SERVICES_MAX,
    TooManyServices, Trace, TracedEvent, shiviz,
};
use clock_core::{NodeId, Ordering, VectorClock, VectorTimestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SERVICES: [&str; 4] = ["billing", "orders", "shipping", "stock"];

fn entry(service: &str, id: &str, causality: VectorTimestamp) -> LogEntry {
    let event_id = EventId::new(id).expect("a legal id");
    let event_type = EventType::new("step").expect("a legal type");
    let event = TracedEvent::new(Trace { event_id, event_type, causality }, Vec::new());
    LogEntry { service: NodeId::new(service).expect("a legal name"), event }
}

fn line(service: &str, id: &str, entries: &[(&str, u64)]) -> LogEntry {
    entry(service, id, VectorTimestamp::from_entries(entries.iter().copied()).expect("small counters"))
}

fn ordered(log: Vec<LogEntry>) -> CausalOrder {
    CausalOrder::of(log).expect("few services")
}

fn ids(order: &CausalOrder) -> Vec<&str> {
    order.entries().iter().map(|entry| entry.event.event_id().as_str()).collect()
}

/// One step of a history: who acts, whose latest knowledge it takes in first, and whether the step is logged.
type Step = (usize, Option<usize>, bool);

fn histories() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        (0..SERVICES.len(), prop::option::of(0..SERVICES.len()), prop::bool::weighted(0.8)),
        1..40,
    )
}

/// The log that such a history leaves, in the order in which it happened.
fn logged(history: &[Step]) -> Vec<LogEntry> {
    let mut clocks = SERVICES.map(VectorClock::new);
    let mut log = Vec::new();
    for (number, (acting, heard, is_logged)) in history.iter().enumerate() {
        if let Some(heard) = heard {
            let knowledge = clocks[*heard].timestamp().clone();
            clocks[*acting].try_observe(&knowledge).expect("an honest history");
        }
        clocks[*acting].tick();
        if *is_logged {
            let id = format!("event-{number:02}");
            log.push(entry(SERVICES[*acting], &id, clocks[*acting].timestamp().clone()));
        }
    }
    log
}

fn shuffled(mut log: Vec<LogEntry>, seed: u64) -> Vec<LogEntry> {
    let mut state = seed | 1;
    for last in (1..log.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bound = u64::try_from(last).expect("small") + 1;
        log.swap(last, usize::try_from((state >> 33) % bound).expect("small"));
    }
    log
}

fn are_concurrent(a: &LogEntry, b: &LogEntry) -> bool {
    a.event.compare(&b.event) == Ordering::Concurrent
}

/// The number of concurrent pairs per pair of services, by comparing every event with every other.
fn counted_races(entries: &[LogEntry]) -> BTreeMap<[String; 2], u64> {
    let mut races = BTreeMap::new();
    for (place, a) in entries.iter().enumerate() {
        for b in entries[place + 1..].iter().filter(|b| are_concurrent(a, b)) {
            let mut services = [a.service.to_string(), b.service.to_string()];
            services.sort();
            *races.entry(services).or_insert(0) += 1;
        }
    }
    races
}

/// Everything before an event's group and after it is comparable with it; in the group, concurrency links all.
fn linked(entries: &[LogEntry], start: usize) -> BTreeSet<usize> {
    let (mut found, mut next) = (BTreeSet::from([start]), vec![start]);
    while let Some(place) = next.pop() {
        for other in 0..entries.len() {
            if are_concurrent(&entries[place], &entries[other]) && found.insert(other) {
                next.push(other);
            }
        }
    }
    found
}

/// Whether working clocks can have written these lines, by looking at every pair.
fn are_consistent(log: &[LogEntry]) -> bool {
    let own = |entry: &LogEntry| entry.event.causality().get(entry.service.as_str());
    let knows = |a: &LogEntry, b: &LogEntry| a.event.causality().get(b.service.as_str()) >= own(b);
    let is_complete =
        |a: &LogEntry, b: &LogEntry| !knows(a, b) || a.event.causality().contains(b.event.causality());
    let mut pairs =
        log.iter().enumerate().flat_map(|(place, a)| log[place + 1..].iter().map(move |b| (a, b)));
    log.iter().all(|entry| own(entry) > 0)
        && pairs.all(|(a, b)| !(knows(a, b) && knows(b, a)) && is_complete(a, b) && is_complete(b, a))
}

/// Services with one event each, of which none knows another.
fn strangers(count: usize) -> Vec<LogEntry> {
    (0..count).map(|n| format!("s{n:04}")).map(|name| line(&name, &name, &[(&name, 1)])).collect()
}

#[test]
fn strangers_without_number_cannot_fill_the_report() {
    let order = ordered(strangers(SERVICES_MAX));
    let pairs = SERVICES_MAX * (SERVICES_MAX - 1) / 2;
    assert_eq!(order.races().len(), FINDINGS_MAX);
    assert_eq!(order.races_omitted(), u64::try_from(pairs - FINDINGS_MAX).unwrap());
    assert_eq!(order.groups(), std::slice::from_ref(&(0..SERVICES_MAX)));
    let refused = CausalOrder::of(strangers(SERVICES_MAX + 1)).map(|_| ());
    assert_eq!(refused, Err(TooManyServices { limit: SERVICES_MAX }));
}

#[test]
fn contradictions_without_number_are_counted() {
    let log: Vec<LogEntry> =
        (0..FINDINGS_MAX + 7).map(|n| line("a", &format!("e{n}"), &[("b", 1)])).collect();
    let order = ordered(log);
    assert_eq!((order.contradictions().len(), order.contradictions_omitted()), (FINDINGS_MAX, 7));
    assert!(shiviz::export(&order).is_err());
}

proptest! {
    /// Disproved by an effect that is listed before its cause, or an order that depends on the input's.
    #[test]
    fn causes_come_before_effects_in_one_order(history in histories(), seed: u64) {
        let log = logged(&history);
        let order = ordered(log.clone());
        let again = ordered(shuffled(log, seed));
        prop_assert_eq!(order.entries(), again.entries());
        for (place, earlier) in order.entries().iter().enumerate() {
            for later in &order.entries()[place + 1..] {
                prop_assert_ne!(earlier.event.compare(&later.event), Ordering::After);
            }
        }
    }

    #[test]
    fn races_and_groups_are_those_of_comparing_all_pairs(history in histories(), seed: u64) {
        let order = ordered(shuffled(logged(&history), seed));
        let found: BTreeMap<[String; 2], u64> =
            order.races().iter().map(|race| (race.services.clone().map(|name| name.to_string()), race.pairs)).collect();
        prop_assert_eq!(found, counted_races(order.entries()));
        for start in 0..order.entries().len() {
            let group = order.groups().iter().find(|group| group.contains(&start)).cloned();
            let group: BTreeSet<usize> = group.unwrap_or(start..start + 1).collect();
            prop_assert_eq!(group, linked(order.entries(), start));
        }
    }

    /// Disproved by a contradiction in the log of clocks that worked, whatever was left out of it.
    #[test]
    fn working_clocks_never_contradict_themselves(history in histories(), seed: u64) {
        let order = ordered(shuffled(logged(&history), seed));
        prop_assert_eq!(order.contradictions(), []);
    }

    #[test]
    fn gaps_are_exactly_the_steps_that_were_known_and_not_logged(history in histories()) {
        let order = ordered(logged(&history));
        let mut missing = BTreeSet::new();
        for gap in order.gaps() {
            missing.extend((gap.from..=gap.upto).map(|step| (gap.service.clone(), step)));
        }
        let mut expected = BTreeSet::new();
        for entry in order.entries() {
            for (service, known) in entry.event.causality().entries() {
                expected.extend((1..=known).map(|step| (service.to_owned(), step)));
            }
        }
        for entry in order.entries() {
            let step = entry.event.causality().get(entry.service.as_str());
            expected.remove(&(entry.service.to_string(), step));
        }
        prop_assert_eq!(missing, expected);
    }

    /// Few lines with ids of their own, so that a good part of them is consistent by chance. Disproved by a log that
    /// comparing all pairs finds fault with and the report does not, or the other way round; and by a drawing that
    /// ShiViz would refuse or whose relations are others.
    #[test]
    fn forged_clocks_contradict_themselves_exactly_if_some_pair_does(
        lines in prop::collection::vec((0..3usize, prop::collection::vec(0u64..4, 4)), 0..6),
    ) {
        let forged: Vec<LogEntry> = lines.iter().enumerate().map(|(number, (service, counters))| {
            let clock: Vec<(&str, u64)> = SERVICES.into_iter().zip(counters.iter().copied()).collect();
            line(SERVICES[*service], &format!("event-{number}"), &clock)
        }).collect();
        let order = ordered(forged.clone());
        prop_assert_eq!(order.entries().len() + order.copies(), forged.len());
        prop_assert_eq!(order.contradictions().is_empty(), are_consistent(&forged));
        prop_assert_eq!(shiviz::export(&order).is_ok(), order.contradictions().is_empty());
        if let Ok(drawing) = shiviz::export(&order) {
            prop_assert_eq!(shiviz_accepts(&drawing), Ok(forged.len()));
            let pairs: u64 = order.races().iter().map(|race| race.pairs).sum();
            prop_assert_eq!(pairs, counted_races(order.entries()).values().sum::<u64>());
        }
        for place in 0..=order.entries().len() {
            prop_assert!(order.concurrent_with(place).all(|other| other != place));
        }
    }

    #[test]
    fn shiviz_accepts_the_log_of_any_history(history in histories(), seed: u64) {
        let log = shuffled(logged(&history), seed);
        let drawing = shiviz::export(&ordered(log.clone())).unwrap();
        prop_assert_eq!(shiviz_accepts(&drawing), Ok(log.len()));
    }

    /// Disproved by two logged events whose drawn clocks relate otherwise than their own.
    #[test]
    fn renumbering_keeps_what_happened_before_what(history in histories()) {
        let order = ordered(logged(&history));
        let drawn = parsed(&shiviz::export(&order).unwrap()).unwrap();
        for (place, (_, clock)) in drawn.iter().enumerate() {
            for (other, (_, other_clock)) in drawn.iter().enumerate() {
                let drawn = timestamp(clock).compare(&timestamp(other_clock));
                let logged = order.entries()[place].event.compare(&order.entries()[other].event);
                prop_assert_eq!(drawn, logged);
            }
        }
    }
}

fn timestamp(clock: &BTreeMap<String, u64>) -> VectorTimestamp {
    VectorTimestamp::from_entries(clock.iter().map(|(name, counter)| (name.as_str(), *counter)))
        .expect("small")
}

type Drawn = (String, BTreeMap<String, u64>);

/// What `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)` matches, line by line, without the regular expression.
fn parsed(drawing: &str) -> Result<Vec<Drawn>, String> {
    let mut events = Vec::new();
    let mut lines = drawing.lines();
    while let Some(head) = lines.next() {
        let (host, clock) = head.split_once(' ').ok_or(format!("no clock: {head}"))?;
        if host.is_empty()
            || host.contains(char::is_whitespace)
            || !clock.starts_with('{')
            || !clock.ends_with('}')
        {
            return Err(format!("not a host and a clock: {head}"));
        }
        let clock = serde_json::from_str(clock).map_err(|error| format!("{head}: {error}"))?;
        let text = lines.next().ok_or(format!("no event after {head}"))?;
        if text.contains(['\r', '\n', '\u{2028}', '\u{2029}']) {
            return Err(format!("more than a line: {text:?}"));
        }
        events.push((host.to_owned(), clock));
    }
    Ok(events)
}

/// ShiViz's own rules for clocks: each has its host, hosts count 1, 2, 3, and only what there is may be known.
fn shiviz_accepts(drawing: &str) -> Result<usize, String> {
    let events = parsed(drawing)?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (host, clock) in &events {
        let count = counts.entry(host).or_insert(0);
        *count += 1;
        if clock.get(host) != Some(count) {
            return Err(format!("{host} is at {:?} in its event {count}", clock.get(host)));
        }
    }
    for (host, known) in events.iter().flat_map(|(_, clock)| clock) {
        if counts.get(host.as_str()).is_none_or(|count| count < known) || *known == 0 {
            return Err(format!("{known} events of {host} are known, of {:?}", counts.get(host.as_str())));
        }
    }
    Ok(events.len())
}

/// Two orders are taken from one stock without knowing of each other, as in a real race.
fn race() -> Vec<LogEntry> {
    vec![
        line("orders", "reserved", &[("orders", 2), ("stock", 1)]),
        line("stock", "counted", &[("stock", 1)]),
        line("billing", "charged", &[("billing", 2), ("stock", 1)]),
        line("stock", "shipped", &[("billing", 2), ("orders", 2), ("stock", 4)]),
    ]
}

#[test]
fn a_race_names_the_services_and_an_example() {
    let order = ordered(race());
    assert_eq!(ids(&order), ["counted", "charged", "reserved", "shipped"]);
    let expected = Race {
        services: [NodeId::new("billing").unwrap(), NodeId::new("orders").unwrap()],
        pairs: 1,
        example: [EventId::new("charged").unwrap(), EventId::new("reserved").unwrap()],
    };
    assert_eq!(order.races(), [expected]);
    assert_eq!(order.groups(), std::slice::from_ref(&(1..3)));
    assert_eq!(order.concurrent_with(1).collect::<Vec<_>>(), [2]);
    assert_eq!(order.concurrent_with(0).count(), 0);
    assert_eq!(order.concurrent_with(9).count(), 0);
}

#[test]
fn gaps_say_who_knew() {
    let order = ordered(race());
    let gaps: Vec<(&str, u64, u64, &str)> =
        order.gaps().iter().map(|gap| (&*gap.service, gap.from, gap.upto, gap.known_by.as_str())).collect();
    let expected = [("billing", 1, 1, "charged"), ("orders", 1, 1, "reserved"), ("stock", 2, 3, "shipped")];
    assert_eq!(gaps, expected);
    let absent = ordered(vec![line("orders", "e", &[("orders", 1), ("stock", 7)])]);
    assert_eq!((&*absent.gaps()[0].service, absent.gaps()[0].upto), ("stock", 7));
}

#[test]
fn a_drawing_numbers_the_logged_events() {
    let drawing = shiviz::export(&ordered(race())).unwrap();
    assert_eq!(
        drawing,
        concat!(
            "stock {\"stock\":1}\nstep counted\n",
            "billing {\"billing\":1,\"stock\":1}\nstep charged\n",
            "orders {\"orders\":1,\"stock\":1}\nstep reserved\n",
            "stock {\"billing\":1,\"orders\":1,\"stock\":2}\nstep shipped\n",
        )
    );
}

#[test]
fn an_event_stays_on_its_line() {
    let mut odd = line("a", "1", &[("a", 1)]);
    let trace = Trace { event_type: EventType::new("a\u{2028}b").unwrap(), ..odd.event.trace().clone() };
    odd.event = TracedEvent::new(trace, Vec::new());
    assert_eq!(shiviz::export(&ordered(vec![odd])).unwrap(), "a {\"a\":1}\na\\u{2028}b 1\n");
}

#[test]
fn copies_count_once() {
    let log = [race(), race()].concat();
    let order = ordered(log);
    assert_eq!((order.entries().len(), order.copies()), (4, 4));
    assert_eq!(order.contradictions(), []);
}

/// Each log has one thing wrong with it, and is not drawn.
#[test]
fn each_contradiction_is_told_apart() {
    let told = |log: &[LogEntry]| -> Vec<String> {
        let order = ordered(log.to_vec());
        assert!(shiviz::export(&order).is_err());
        order.contradictions().iter().map(Contradiction::to_string).collect()
    };
    let reused = [line("a", "1", &[("a", 1)]), line("b", "1", &[("b", 1)])];
    assert_eq!(told(&reused), ["event id 1 names different events"]);
    let uncounted = [line("a", "1", &[("b", 1)])];
    assert_eq!(told(&uncounted), ["event 1 does not count itself as one of a"]);
    let shared = [line("a", "1", &[("a", 1)]), line("a", "2", &[("a", 1), ("b", 1)])];
    assert_eq!(told(&shared), ["events 1 and 2 of a are both its number 1"]);
    let went_back = [line("a", "1", &[("a", 1), ("b", 5)]), line("a", "2", &[("a", 2)])];
    assert_eq!(told(&went_back), ["event 2 of a knows less than the earlier 1"]);
    let incomplete = [line("a", "1", &[("a", 1), ("c", 5)]), line("b", "2", &[("a", 1), ("b", 1)])];
    assert_eq!(told(&incomplete), ["event 2 knows of 1 and not of its past"]);
    let mutual = [line("a", "1", &[("a", 1), ("b", 1)]), line("b", "2", &[("a", 1), ("b", 1)])];
    assert_eq!(told(&mutual), ["events 1 and 2 each know of the other"]);
}
