//! What every decoded value promises, whatever the format it came in. Judged without the code that decoded it.

use clock_core::headers::{ENTRIES_MAX, EVENT_ID_BYTES_MAX, EVENT_TYPE_BYTES_MAX, Trace};
use clock_core::{
    Dot, KEY_BYTES_MAX, Key, MAX_COUNTER, NODE_BYTES_MAX, NodeId, ReplicaId, VECTOR_ENTRIES_MAX,
    VectorTimestamp, VersionVector,
};

pub(crate) fn is_node(text: &str) -> bool {
    let charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    (1..=NODE_BYTES_MAX).contains(&text.len()) && text.chars().all(|character| charset.contains(character))
}

pub(crate) fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&text.len()) && !has_control(text)
}

/// The control characters of Unicode are exactly C0, delete and C1.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(|character| matches!(character, '\0'..='\x1F' | '\x7F'..='\u{9F}'))
}

pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number without a sign or zeros in front.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_canonical = text == "0" || !text.starts_with('0');
    let digit = |value: u64, byte: u8| value.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_canonical && is_number).then(|| text.bytes().try_fold(0, digit)).flatten()
}

pub(crate) fn hold_node(node: &NodeId) {
    assert!(is_node(node.as_str()), "a node named {node:?}");
}

pub(crate) fn hold_replica(replica: &ReplicaId) {
    hold_node(&replica.node);
}

pub(crate) fn hold_key(key: &Key) {
    assert!(is_key(key.as_str()), "a key {key:?}");
}

pub(crate) fn hold_counter(counter: u64) {
    assert!((1..=MAX_COUNTER).contains(&counter), "a counter of {counter}");
}

pub(crate) fn hold_dot(dot: &Dot) {
    hold_replica(&dot.replica);
    hold_counter(dot.seq);
}

/// Ascending, without zeros, of bounded length, and each entry found by its id.
pub(crate) fn hold_vector(vector: &VersionVector) {
    let entries: Vec<_> = vector.iter().collect();
    assert!(entries.len() <= VECTOR_ENTRIES_MAX, "a vector of {} entries", entries.len());
    assert_eq!(entries.len(), vector.len(), "as many entries as are counted");
    assert!(entries.is_sorted_by(|left, right| left.0 < right.0), "replicas out of order: {vector}");
    for (replica, counter) in entries {
        hold_replica(replica);
        hold_counter(counter);
        assert_eq!(vector.upto(replica), counter, "the entry of {replica}");
    }
}

/// The same of a vector by names.
pub(crate) fn hold_named(vector: &VectorTimestamp) {
    let entries: Vec<_> = vector.entries().collect();
    assert!(entries.len() <= ENTRIES_MAX, "a vector of {} entries", entries.len());
    assert!(entries.is_sorted_by(|left, right| left.0 < right.0), "nodes out of order: {vector}");
    for (node, counter) in entries {
        assert!(is_node(node), "a node named {node:?}");
        hold_counter(counter);
        assert_eq!(vector.get(node), counter, "the entry of {node}");
    }
}

/// An id of visible ASCII, a type without control characters or blanks at its ends, and a vector.
pub(crate) fn hold_trace(trace: &Trace) {
    let (id, kind) = (trace.event_id.as_str(), trace.event_type.as_str());
    let is_id =
        (1..=EVENT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| (0x21..0x7F).contains(&byte));
    assert!(is_id, "an event id {id:?}");
    let is_kind =
        (1..=EVENT_TYPE_BYTES_MAX).contains(&kind.len()) && !has_control(kind) && kind.trim() == kind;
    assert!(is_kind, "an event type {kind:?}");
    hold_named(&trace.causality);
}
