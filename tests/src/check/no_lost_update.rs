//! C6, no lost update: in the end every acknowledged write stands, or was superseded by one whose client had read it.
//!
//! That every station shows every acknowledged write is all that is to be asked here: what it then returns, C1 decides.
//! A write may be missing if at some time no disk held it (a receipt promises one disk, and that one was destroyed),
//! if something in its past is missing for that reason, or if only stations that are down still hold it.

use super::Property;
use super::finding::{Finding, broken};
use super::known::{Known, Write};
use super::names::{DotAt, StationId, WriteId};

/// Every key has been read back. Returns how many acknowledged writes are missing for a good reason.
///
/// # Errors
/// The first that is missing without one.
pub(super) fn read_back(known: &Known) -> Result<u64, Finding> {
    let mut excused = 0;
    for (at, station) in known.stations().filter(|(_, station)| station.is_up && station.is_observed) {
        let lost: Vec<DotAt> = missing_for_good(known, at);
        for (write, known_write) in known.writes().filter(|(_, write)| write.is_acked) {
            if station.shows(write) {
                continue;
            }
            let excuse = is_excused(known, write, known_write, &lost);
            if !excuse {
                let (name, text) = (known.station_text(at), known.text(write));
                let told = "was acknowledged and never lost by all disks";
                broken(Property::NoLostUpdate, format!("{name} does not show {text}, which {told}"))?;
            }
            excused += 1;
        }
    }
    Ok(excused)
}

/// What this station does not show, and no disk of a running station need give back.
fn missing_for_good(known: &Known, at: StationId) -> Vec<DotAt> {
    let station = known.station(at);
    let is_missing = |(id, write): &(WriteId, &Write)| {
        !station.shows(*id)
            && (write.was_lost || (write.was_held && !is_held_by_a_running_station(known, *id)))
    };
    known.writes().filter(is_missing).map(|(id, _)| known.dot(id)).collect()
}

fn is_held_by_a_running_station(known: &Known, write: WriteId) -> bool {
    known.stations().any(|(_, station)| station.is_up && station.disk.holds(write))
}

fn is_excused(known: &Known, write: WriteId, known_write: &Write, lost: &[DotAt]) -> bool {
    let dot = known.dot(write);
    let Some(minting) = &known_write.minting else { return true };
    let in_past =
        |gone: &DotAt| minting.past.covers(*gone) || (gone.replica == dot.replica && gone.seq <= dot.seq);
    lost.iter().any(in_past)
}
