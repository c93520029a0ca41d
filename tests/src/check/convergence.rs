//! C4, strong eventual consistency: equal writes give equal states, at every step and on every station; and when faults
//! have ended, all stations come to show the same writes.

use std::collections::HashMap;

use super::Property;
use super::finding::{Finding, Verdict, broken};
use super::known::Known;
use super::names::StationId;

/// The state that a set of writes gave where it was met first.
#[derive(Debug)]
struct State {
    digest: String,
    station: StationId,
}

/// States by the set of writes that they are of.
#[derive(Debug, Default)]
pub(super) struct Convergence {
    states: HashMap<u128, State>,
}

fn wrong(text: String) -> Verdict {
    broken(Property::Convergence, text)
}

/// What a station shows, for the texts of violations: the last write of each replica.
fn shown(known: &Known, at: StationId) -> String {
    let dots: Vec<String> =
        known.station(at).visible.entries().map(|dot| known.names.dot_text(dot)).collect();
    format!("{{{}}}", dots.join(", "))
}

impl Convergence {
    /// A dot is used again: what was seen of its first write says nothing of states to come.
    pub(super) fn forget(&mut self) {
        self.states.clear();
    }

    /// A station's state. Returns whether another one of the same writes was met before.
    pub(super) fn state(&mut self, known: &Known, at: StationId, digest: &str) -> Result<bool, Finding> {
        let writes = known.station(at).visible_digest;
        let Some(other) = self.states.get(&writes) else {
            self.states.insert(writes, State { digest: digest.to_owned(), station: at });
            return Ok(false);
        };
        if other.digest == digest {
            return Ok(true);
        }
        let (name, other_name) = (known.station_text(at), known.station_text(other.station));
        let (writes, other) = (shown(known, at), &other.digest);
        wrong(format!(
            "{name} and {other_name} show the same writes, up to {writes}, but their states differ: {digest}, {other}"
        ))?;
        Ok(true)
    }
}

/// All running stations show the same writes.
pub(super) fn converged(known: &Known) -> Verdict {
    let mut running = known.stations().filter(|(_, station)| station.is_up && station.is_observed);
    let Some((first, one)) = running.next() else { return Ok(()) };
    for (at, station) in running {
        let pair = [(first, one, at, station), (at, station, first, one)];
        for (behind, here, ahead, there) in pair {
            if let Some(missing) = here.visible.first_missing(&there.visible) {
                let (name, ahead) = (known.station_text(behind), known.station_text(ahead));
                let missing = known.names.dot_text(missing);
                return wrong(format!("{name} does not show {missing}, which {ahead} does: not converged"));
            }
        }
    }
    Ok(())
}
