//! C8, indeterminate operations: a refused write was not applied; one with an unknown outcome wholly or not at all.
//!
//! A write is one line of a log and so whole. What is left to check is that nobody is told *refused* about a request
//! that was applied on its behalf, neither before nor after.

use super::Property;
use super::finding::{Verdict, broken};
use super::known::{Ending, Known};
use super::names::{RequestIndex, StationId, WriteId};

fn wrong(text: String) -> Verdict {
    broken(Property::Indeterminate, text)
}

/// A station mints a write: some client still waits for it, or has given up waiting.
pub(super) fn is_asked_for(
    known: &Known,
    at: StationId,
    (request, op): (RequestIndex, Option<u64>),
    write: WriteId,
) -> Verdict {
    if !known.waiting((request, op), at).is_empty() {
        return Ok(());
    }
    let (name, text) = (known.station_text(at), known.text(write));
    let id = known.names.request_text(request);
    let asks = &known.request(request).asks;
    let mut here = asks.iter().filter(|ask| ask.station == at);
    if here.any(|ask| ask.ending == Ending::Refused) {
        return wrong(format!("{name} minted {text} for request {id}, which it had refused"));
    }
    let text = format!("{name} minted {text} for request {id}, which nobody asks of it: a phantom");
    broken(Property::SiblingExactness, text)
}

/// A station refuses an attempt, which is marked so already: no write is due to refused attempts alone.
pub(super) fn refused(known: &Known, request: RequestIndex, attempt: usize) -> Verdict {
    let is_due_to_refused = |write: &&WriteId| {
        let asks = known.write(**write).minting.as_ref().map_or(&[][..], |minting| &minting.asks);
        let is_refused = |ask: &usize| known.ask(request, *ask).ending == Ending::Refused;
        asks.contains(&attempt) && asks.iter().all(is_refused)
    };
    let Some(write) = known.request(request).writes.iter().find(is_due_to_refused) else { return Ok(()) };
    let at = known.ask(request, attempt).station;
    let (name, text, id) = (known.station_text(at), known.text(*write), known.names.request_text(request));
    wrong(format!("{name} refused request {id}, for which it had minted {text}"))
}
