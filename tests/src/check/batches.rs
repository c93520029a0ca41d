//! C7 for batches: on the disk of its station a batch is there as a whole, or not at all.

use super::Property;
use super::finding::{Verdict, broken};
use super::known::Known;
use super::names::{RequestIndex, StationId, WriteId};

/// A station's disk has this write of its own: so it has the rest of its batch, from this batch or from earlier attempts.
pub(super) fn held(known: &Known, at: StationId, write: WriteId) -> Verdict {
    let (Some(minting), Some(truth)) = (&known.write(write).minting, known.truth(write)) else {
        return Ok(());
    };
    let [ask] = minting.asks[..] else { return Ok(()) };
    let op = known.ask(truth.request, ask).op;
    let batch = known.terms.get(&op).and_then(|terms| terms.batch);
    let Some(requests) = batch.filter(|_| minting.station == at).and_then(|batch| known.batches.get(&batch))
    else {
        return Ok(());
    };
    match requests.iter().find(|request| !is_there(known, at, **request)) {
        None => Ok(()),
        Some(missing) => {
            let (name, text) = (known.station_text(at), known.text(write));
            let missing = known.names.request_text(*missing);
            let text =
                format!("{name} has {text} on its disk, and of the same batch nothing of request {missing}");
            broken(Property::ExactlyOnce, text)
        }
    }
}

fn is_there(known: &Known, at: StationId, request: RequestIndex) -> bool {
    let station = known.station(at);
    let is_there = |write: &WriteId| {
        station.shows(*write) || station.disk.holds(*write) || station.staged.contains(write)
    };
    known.request(request).writes.iter().any(is_there)
}
