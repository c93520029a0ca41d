//! What sets of events and their readers exchange: context tokens, dot sets, siblings.

use clock_core::{Context, DOT_RANGES_MAX, DotSet, MAX_COUNTER, SIBLINGS_MAX, Siblings, VECTOR_ENTRIES_MAX};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input;
use crate::json::round_trip;
use crate::promises::{decimal, hold_counter, hold_dot, hold_replica, hold_vector, is_hex, is_node};

const INPUT_BYTES_MAX: usize = 16 * 1024;

/// An entry takes at least twelve bytes of text and 64 in memory with its name, in lists that grew by doubling; a refused
/// entry is kept whole in the error, after it was spelled again.
const TOKEN: Limit = Limit { constant_bytes: 2048, bytes_per_byte: 16 };
/// A range takes at least six bytes of JSON and 16 in memory, in lists that grew by doubling, which are then made again
/// around the prefix; a replica costs a node of a tree for eleven.
const RANGES: Limit = Limit { constant_bytes: 4096, bytes_per_byte: 32 };

/// [`Context`] as a token.
pub static CONTEXT: Decoder =
    Decoder { name: "context", check: context, limit: TOKEN, input_bytes_max: INPUT_BYTES_MAX };
/// [`DotSet`] in JSON.
pub static DOT_SET_JSON: Decoder =
    Decoder { name: "dot_set_json", check: dot_set_json, limit: RANGES, input_bytes_max: INPUT_BYTES_MAX };
/// [`Siblings`] of numbers in JSON.
pub static SIBLINGS_JSON: Decoder =
    Decoder { name: "siblings_json", check: siblings_json, limit: RANGES, input_bytes_max: INPUT_BYTES_MAX };

/// One spelling for each context, so it is accepted exactly if a naive judge accepts it, and shows as it came.
fn context(meter: &Meter, data: &[u8]) -> Outcome {
    let token = input::text(data);
    let parsed = meter.decode(token.len(), || token.parse::<Context>());
    assert_eq!(parsed.is_ok(), is_context(token), "{token:?} gave {parsed:?}");
    match parsed {
        Ok(context) => {
            hold_vector(context.vector());
            assert_eq!(context.to_string(), token, "another spelling of a context");
            Outcome::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says what was expected");
            Outcome::Refused
        }
    }
}

fn is_context(token: &str) -> bool {
    if token.is_empty() {
        return true;
    }
    let entries: Option<Vec<_>> = token.split(',').map(replica_of_entry).collect();
    entries.is_some_and(|entries| {
        entries.len() <= VECTOR_ENTRIES_MAX && entries.is_sorted_by(|left, right| left < right)
    })
}

/// Whose entry it is, if it is one in its canonical spelling.
fn replica_of_entry(entry: &str) -> Option<(&str, &str)> {
    let (replica, seq) = entry.rsplit_once(':')?;
    let (node, incarnation) = replica.rsplit_once('.')?;
    let is_small = !incarnation.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_seq = decimal(seq).is_some_and(|seq| (1..=MAX_COUNTER).contains(&seq));
    (is_node(node) && is_hex(incarnation, 8) && is_small && is_seq).then_some((node, incarnation))
}

fn dot_set_json(meter: &Meter, data: &[u8]) -> Outcome {
    round_trip(meter, data, hold_set)
}

/// Ranges ascend with a hole between each two, exactly what they say is held, and they are all there is.
fn hold_set(set: &DotSet) {
    let ranges: Vec<_> = set.ranges().collect();
    assert_eq!(ranges.len(), set.range_count(), "as many ranges as are counted");
    assert!(ranges.len() <= DOT_RANGES_MAX, "a set of {} ranges", ranges.len());
    hold_vector(set.base());
    for range in &ranges {
        hold_replica(range.replica());
        hold_counter(range.first());
        hold_counter(range.upto());
        assert!(range.first() <= range.upto(), "an empty range: {range}");
        let held = |seq| set.contains(&clock_core::Dot { replica: range.replica().clone(), seq });
        assert!(held(range.first()) && held(range.upto()), "the ends of {range}");
        assert!(!held(range.first() - 1) && !held(range.upto() + 1), "beyond the ends of {range}");
    }
    let is_apart = |pair: &[clock_core::DotRange]| match pair[0].replica().cmp(pair[1].replica()) {
        std::cmp::Ordering::Equal => pair[0].upto() + 1 < pair[1].first(),
        order => order.is_lt(),
    };
    assert!(ranges.windows(2).all(is_apart), "ranges that touch or are out of order: {set}");
    let count = ranges.iter().fold(0_u64, |count, range| count.saturating_add(range.count()));
    assert_eq!(set.count(), count, "how many events are held");
    let rebuilt =
        DotSet::from_ranges(ranges.into_iter().rev(), DOT_RANGES_MAX).expect("as many as there are");
    assert_eq!(rebuilt, *set, "the set of its ranges");
}

fn siblings_json(meter: &Meter, data: &[u8]) -> Outcome {
    round_trip(meter, data, hold_siblings)
}

fn hold_siblings(siblings: &Siblings<u64>) {
    let dots: Vec<_> = siblings.dotted_values().map(|(dot, _)| dot).collect();
    let limit = SIBLINGS_MAX * siblings.context().vector().len();
    assert!(dots.len() <= limit, "{} siblings, expected at most {limit}", dots.len());
    assert!(dots.is_sorted_by(|left, right| left < right), "siblings out of order");
    hold_vector(siblings.context().vector());
    for dot in dots {
        hold_dot(dot);
        assert!(siblings.context().covers(dot), "the context covers {dot}");
    }
}
