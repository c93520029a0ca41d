//! What a write is, learned from the answer that names it first: it is held to what a client asked.

use super::{Outside, uncovered};
use crate::check::Property;
use crate::check::counts::Counts;
use crate::check::finding::{Finding, Verdict, broken};
use crate::check::known::{Ask, Ending, Known, Minting, Reading, Truth};
use crate::check::names::{KeyId, RequestIndex, StationId, WriteId};
use crate::check::told::{Receipt, Version};
use crate::history::ValueDigest;

/// A write as an answer names it.
struct Named<'a> {
    write: WriteId,
    request: RequestIndex,
    /// The value, if the answer has it.
    value: Option<ValueDigest>,
    /// What it superseded, if the answer says so.
    context: Option<&'a [WriteId]>,
}

impl Outside {
    /// The receipt of a write at this station.
    pub(in crate::check) fn receipt(
        &mut self,
        known: &mut Known,
        (at, request): (StationId, RequestIndex),
        receipt: &Receipt,
        line: u64,
    ) -> Verdict {
        let named = Named { write: receipt.write, request, value: None, context: Some(&receipt.context) };
        self.learn(known, at, &named)?;
        let Some((key, origin, begun)) = self.minting(known, receipt.write) else { return Ok(()) };
        if known.past(receipt.write).is_none() {
            self.vector_has_what_was_told(known, (origin, begun), receipt)?;
            let mut past = Counts::default();
            receipt.vector.iter().for_each(|dot| past.raise(*dot));
            past.lower_below(known.dot(receipt.write));
            let asks = attempts(known, origin, request);
            let minting = Minting { station: origin, life: 0, at_us: 0, past, asks };
            known.write_mut(receipt.write).minting = Some(minting);
        }
        self.tell(known, (at, key), &[receipt.write], line);
        Ok(())
    }

    /// The versions in an answer.
    pub(in crate::check) fn versions(
        &mut self,
        known: &mut Known,
        at: StationId,
        versions: &[Version],
    ) -> Verdict {
        for version in versions {
            for (position, write) in version.names.iter().enumerate() {
                // The answer gives the context of the first name alone.
                let context = (position == 0).then_some(&version.context[..]);
                let (request, value) = (version.request, Some(version.value));
                self.learn(known, at, &Named { write: *write, request, value, context })?;
            }
        }
        Ok(())
    }

    fn learn(&mut self, known: &mut Known, at: StationId, named: &Named<'_>) -> Verdict {
        let is_news =
            known.truth(named.write).is_none_or(|truth| !truth.knows_context && named.context.is_some());
        if !is_news {
            return Ok(());
        }
        let origin = known.station_of(named.write);
        let Some(ask) = asked(known, origin, named)? else { return phantom(known, at, named) };
        let (key, value, begun) = (ask.key, ask.value, ask.begun);
        let (context, by_station) = match &ask.reading {
            Reading::Exactly(read) | Reading::Conflict(read) => (Some(&read[..]), false),
            Reading::Station => (named.context, named.context.is_some()),
        };
        let (knows_context, context) = (context.is_some(), context.unwrap_or_default().to_vec());
        known.learn(named.write, Truth { request: named.request, key, value, context, knows_context });
        if by_station {
            self.context_has_what_was_told(known, (origin, begun), named.write)?;
        }
        is_only_one(known, named, origin)
    }

    /// Key, origin, and the line at which the origin was first asked for the write.
    fn minting(&self, known: &Known, write: WriteId) -> Option<(KeyId, StationId, u64)> {
        let truth = known.truth(write)?;
        let origin = known.station_of(write);
        let asks = known.request(truth.request).asks.iter();
        let begun = asks.filter(|ask| ask.station == origin).map(|ask| ask.begun).min()?;
        Some((truth.key, origin, begun))
    }

    /// A station that works out the context itself has to take all that it had told of by then.
    fn context_has_what_was_told(
        &mut self,
        known: &Known,
        (origin, begun): (StationId, u64),
        write: WriteId,
    ) -> Verdict {
        let Some(truth) = known.truth(write) else { return Ok(()) };
        let told = self.of_key(origin, truth.key).before(begun);
        let Some(missing) = uncovered(known, &truth.context, told) else { return Ok(()) };
        let (name, text, missing) = (known.station_text(origin), known.text(write), known.text(missing));
        let context = known.names.list(&truth.context);
        let text = format!(
            "{name} wrote {text} in its own view and says that it superseded {context}: without {missing}, \
             which it had told of before"
        );
        broken(Property::SiblingExactness, text)
    }

    /// A vector has all that its station had told of before it was asked.
    fn vector_has_what_was_told(
        &mut self,
        known: &Known,
        (origin, begun): (StationId, u64),
        receipt: &Receipt,
    ) -> Verdict {
        let mut vector = Counts::default();
        receipt.vector.iter().for_each(|dot| vector.raise(*dot));
        let told = self.at(origin).keys.values().flat_map(|told| told.before(begun));
        let missing =
            told.chain(receipt.context.iter().copied()).find(|write| !vector.covers(known.dot(*write)));
        let Some(missing) = missing else { return Ok(()) };
        let (text, missing) = (known.text(receipt.write), known.text(missing));
        broken(Property::Clocks, format!("the vector of {text} lacks {missing}, which happened before it"))
    }
}

fn attempts(known: &Known, origin: StationId, request: RequestIndex) -> Vec<usize> {
    let asks = known.request(request).asks.iter().enumerate();
    asks.filter(|(_, ask)| ask.station == origin && ask.ending != Ending::Refused).map(|(at, _)| at).collect()
}

/// The attempt that the write is due to: the first at its station, with its value, that was not refused.
fn asked<'a>(known: &'a Known, origin: StationId, named: &Named<'_>) -> Result<Option<&'a Ask>, Finding> {
    let asks = known.request(named.request).asks.iter();
    let here: Vec<&Ask> = asks.filter(|ask| ask.station == origin).collect();
    let fits =
        |ask: &&&Ask| ask.ending != Ending::Refused && named.value.is_none_or(|value| value == ask.value);
    let ask = here.iter().find(fits).copied();
    if ask.is_none() && !here.is_empty() && here.iter().all(|ask| ask.ending == Ending::Refused) {
        let (name, text) = (known.station_text(origin), known.text(named.write));
        let text = format!("{name} had refused what was written all the same as {text}");
        broken(Property::Indeterminate, text)?;
    }
    Ok(ask)
}

fn phantom(known: &Known, at: StationId, named: &Named<'_>) -> Verdict {
    let (name, text) = (known.station_text(at), known.text(named.write));
    let request = known.names.request_text(named.request);
    let text = format!("{name} returned {text} of request {request}, which nobody asked for: a phantom");
    broken(Property::SiblingExactness, text)
}

/// No other write of the same request has the same origin, unless that one lost something.
fn is_only_one(known: &Known, named: &Named<'_>, origin: StationId) -> Verdict {
    let writes = known.request(named.request).writes.iter();
    let mut others = writes.filter(|other| **other != named.write && known.station_of(**other) == origin);
    let Some(other) = others.next().filter(|_| known.station(origin).losses == 0) else { return Ok(()) };
    let (name, text, other) = (known.station_text(origin), known.text(named.write), known.text(*other));
    let request = known.names.request_text(named.request);
    broken(Property::ExactlyOnce, format!("{name} wrote request {request} twice, as {other} and as {text}"))
}
