//! C2, causal closure: what a station shows is closed under happens-before, over all keys, at every moment.
//!
//! The past of a write is what its station showed when it minted it, the station's own writes before it, and what its
//! client had read: session order, reads-from, and everything those bring along.

use super::Property;
use super::finding::{Verdict, broken};
use super::known::Known;
use super::names::{DotAt, StationId, WriteId};

/// A station is about to show a write.
pub(super) fn shown(known: &Known, at: StationId, write: WriteId) -> Verdict {
    let visible = &known.station(at).visible;
    let DotAt { replica, seq } = known.dot(write);
    let before = DotAt { replica, seq: visible.upto(replica) + 1 };
    if seq > before.seq {
        return without(known, at, write, (before, "which its origin minted before it"));
    }
    match known.past(write).and_then(|past| visible.first_missing(past)) {
        Some(missing) => without(known, at, write, (missing, "which happened before it")),
        None => Ok(()),
    }
}

fn without(known: &Known, at: StationId, write: WriteId, (missing, why): (DotAt, &str)) -> Verdict {
    let (name, text, missing) = (known.station_text(at), known.text(write), known.names.dot_text(missing));
    broken(Property::CausalClosure, format!("{name} shows {text} without {missing}, {why}"))
}
