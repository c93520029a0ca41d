//! Answers from the past as JSON: snapshots, why, impact.

use clock_core::wire::{ImpactView, SnapshotEntry, SnapshotVersion, WhyView};
use serde_json::{Value, json};

use super::{dots_json, extended, history_json, vector_json};

/// Keys as of a frontier.
pub(crate) fn snapshot_json(entries: &[SnapshotEntry], frontier: &str) -> Value {
    let version = |version: &SnapshotVersion| {
        extended(history_json(&version.entry), json!({ "dots": dots_json(&version.dots) }))
    };
    let entry = |entry: &SnapshotEntry| {
        json!({
            "key": entry.key.as_str(),
            "revision": entry.revision,
            "conflict": entry.conflict.map(|id| id.to_string()),
            "presence": entry.presence.as_str(),
            "versions_total": entry.versions_total,
            "versions": entry.versions.iter().map(version).collect::<Vec<_>>(),
        })
    };
    json!({ "frontier": frontier, "keys": entries.iter().map(entry).collect::<Vec<_>>() })
}

/// What one write was.
pub(crate) fn why_json(why: &WhyView) -> Value {
    json!({
        "key": why.key.as_str(),
        "write": history_json(&why.entry),
        "author": why.entry.dot.replica.node.as_str(),
        "vector": vector_json(&why.vector),
        "is_current": why.is_current,
        "superseded_by": dots_json(&why.superseded_by),
        "concurrent_with": dots_json(&why.concurrent_with),
        "built_on": dots_json(&why.built_on),
        "is_cut": why.is_cut,
    })
}

/// What came after a write.
pub(crate) fn impact_json(impact: &ImpactView) -> Value {
    let stations = impact.stations.iter().map(|station| {
        json!({ "station": station.station.as_str(), "first": station.first.to_string(), "events": station.events })
    });
    json!({
        "key": impact.key.as_str(),
        "same_key": dots_json(&impact.same_key),
        "events": impact.events,
        "keys": impact.keys.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        "stations": stations.collect::<Vec<_>>(),
        "is_cut": impact.is_cut,
    })
}
