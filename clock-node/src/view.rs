//! What the station answers, as JSON values and as cells of a table.

mod inbox;
mod past;
mod shown;
mod token;

use std::time::{Duration, UNIX_EPOCH};

use clock_core::record;
use clock_core::wire::{
    AppliedView, ConflictView, EntryView, HistoryEntry, Notice, Receipt, StatusView, VersionView,
};
use clock_core::{Body, BodyKind, Dot, VersionVector};
use serde_json::{Map, Value, json};

pub(crate) use inbox::{conflict_fields_json, inbox_json};
pub(crate) use past::{impact_json, snapshot_json, why_json};
pub(crate) use shown::Shown;
pub(crate) use token::Token;

/// Longest value shown in a table cell; the whole is in the JSON.
const CELL_CHARS_MAX: usize = 120;
/// The last millisecond of year 9999: later times are shown as numbers.
const LAST_PRINTABLE_MS: u64 = 253_402_300_799_999;

/// Milliseconds since 1970 as UTC, for people.
pub(crate) fn utc(wall_ms: u64) -> String {
    if wall_ms > LAST_PRINTABLE_MS {
        return format!("{wall_ms} ms");
    }
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(wall_ms)).to_string()
}

pub(crate) fn value_text(kind: BodyKind, value: &bytes::Bytes) -> String {
    record::display(&Body { kind, bytes: value.clone() })
}

pub(crate) fn value_cell(kind: BodyKind, value: &bytes::Bytes) -> String {
    if kind == BodyKind::TOMBSTONE {
        return "(deleted)".to_owned();
    }
    let text = value_text(kind, value);
    if text.chars().count() <= CELL_CHARS_MAX {
        return text;
    }
    text.chars().take(CELL_CHARS_MAX).chain(['…']).collect()
}

pub(crate) fn dots_cell<'a>(dots: impl IntoIterator<Item = &'a Dot>) -> String {
    dots.into_iter().map(Dot::to_string).collect::<Vec<_>>().join("\n")
}

/// The stations that wrote a version: more than one if a retry was accepted at two.
pub(crate) fn authors_cell(dots: &[Dot]) -> String {
    dots.iter().map(|dot| dot.replica.node.to_string()).collect::<Vec<_>>().join("\n")
}

/// Versions as `--context` takes them.
pub(crate) fn context_token(dots: &[Dot]) -> String {
    dots.iter().map(Dot::to_string).collect::<Vec<_>>().join(",")
}

/// An answer with the next token of its session, if there is a session.
pub(crate) fn with_token(answer: Value, token: Option<&VersionVector>) -> Value {
    let Some(token) = token else { return answer };
    extended(answer, json!({ "token": Token(token.clone()).to_string() }))
}

/// A JSON object with the fields of another added to it.
fn extended(mut object: Value, fields: Value) -> Value {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}

fn dots_json(dots: &[Dot]) -> Value {
    dots.iter().map(Dot::to_string).collect()
}

pub(crate) fn vector_json(vector: &VersionVector) -> Value {
    Value::Object(vector.iter().map(|(replica, seq)| (replica.to_string(), json!(seq))).collect())
}

/// Text where it is text, hex where it is not; `encoding` says which.
fn value_fields(kind: BodyKind, value: &bytes::Bytes) -> Map<String, Value> {
    let is_text = kind == BodyKind::ATTITUDE || std::str::from_utf8(value).is_ok();
    let encoding = if is_text { "text" } else { "hex" };
    let fields = [
        ("kind", json!(record::kind_name(kind))),
        ("value", json!(value_text(kind, value))),
        ("encoding", json!(encoding)),
    ];
    fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect()
}

fn with_value(mut fields: Value, kind: BodyKind, value: &bytes::Bytes) -> Value {
    if let Value::Object(object) = &mut fields {
        object.extend(value_fields(kind, value));
    }
    fields
}

pub(crate) fn version_json(version: &VersionView) -> Value {
    let fields = json!({
        "dots": dots_json(&version.dots),
        "authors": version.dots.iter().map(|dot| dot.replica.node.as_str()).collect::<Vec<_>>(),
        "lamport": version.lamport,
        "hlc": version.hlc.to_string(),
        "wall_ms": version.wall_ms,
        "wall": utc(version.wall_ms),
        "vector": vector_json(&version.vector),
        "context": dots_json(&version.context),
        "request_id": version.request.to_string(),
    });
    with_value(fields, version.kind, &version.value)
}

pub(crate) fn receipt_json(receipt: &Receipt) -> Value {
    json!({
        "dot": receipt.dot.to_string(),
        "key": receipt.key.as_str(),
        "request_id": receipt.request.to_string(),
        "outcome": receipt.outcome.as_str(),
        "w": receipt.w,
        "n": receipt.n,
        "durable_on": receipt.durable_on.iter().map(|station| station.as_str()).collect::<Vec<_>>(),
        "lamport": receipt.lamport,
        "hlc": receipt.hlc.to_string(),
        "wall_ms": receipt.wall_ms,
        "wall": utc(receipt.wall_ms),
        "vector": vector_json(&receipt.vector),
        "context": dots_json(&receipt.context),
        "concurrent_with": dots_json(&receipt.concurrent_with),
    })
}

pub(crate) fn entry_json(entry: &EntryView) -> Value {
    json!({
        "key": entry.key.as_str(),
        "revision": entry.revision,
        "conflict": entry.conflict.map(|id| id.to_string()),
        "presence": entry.presence.as_str(),
        "versions": entry.versions.iter().map(version_json).collect::<Vec<_>>(),
    })
}

/// A key as a reader is shown it: with the token to write in its context, and in a conflict with what all versions were
/// built on.
pub(crate) fn get_json(entry: &EntryView, ancestors: &[HistoryEntry], shown: Option<&Shown>) -> Value {
    let dots: Vec<Dot> = entry.versions.iter().flat_map(|version| version.dots.clone()).collect();
    let mut answer = extended(entry_json(entry), json!({ "context_token": context_token(&dots) }));
    if entry.conflict.is_some() {
        let ancestors: Vec<Value> = ancestors.iter().map(history_json).collect();
        answer = extended(answer, json!({ "common_ancestors": ancestors }));
    }
    match shown {
        Some(shown) => extended(answer, json!({ "view": shown.json() })),
        None => answer,
    }
}

pub(crate) fn history_json(entry: &HistoryEntry) -> Value {
    let fields = json!({
        "position": entry.position,
        "dot": entry.dot.to_string(),
        "lamport": entry.lamport,
        "hlc": entry.hlc.to_string(),
        "wall_ms": entry.wall_ms,
        "wall": utc(entry.wall_ms),
        "context": dots_json(&entry.context),
        "request_id": entry.request.to_string(),
    });
    with_value(fields, entry.kind, &entry.value)
}

pub(crate) fn conflict_json(conflict: &ConflictView) -> Value {
    let siblings = conflict.siblings.iter().map(|sibling| {
        json!({
            "dots": dots_json(&sibling.dots),
            "lamport": sibling.lamport,
            "hlc": sibling.hlc.to_string(),
            "wall_ms": sibling.wall_ms,
            "wall": utc(sibling.wall_ms),
            "kind": record::kind_name(sibling.kind),
        })
    });
    json!({
        "id": conflict.id.to_string(),
        "key": conflict.key.as_str(),
        "revision": conflict.revision,
        "siblings": siblings.collect::<Vec<_>>(),
    })
}

pub(crate) fn applied_json(applied: &AppliedView) -> Value {
    json!({
        "event": "applied",
        "key": applied.key.as_str(),
        "position": applied.position,
        "via": applied.via.as_ref().map(|station| station.as_str()),
        "version": version_json(&applied.version),
    })
}

pub(crate) fn notice_json(notice: &Notice) -> Value {
    match notice {
        Notice::Applied(applied) => applied_json(applied),
        Notice::ConflictOpened(conflict) => {
            json!({ "event": "conflict_opened", "conflict": conflict_json(conflict) })
        }
        Notice::ConflictClosed { id, key, by } => {
            json!({ "event": "conflict_closed", "id": id.to_string(), "key": key.as_str(), "by": by.to_string() })
        }
        Notice::Replayed { key, entry } => {
            json!({ "event": "replayed", "key": key.as_str(), "version": history_json(entry) })
        }
        Notice::Lagged { missed } => json!({ "event": "lagged", "missed": missed }),
        Notice::Committed { dot, request, durable_on } => {
            let durable_on: Vec<&str> = durable_on.iter().map(|station| station.as_str()).collect();
            json!({ "event": "committed", "dot": dot.to_string(), "request_id": request.to_string(), "durable_on": durable_on })
        }
    }
}

pub(crate) fn status_json(status: &StatusView) -> Value {
    let links = status.links.iter().map(|link| {
        json!({
            "peer": link.peer.as_str(),
            "outbound": link.outbound,
            "inbound": link.inbound,
            "lag_events": link.lag_events,
        })
    });
    json!({
        "cluster": status.cluster.as_str(),
        "station": status.replica.node.as_str(),
        "incarnation": status.replica.incarnation.to_string(),
        "lamport": status.lamport,
        "durable": vector_json(&status.durable),
        "keys": status.keys,
        "conflicts": status.conflicts,
        "held_back": status.held_back,
        "awaiting_copies": status.awaiting_copies,
        "duplicates": status.duplicates,
        "quarantined": status.quarantined,
        "wall_ms": status.wall_ms,
        "wall": utc(status.wall_ms),
        "links": links.collect::<Vec<_>>(),
    })
}
