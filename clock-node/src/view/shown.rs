//! What a view shows of a key, beside all that is there.

use std::fmt;

use clock_core::record::{Candidate, Undecided, View};
use clock_core::wire::EntryView;
use clock_core::{Body, Dot};
use serde_json::{Value, json};

/// The version that a view shows, or why it shows none.
#[derive(Debug)]
pub(crate) struct Shown {
    view: View,
    chosen: Result<Dot, Undecided>,
}

impl Shown {
    /// What a view shows of these versions.
    pub(crate) fn of(view: &View, entry: &EntryView) -> Self {
        let versions = entry.versions.iter();
        let bodies: Vec<Body> =
            versions.map(|version| Body { kind: version.kind, bytes: version.value.clone() }).collect();
        let candidates: Vec<Candidate<'_>> = entry
            .versions
            .iter()
            .zip(&bodies)
            .map(|(version, body)| Candidate { dots: &version.dots, body })
            .collect();
        let chosen = view.choose(&candidates).and_then(|index| {
            let dot = candidates.get(index).and_then(|version| version.dots.first());
            dot.cloned().ok_or(Undecided::NoVersion)
        });
        Self { view: view.clone(), chosen }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.view.to_string(),
            "shows": self.chosen.as_ref().ok().map(Dot::to_string),
            "undecided": self.chosen.as_ref().err().map(Undecided::to_string),
        })
    }
}

/// For people.
impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.chosen {
            Ok(dot) => write!(formatter, "{} shows {dot}", self.view),
            Err(undecided) => write!(formatter, "{} shows none: {undecided}", self.view),
        }
    }
}
