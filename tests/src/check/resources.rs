//! C11, resources: every queue, buffer and table stays within its stated limit.

use super::Property;
use super::finding::{Verdict, broken};
use clock_core::NodeId;

/// A station uses this much of something.
pub(super) fn within_limit(station: &NodeId, name: &str, value: u64, limit: u64) -> Verdict {
    if value <= limit {
        return Ok(());
    }
    broken(Property::Resources, format!("{station} has {value} of {name}; its stated limit is {limit}"))
}
