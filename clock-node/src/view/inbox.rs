//! Conflicts as JSON: as an inbox, and with their versions side by side.

use clock_core::record::{FieldRow, Severity};
use clock_core::wire::{ConflictView, EntryView, HistoryEntry};
use serde_json::{Value, json};

use super::{conflict_json, extended, history_json, utc, version_json};

/// A conflict with its age and how far apart its versions are at an instant.
pub(crate) fn inbox_json(conflict: &ConflictView, severity: &Severity, age_ms: u64, at_ms: u64) -> Value {
    let fields = json!({ "age_ms": age_ms, "as_of": utc(at_ms), "severity": severity_json(severity) });
    extended(conflict_json(conflict), fields)
}

/// A number under its unit, or the reason for none.
fn severity_json(severity: &Severity) -> Value {
    match severity {
        Severity::Kilometres(kilometres) => json!({ "km": kilometres }),
        Severity::Degrees(degrees) => json!({ "degrees": degrees }),
        Severity::Unranked(reason) => json!({ "unranked": reason.to_string() }),
    }
}

/// The same with the versions in full, field by field, and what all of them were built on.
pub(crate) fn conflict_fields_json(
    summary: Value,
    entry: &EntryView,
    rows: &[FieldRow],
    ancestors: &[HistoryEntry],
) -> Value {
    let row = |row: &FieldRow| json!({ "name": row.name, "unit": row.unit, "values": row.values, "differs": row.differs });
    let fields = json!({
        "versions": entry.versions.iter().map(version_json).collect::<Vec<_>>(),
        "fields": rows.iter().map(row).collect::<Vec<_>>(),
        "common_ancestors": ancestors.iter().map(history_json).collect::<Vec<_>>(),
    });
    extended(summary, fields)
}
