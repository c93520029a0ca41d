//! C5, durability: what is acknowledged is on the disk, and comes back from it.
//!
//! A receipt today promises one disk, the station's own. Nothing is shown, acknowledged or sent to another station
//! before the disk has it; and when the process comes back, it shows all that its disk holds, up to what is missing
//! from it.

use super::Property;
use super::counts::Counts;
use super::finding::{Verdict, broken};
use super::known::Known;
use super::names::{StationId, WriteId};

fn wrong(text: String) -> Verdict {
    broken(Property::Durability, text)
}

/// What a station's disk gives back when its process begins.
#[derive(Debug, Default)]
pub(super) struct Restorable {
    /// Everything whose past is there, in the order of the log.
    pub(super) whole: Vec<WriteId>,
    /// On the disk, but behind something that is not, or that is further down the log.
    pub(super) held: Vec<WriteId>,
}

/// Follows a log from its beginning, as a recovery does.
pub(super) fn restorable(known: &Known, at: StationId) -> Restorable {
    let mut restored = Counts::default();
    let mut found = Restorable::default();
    for write in known.station(at).disk.writes() {
        let dot = known.dot(write);
        let follows = restored.upto(dot.replica) + 1 == dot.seq;
        let is_whole = follows && known.past(write).is_some_and(|past| restored.contains(past));
        if is_whole {
            restored.raise(dot);
            found.whole.push(write);
        } else {
            found.held.push(write);
        }
    }
    found
}

/// A station began, and shows this by now.
pub(super) fn started(known: &Known, at: StationId, restorable: &Restorable) -> Verdict {
    let station = known.station(at);
    let Some(missing) = restorable.whole.iter().find(|write| !station.shows(**write)) else { return Ok(()) };
    let (name, text) = (known.station_text(at), known.text(*missing));
    let acked = if known.write(*missing).is_acked { ", and it was acknowledged" } else { "" };
    wrong(format!("{name} came back without {text}: its disk holds it and all of its past{acked}"))
}

/// A station is about to show a write.
pub(super) fn shown(known: &Known, at: StationId, write: WriteId) -> Verdict {
    if known.station(at).is_told(write) {
        return Ok(());
    }
    let (name, text) = (known.station_text(at), known.text(write));
    wrong(format!("{name} shows {text}, which is not on its disk"))
}

/// A write is on a station's disk: another station's only after it is on its origin's.
pub(super) fn held(known: &Known, at: StationId, write: WriteId) -> Verdict {
    let known_write = known.write(write);
    let Some(minting) = &known_write.minting else { return Ok(()) };
    if known_write.was_held || minting.station == at {
        return Ok(());
    }
    let (name, origin, text) =
        (known.station_text(at), known.station_text(minting.station), known.text(write));
    wrong(format!("{name} has {text} on its disk before {origin}, which minted it: it was sent too early"))
}

/// A station acknowledges a write.
pub(super) fn acknowledged(known: &Known, at: StationId, write: WriteId) -> Verdict {
    let station = known.station(at);
    if station.is_told(write) && station.shows(write) {
        return Ok(());
    }
    let (name, text) = (known.station_text(at), known.text(write));
    wrong(format!("{name} acknowledged {text}, which is not on its disk"))
}
