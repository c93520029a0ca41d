//! Ids, dots and keys as text: accepted exactly if a naive judge accepts, and the same text again.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use clock_core::replica::ConflictId;
use clock_core::{Dot, InvalidId, Key, MAX_COUNTER, NodeId, ReplicaId, RequestId};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input;
use crate::promises::{decimal, hold_dot, hold_key, hold_node, hold_replica, is_hex, is_key, is_node};

/// One copy of at most 64 bytes with its reference count, or the refused text's first 64 characters, of four bytes each
/// at most, in a string that grew by doubling.
const NAME: Limit = Limit { constant_bytes: 1024, bytes_per_byte: 0 };
/// As a name, with 256 bytes or characters.
const KEY_TEXT: Limit = Limit { constant_bytes: 4096, bytes_per_byte: 0 };
/// The refused text is kept whole in the error.
const WHOLE_TEXT: Limit = Limit { constant_bytes: 1024, bytes_per_byte: 1 };

const INPUT_BYTES_MAX: usize = 1024;

/// [`NodeId`].
pub static NODE_ID: Decoder =
    Decoder { name: "node_id", check: node_id, limit: NAME, input_bytes_max: INPUT_BYTES_MAX };
/// [`ReplicaId`].
pub static REPLICA_ID: Decoder =
    Decoder { name: "replica_id", check: replica_id, limit: WHOLE_TEXT, input_bytes_max: INPUT_BYTES_MAX };
/// [`Dot`].
pub static DOT: Decoder =
    Decoder { name: "dot", check: dot, limit: WHOLE_TEXT, input_bytes_max: INPUT_BYTES_MAX };
/// [`Key`].
pub static KEY: Decoder =
    Decoder { name: "key", check: key, limit: KEY_TEXT, input_bytes_max: INPUT_BYTES_MAX };
/// [`RequestId`].
pub static REQUEST_ID: Decoder =
    Decoder { name: "request_id", check: request_id, limit: NAME, input_bytes_max: INPUT_BYTES_MAX };
/// [`ConflictId`].
pub static CONFLICT_ID: Decoder =
    Decoder { name: "conflict_id", check: conflict_id, limit: NAME, input_bytes_max: INPUT_BYTES_MAX };

fn node_id(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let node = judged::<NodeId>(meter, text, is_node(text));
    holds(node.as_ref(), hold_node, text)
}

fn replica_id(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let replica = judged::<ReplicaId>(meter, text, is_replica(text));
    holds(replica.as_ref(), hold_replica, &with_small_incarnation(text))
}

fn dot(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let parts = text.rsplit_once(':');
    let is_sequence = |seq| decimal(seq).is_some_and(|seq| (1..=MAX_COUNTER).contains(&seq));
    let is_dot = parts.is_some_and(|(replica, seq)| is_replica(replica) && is_sequence(seq));
    let dot = judged::<Dot>(meter, text, is_dot);
    let shown = parts.map(|(replica, seq)| format!("{}:{seq}", with_small_incarnation(replica)));
    holds(dot.as_ref(), hold_dot, &shown.unwrap_or_default())
}

fn key(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let key = judged::<Key>(meter, text, is_key(text));
    holds(key.as_ref(), hold_key, text)
}

fn request_id(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let request = judged::<RequestId>(meter, text, is_hex(text, 32));
    holds(request.as_ref(), |_| {}, &text.to_ascii_lowercase())
}

fn conflict_id(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    let conflict = judged::<ConflictId>(meter, text, is_hex(text, 16));
    holds(conflict.as_ref(), |_| {}, &text.to_ascii_lowercase())
}

/// Parses, and compares the verdict with the judge's.
fn judged<T: FromStr<Err = InvalidId> + Debug>(meter: &Meter, text: &str, is_legal: bool) -> Option<T> {
    let parsed = meter.decode(text.len(), || text.parse::<T>());
    assert_eq!(parsed.is_ok(), is_legal, "{text:?} gave {parsed:?}");
    if let Err(error) = &parsed {
        assert!(!error.to_string().is_empty(), "an error says what was expected");
    }
    parsed.ok()
}

/// The value keeps its promise, shows as expected, and what is shown reads back as the same value.
fn holds<T>(value: Option<&T>, promise: impl Fn(&T), expected: &str) -> Outcome
where
    T: Display + Debug + PartialEq + FromStr<Err = InvalidId>,
{
    let Some(value) = value else { return Outcome::Refused };
    promise(value);
    let shown = value.to_string();
    assert_eq!(shown, expected, "how {value:?} shows");
    assert_eq!(shown.parse().as_ref(), Ok(value), "what is shown reads back");
    Outcome::Accepted
}

fn is_replica(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(node, incarnation)| is_node(node) && is_hex(incarnation, 8))
}

fn with_small_incarnation(text: &str) -> String {
    match text.rsplit_once('.') {
        Some((node, incarnation)) => format!("{node}.{}", incarnation.to_ascii_lowercase()),
        None => text.to_owned(),
    }
}
