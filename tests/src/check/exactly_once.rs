//! C7, exactly once: a request is applied once at a station, and a dot is used once.
//!
//! A dot may be minted again only if its first use vanished in a crash before any disk had it, so that nobody can have
//! learned of it. One excuse is counted: the store was put back from a backup, no disk anywhere holds what it had
//! minted since, and so no station can tell it; only a client could. A request may become a second write only at a station that does not show the first.

use std::collections::HashMap;

use super::Property;
use super::finding::{Verdict, broken};
use super::known::{Known, Minting, Reading, Write};
use super::names::{RequestIndex, StationId, WriteId};
use super::station::Station;

/// How many writes a station remembers the requests of, if it is not told otherwise.
pub(super) const REQUESTS_REMEMBERED: usize = 16_384;

/// What was answered to a request at a station: the write, and how things stood there.
#[derive(Debug, Clone, Copy)]
struct Answered {
    write: WriteId,
    life: u32,
    losses: u32,
}

/// What stations answered to requests.
#[derive(Debug, Default)]
pub(super) struct ExactlyOnce {
    answered: HashMap<(RequestIndex, StationId), Answered>,
}

fn wrong(text: String) -> Verdict {
    broken(Property::ExactlyOnce, text)
}

/// A station mints a write: the dot is its own, and new.
pub(super) fn dot_is_new(known: &Known, at: StationId, write: WriteId) -> Verdict {
    let (name, text) = (|| known.station_text(at), || known.text(write));
    if known.station_of(write) != at {
        return wrong(format!("{} minted {}, a dot of another station", name(), text()));
    }
    let Write { minting: Some(Minting { life, .. }), was_held, was_shown, is_acked, .. } = known.write(write)
    else {
        return Ok(());
    };
    if is_gone_everywhere(known, write) {
        return Ok(());
    }
    let use_before = match (*is_acked, *was_shown, *was_held) {
        (true, ..) => "it was acknowledged before",
        (_, true, _) => "it was shown before",
        (.., true) => "it was on a disk before",
        _ if *life == known.station(at).life => "the same process had minted it before",
        _ => return Ok(()),
    };
    wrong(format!("{} minted {} again: {use_before}", name(), text()))
}

/// No disk holds the write any more: nobody but a client can know of it.
pub(super) fn is_gone_everywhere(known: &Known, write: WriteId) -> bool {
    let write = known.write(write);
    write.was_lost && write.holders == 0
}

/// Whether a station has to remember a write that it shows. What is on its way to the disk is remembered too, in the place
/// of something older.
fn is_recent(station: &Station, write: WriteId, remembered: usize) -> bool {
    station.shows(write) && station.shown_after(write) + station.staged.len() < remembered / 2
}

/// A station mints a write: it has none of the same request.
pub(super) fn request_is_new(
    known: &Known,
    at: StationId,
    (request, remembered): (RequestIndex, usize),
    write: WriteId,
) -> Verdict {
    let station = known.station(at);
    let is_recent = |other: WriteId| is_recent(station, other, remembered);
    let remembers = |other: &&WriteId| is_recent(**other) || station.staged.contains(other);
    let Some(other) = known.request(request).writes.iter().find(remembers) else { return Ok(()) };
    let (name, text, other) = (known.station_text(at), known.text(write), known.text(*other));
    let request = known.names.request_text(request);
    wrong(format!("{name} minted {text} for request {request}, which it had applied as {other}"))
}

/// A station says that it knows no write of a request: it shows none that it has to remember.
pub(super) fn unknown(known: &Known, at: StationId, (request, remembered): (RequestIndex, usize)) -> Verdict {
    let station = known.station(at);
    let remembers = |write: &&WriteId| station.is_observed && is_recent(station, **write, remembered);
    let Some(write) = known.request(request).writes.iter().find(remembers) else { return Ok(()) };
    let (name, text) = (known.station_text(at), known.text(*write));
    let request = known.names.request_text(request);
    wrong(format!("{name} says that no write of request {request} is known; it shows {text}"))
}

/// A station is about to show a write: it does not show it yet.
pub(super) fn shown(known: &Known, at: StationId, write: WriteId) -> Verdict {
    if !known.station(at).visible.covers(known.dot(write)) {
        return Ok(());
    }
    let (name, text) = (known.station_text(at), known.text(write));
    wrong(format!("{name} applied {text} twice"))
}

impl ExactlyOnce {
    /// A station acknowledges a write for a request: it is one of that request, and the same as before.
    pub(super) fn acknowledged(
        &mut self,
        known: &Known,
        (request, at): (RequestIndex, StationId),
        write: WriteId,
        remembered: usize,
    ) -> Verdict {
        is_of_request(known, (request, at), write)?;
        let station = known.station(at);
        let now = Answered { write, life: station.life, losses: station.losses };
        match self.answered.insert((request, at), now) {
            Some(before) if before.write != write && is_bound(known, at, (before, write), remembered) => {
                let (name, text) = (known.station_text(at), known.text(write));
                let (asked, before) = (known.names.request_text(request), known.text(before.write));
                wrong(format!(
                    "{name} answered request {asked} with {text}; it had answered it with {before}"
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The write that a request is answered with is one of that request.
fn is_of_request(known: &Known, (request, at): (RequestIndex, StationId), write: WriteId) -> Verdict {
    let own = match known.truth(write) {
        Some(truth) if truth.request == request => return Ok(()),
        Some(truth) => format!("a write of request {}", known.names.request_text(truth.request)),
        None => "which it never minted".to_owned(),
    };
    let (name, text, asked) = (known.station_text(at), known.text(write), known.names.request_text(request));
    wrong(format!("{name} answered request {asked} with {text}, {own}"))
}

/// A client is answered with the write it asked for: an id that was used for something else is no retry.
pub(super) fn is_what_was_asked(
    known: &Known,
    (request, ask): (RequestIndex, usize),
    write: WriteId,
) -> Verdict {
    let (asked, Some(truth)) = (known.ask(request, ask), known.truth(write)) else { return Ok(()) };
    // Which sibling a resolution took, a station can tell only as long as it remembers that sibling's request.
    let is_resolution = matches!(asked.reading, Reading::Conflict(_));
    if is_resolution || (asked.key, asked.value) == (truth.key, truth.value) {
        return Ok(());
    }
    let (name, text) = (known.station_text(asked.station), known.text(write));
    let (asked, value) = (asked.value, truth.value);
    wrong(format!(
        "{name} answered a write of {asked} with {text}, which has {value}: another write of that request"
    ))
}

/// Whether a station still has to give the answer it gave: it has not had too many others since, and it is the same
/// process, or one that lost nothing in between and has that write before the one it answers with now.
fn is_bound(known: &Known, at: StationId, (before, now): (Answered, WriteId), remembered: usize) -> bool {
    let station = known.station(at);
    if station.shown_after(before.write) >= remembered / 2 {
        return false;
    }
    let has_it_before =
        station.shows(before.write) && station.shown_after(before.write) > station.shown_after(now);
    before.life == station.life || (before.losses == station.losses && has_it_before)
}
