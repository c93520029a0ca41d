//! What must hold in every state. The oracle is naive on purpose: sets of writes, recomputed from what clients sent.

use std::collections::BTreeSet;

use clock_core::replica::ConflictId;
use clock_core::wire::{EntryView, Outcome, Receipt, Response, VersionView};

use super::clients::{Sent, value};
use super::disk::Stored;
use super::dots::{Dots, Place};
use super::world::World;

/// A station shows exactly the versions that no write it has was meant to supersede, each once, with their values.
pub(crate) const SIBLINGS: &str = "C1 siblings are exact";
/// What a station has is closed under happens-before, in the order of its log.
pub(crate) const CAUSAL: &str = "C2 a write never comes before its past";
/// Stations with equal writes show the same.
pub(crate) const EQUAL: &str = "C4 equal writes make equal entries";
/// An answered write is on the disk.
pub(crate) const DURABLE: &str = "C5 what is answered is durable";
/// A dot names one write, and is in a log once; a request has one write at each station.
pub(crate) const ONCE: &str = "C7 a dot names one write";
/// Requests are accepted, answered and refused as the oracle predicts.
pub(crate) const ANSWERED: &str = "C8 answers are the predicted ones";
/// Vectors tell happens-before as it was; Lamport times and hybrid timestamps grow along it.
pub(crate) const CLOCKS: &str = "C9 clocks tell happens-before";
/// Nothing left to happen: every station has every acknowledged write, and all have the same.
pub(crate) const CONVERGED: &str = "C10 silent stations are equal";
/// Rule 1: nothing is said of a write before it is durable.
pub(crate) const PUBLISHED: &str = "rule 1 what leaves is durable";
/// The replica's own invariants.
pub(crate) const INVARIANT: &str = "the replica's invariant";
/// Honest disks and peers give no reason for alarm, nor to close a session.
pub(crate) const ALARM: &str = "no alarm";
/// No input makes the replica panic.
pub(crate) const TOTAL: &str = "no panic";

/// A property that does not hold, and how.
pub(crate) type Check = Result<(), (&'static str, String)>;

fn claim(holds: bool, property: &'static str, text: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err((property, text())) }
}

/// The versions that no write among these was meant to supersede, under whichever of their names.
pub(crate) fn siblings<'a>(world: &World, writes: impl IntoIterator<Item = &'a Stored>) -> Dots {
    let writes: Vec<&Stored> = writes.into_iter().collect();
    let context = |stored: &Stored| sent(world, stored).map_or(Dots::NONE, |sent| sent.context);
    let read = Dots::all(writes.iter().map(|stored| context(stored)));
    let height = |stored: &Stored| sent(world, stored).map_or(0, |sent| sent.past.each().count() + 1);
    // Another name of the same request was read, and lies above all that this one supersedes.
    let falls = |stored: &Stored| {
        let superseded = writes.iter().filter(|other| context(stored).contains(other.dot));
        let below = superseded.map(|other| height(other)).max().unwrap_or(0);
        let is_twin = |other: &&&Stored| other.request == stored.request && other.dot != stored.dot;
        writes.iter().filter(is_twin).any(|twin| read.contains(twin.dot) && below < height(twin))
    };
    let standing = writes.iter().filter(|stored| !read.contains(stored.dot) && !falls(stored));
    Dots::all(standing.map(|stored| stored.dot))
}

fn sent(world: &World, stored: &Stored) -> Option<Sent> {
    world.clients.sent.get(&(stored.origin, stored.request)).copied()
}

/// All that one station has and shows.
pub(crate) fn station(world: &World, place: Place) -> Check {
    log(world, place)?;
    let station = world.at(place);
    let expected = siblings(world, station.disk.durable());
    let versions = station.view.as_ref().map_or(&[][..], |view| &view.versions);
    let shown: Vec<Dots> = versions.iter().flat_map(|version| version.dots.iter().map(Dots::of)).collect();
    let is_exact = Dots::all(shown.iter().copied()) == expected && shown.len() == expected.each().count();
    claim(is_exact, SIBLINGS, || {
        let shown = shown.iter().map(Dots::to_string).collect::<Vec<_>>().join(", ");
        let has = station.disk.dots();
        format!("station {place} has {has} and shows {shown}; not superseded are {expected}")
    })?;
    versions.iter().try_for_each(|version| one_version(world, place, version))?;
    match &station.view {
        Some(view) => conflict(world, place, view, expected),
        None => Ok(()),
    }
}

/// The log is in causal order, and has every dot once.
fn log(world: &World, place: Place) -> Check {
    let mut before: Vec<&Stored> = Vec::new();
    for stored in world.at(place).disk.durable() {
        let dot = stored.dot;
        let have = Dots::all(before.iter().map(|stored| stored.dot));
        claim(!have.contains(dot), ONCE, || format!("station {place} has {dot} twice"))?;
        let Some(Sent { past, .. }) = sent(world, stored) else {
            return Err((ONCE, format!("station {place} has {dot}, which no client sent")));
        };
        claim(have.contains(past), CAUSAL, || {
            format!("station {place} has {dot} with only {have} before it; its past is {past}")
        })?;
        let causes = before.iter().filter(|cause| past.contains(cause.dot));
        let late =
            causes.into_iter().find(|cause| cause.lamport >= stored.lamport || cause.hlc >= stored.hlc);
        claim(late.is_none(), CLOCKS, || format!("{dot} is not later than its cause by its clocks"))?;
        before.push(stored);
    }
    Ok(())
}

/// A version has all its names, the value that was sent, and the true vector.
fn one_version(world: &World, place: Place, version: &VersionView) -> Check {
    let durable = world.at(place).disk.durable();
    let dots = Dots::all(version.dots.iter().map(Dots::of));
    let mut known = durable.iter().filter(|stored| dots.contains(stored.dot));
    let (Some(first), true) =
        (known.next(), known.all(|other| version.request.0 == u128::from(other.request)))
    else {
        return Err((ONCE, format!("station {place} shows {dots} as one version")));
    };
    let standing = siblings(world, durable);
    let same =
        durable.iter().filter(|stored| stored.request == first.request && standing.contains(stored.dot));
    let names = Dots::all(same.map(|stored| stored.dot));
    claim(names == dots, ONCE, || format!("station {place} shows {names} as more than one version"))?;
    let body = world.clients.asked[&first.request].body;
    claim(version.value == value(body), SIBLINGS, || {
        format!("station {place} shows another value of {dots}")
    })?;
    let representative = version.dots.iter().map(Dots::of).next().unwrap_or(dots);
    let written = durable.iter().find(|stored| stored.dot == representative);
    let past = written.and_then(|stored| sent(world, stored)).unwrap_or_default().past;
    let (vector, truth) = (Dots::covered_by(&version.vector), past.and(representative));
    claim(vector == truth, CLOCKS, || {
        format!("station {place} gives {representative} the vector {vector}; {truth} is true")
    })
}

/// A conflict is more than one version, by the name that all stations give it.
fn conflict(world: &World, place: Place, view: &EntryView, expected: Dots) -> Check {
    let id = (view.versions.len() > 1).then(|| ConflictId::of(&expected.names()));
    claim(view.conflict == id, SIBLINGS, || format!("station {place} misnames the conflict of {expected}"))?;
    let writes = world.at(place).disk.durable().len() as u64;
    claim(view.revision == writes, SIBLINGS, || format!("station {place} miscounts its {writes} writes"))
}

/// What stations have of each other.
pub(crate) fn cluster(world: &World) -> Check {
    for one in world.places() {
        for other in world.places().filter(|other| *other > one) {
            pair(world, one, other)?;
        }
    }
    converged(world)
}

fn pair(world: &World, one: Place, other: Place) -> Check {
    let (left, right) = (world.at(one), world.at(other));
    for stored in left.disk.records() {
        let twin = right.disk.records().iter().find(|twin| twin.dot == stored.dot);
        let is_same = twin.is_none_or(|twin| twin.event == stored.event);
        claim(is_same, ONCE, || format!("stations {one} and {other} have different writes {}", stored.dot))?;
    }
    let is_equal = left.disk.dots() != right.disk.dots() || left.view == right.view;
    claim(is_equal, EQUAL, || {
        format!("stations {one} and {other} have {} and show different entries", left.disk.dots())
    })
}

/// A lost frame is noticed by the next heartbeat: it and the one that follows have been heard.
const BEATS: u8 = 2;

/// Whether heartbeats have still to repair what was lost on the way.
pub(crate) fn awaits_beats(world: &World) -> bool {
    world.left.losses < world.scope.budget.losses && world.beats < BEATS
}

fn converged(world: &World) -> Check {
    if !world.is_silent() || awaits_beats(world) {
        return Ok(());
    }
    let has: Vec<Dots> = world.stations.iter().map(|station| station.disk.dots()).collect();
    let all = Dots::all(has.iter().copied());
    claim(has.iter().all(|dots| *dots == all), CONVERGED, || {
        let has = has.iter().map(Dots::to_string).collect::<Vec<_>>().join(", ");
        format!("nothing is on its way, and the stations have {has}")
    })?;
    let asked = world.clients.asked.iter();
    let mut acknowledged = asked.filter(|(_, asked)| asked.answered).map(|(number, _)| *number);
    let everywhere =
        |number: &u8| world.at(Place(0)).disk.durable().iter().any(|stored| stored.request == *number);
    let lost = acknowledged.find(|number| !everywhere(number));
    claim(lost.is_none(), CONVERGED, || format!("the acknowledged request {lost:?} is nowhere"))
}

/// One answer to a request.
pub(crate) fn answer(world: &mut World, place: Place, number: u64, response: &Response) -> Check {
    let Response::Written(receipt) = response else {
        return Err((ANSWERED, format!("request {number} gets {response:?}")));
    };
    receipt_is_true(world, place, receipt)?;
    let asked = u8::try_from(number).ok().and_then(|number| world.clients.asked.get_mut(&number));
    claim(asked.is_some() && receipt.request.0 == u128::from(number), ANSWERED, || {
        format!("request {number} gets the receipt of {}", receipt.request)
    })?;
    asked.into_iter().for_each(|asked| asked.answered = true);
    Ok(())
}

/// A receipt names the first write of its request at this station, durable, with its context and vector, and what
/// stood beside it when it became visible.
fn receipt_is_true(world: &World, place: Place, receipt: &Receipt) -> Check {
    let (durable, dot) = (world.at(place).disk.durable(), Dots::of(&receipt.dot));
    let Some(position) = durable.iter().position(|stored| stored.dot == dot) else {
        return Err((DURABLE, format!("{dot} is answered and not durable")));
    };
    let written = &durable[position];
    let first = durable.iter().find(|stored| stored.request == written.request).map(|stored| stored.dot);
    let is_first = first == Some(dot) && receipt.request.0 == u128::from(written.request);
    claim(is_first, ANSWERED, || format!("{dot} answers a request whose first write is {first:?}"))?;
    let Some(Sent { context, past }) = sent(world, written) else {
        return Err((ONCE, format!("{dot} is answered, and no client sent it")));
    };
    let said = Dots::all(receipt.context.iter().map(Dots::of));
    claim(said == context, SIBLINGS, || format!("{dot} supersedes {said}; its client said {context}"))?;
    let (vector, truth) = (Dots::covered_by(&receipt.vector), past.and(dot));
    claim(vector == truth, CLOCKS, || format!("{dot} gets the vector {vector}; {truth} is true"))?;
    let then = &durable[..=position];
    let same = then.iter().filter(|stored| stored.request == written.request).map(|stored| stored.dot);
    let standing = siblings(world, then);
    // A name that fell with its twin at once has met nothing.
    let beside = if standing.contains(dot) { standing.without(Dots::all(same)) } else { Dots::NONE };
    let said = Dots::all(receipt.concurrent_with.iter().map(Dots::of));
    // What it met elsewhere, or later, may be known by now; nothing that it was meant to supersede, or that was meant to
    // supersede it, is among that.
    let all = world.stations.iter().flat_map(|station| station.disk.records());
    let after = all.filter(|other| sent(world, other).is_some_and(|sent| sent.context.contains(dot)));
    let ordered = context.and(Dots::all(after.map(|other| other.dot)));
    let more = said.without(beside);
    let is_true = said.contains(beside) && more.each().all(|other| !ordered.contains(other));
    claim(is_true, SIBLINGS, || format!("{dot} is told to stand beside {said}; it does beside {beside}"))?;
    copies_are_there(world, (place, dot), receipt)
}

/// Every station that a receipt names has the write on its disk, and there are as many as were asked for.
fn copies_are_there(world: &World, (place, dot): (Place, Dots), receipt: &Receipt) -> Check {
    let copies = usize::from(world.scope.copies);
    let outcome = if copies == 1 { Outcome::Local } else { Outcome::Committed };
    let named: BTreeSet<Place> = receipt.durable_on.iter().map(Place::of).collect();
    let is_enough = receipt.outcome == outcome && named.len() >= copies && named.contains(&place);
    claim(is_enough, DURABLE, || format!("{dot} is {:?} on {:?}", receipt.outcome, receipt.durable_on))?;
    let has = |at: &Place| world.at(*at).disk.durable().iter().any(|stored| stored.dot == dot);
    let without = named.iter().find(|at| !has(at));
    claim(without.is_none(), DURABLE, || {
        format!("{dot} is said to be on {without:?}, which does not have it")
    })
}
