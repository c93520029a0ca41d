//! Stations that nobody can look into: real processes, of which a history has the answers alone.
//!
//! What a station had shown when a question was *asked* is a lower bound of what its answer has to rest on; what a
//! client asked for is the truth of its write, as everywhere. So the same properties are checked, with less:
//!
//! - C1: an answer that comes with all writes that the station had of the key is judged by the definition. A context is
//!   the client's own, or, if the client left it to the station, what the station said; then at least nothing that the
//!   station had shown before may stand beside the write.
//! - C2, C3: a station shows what it ever showed, with everything in the vectors of what it showed.
//! - C4, C6: in the end all stations show the same, with every acknowledged write in it.
//! - C7, C8: a request has one write at each station where it was asked, none if it was refused.
//! - C9: vectors are closed under happens-before, Lamport times and hybrid times grow with it.
//!
//! C5, C10 and C11 are left to whoever can see disks, time and memory.

mod judge;

use std::collections::HashMap;

use super::Property;
use super::counts::Counts;
use super::finding::{Verdict, broken};
use super::known::{Ending, Known, Question, Reading, Stamps, Truth};
use super::names::{KeyId, RequestIndex, StationId, WriteId};
use super::sibling_exactness::sorted;
use super::told::{Entry, Receipt, Status, Told, Version};

/// What the answers have established.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// By station: what it has shown in its answers.
    floors: Vec<Counts>,
    /// By open operation: the same when it was asked.
    asked: HashMap<u64, Counts>,
    /// The write that a station answered a request with.
    answers: HashMap<(RequestIndex, StationId), WriteId>,
    /// What a write superseded, as far as it is known.
    contexts: HashMap<WriteId, Vec<WriteId>>,
    /// All that happened before a write and itself, as its receipt says.
    vectors: HashMap<WriteId, Counts>,
    /// Of a write whose context was left to the station: what of the key the station had shown before.
    views: HashMap<WriteId, Vec<WriteId>>,
    by_key: HashMap<KeyId, Vec<WriteId>>,
    reads: Vec<Read>,
    pub(super) is_read_back: bool,
}

/// A read with all that the station had of the key.
#[derive(Debug)]
struct Read {
    station: StationId,
    key: KeyId,
    seen: Vec<WriteId>,
    returned: Vec<WriteId>,
    is_complete: bool,
    /// What the station had shown when it was asked.
    floor: Counts,
    is_last: bool,
}

fn wrong(property: Property, text: String) -> Verdict {
    broken(property, text)
}

impl Outside {
    fn floor(&mut self, at: StationId) -> &mut Counts {
        if self.floors.len() <= at.0 {
            self.floors.resize_with(at.0 + 1, Counts::default);
        }
        &mut self.floors[at.0]
    }

    pub(super) fn invoked(&mut self, op: u64, at: StationId) {
        let floor = self.floor(at).clone();
        self.asked.insert(op, floor);
    }

    /// An operation ended without an answer.
    pub(super) fn ended(&mut self, op: u64) {
        self.asked.remove(&op);
    }

    /// The harness took something from a station's disk: whatever it showed may be gone.
    pub(super) fn lost(&mut self, at: StationId) {
        *self.floor(at) = Counts::default();
    }

    pub(super) fn answered(
        &mut self,
        known: &mut Known,
        (op, at, question): (u64, StationId, Question),
        told: &Told<'_>,
        seen: Option<Vec<WriteId>>,
    ) -> Verdict {
        let floor = self.asked.remove(&op).unwrap_or_default();
        match (question, told) {
            (Question::Write(request, ask), Told::Written(receipt)) => {
                self.written(known, at, (request, ask), receipt, &floor)
            }
            (Question::Get(key), Told::Entry(entry)) => self.entry(known, at, key, entry, (seen, floor)),
            (Question::Get(key), Told::Nothing) => self.nothing(known, at, key, &floor),
            (Question::Status, Told::Status(status)) => self.status(known, at, status, &floor),
            // An answer to another question was found out before.
            _ => Ok(()),
        }
    }

    fn written(
        &mut self,
        known: &mut Known,
        at: StationId,
        (request, ask): (RequestIndex, usize),
        receipt: &Receipt,
        floor: &Counts,
    ) -> Verdict {
        let write = receipt.write;
        let Some((key, value)) = known.request(request).asks.get(ask).map(|ask| (ask.key, ask.value)) else {
            return Ok(());
        };
        self.learn(known, at, (write, Truth { request, key, value, context: Vec::new() }))?;
        self.supersedes(known, at, write, &receipt.context)?;
        self.same_answer(known, (request, at), write)?;
        self.same_vector(known, at, receipt)?;
        let is_first_ask = known.request(request).asks.len() == 1;
        if is_first_ask {
            self.rests_on(known, at, floor, receipt)?;
            if matches!(known.ask(request, ask).reading, Reading::Station) {
                self.left_to_the_station(known, at, floor, receipt)?;
            }
        }
        let vector = self.vectors[&write].clone();
        self.floor(at).merge(&vector);
        let stamps = known.write_mut(write);
        stamps.is_acked = true;
        stamps.stamps = Some(receipt.stamps);
        Ok(())
    }

    /// A dot names one write for ever, and that is one that a client asked of its station.
    fn learn(&mut self, known: &mut Known, at: StationId, (write, truth): (WriteId, Truth)) -> Verdict {
        let name = |known: &Known| format!("{} told of {}", known.station_text(at), known.text(write));
        if let Some(before) = known.truth(write) {
            let same = (before.request, before.key, before.value) == (truth.request, truth.key, truth.value);
            let text = || format!("{}; it was another write before: one dot, two writes", name(known));
            return if same { Ok(()) } else { wrong(Property::ExactlyOnce, text()) };
        }
        let origin = |station: StationId| known.names.is_of(known.dot(write).replica, station);
        let mut asks = known.request(truth.request).asks.iter();
        if !asks.any(|ask| origin(ask.station) && (ask.key, ask.value) == (truth.key, truth.value)) {
            let request = known.names.request_text(truth.request);
            let text = format!(
                "{}, of request {request}: nobody asked its station for that, a phantom",
                name(known)
            );
            return wrong(Property::SiblingExactness, text);
        }
        let is_twin = |other: &&WriteId| {
            known.stations().any(|(station, _)| {
                let both = |write: WriteId| known.names.is_of(known.dot(write).replica, station);
                both(write) && both(**other) && known.station(station).losses == 0
            })
        };
        if let Some(other) = known.request(truth.request).writes.iter().find(is_twin) {
            let (request, other) = (known.names.request_text(truth.request), known.text(*other));
            let text = format!(
                "{}, of request {request}, which the same station had applied as {other}",
                name(known)
            );
            return wrong(Property::ExactlyOnce, text);
        }
        self.by_key.entry(truth.key).or_default().push(write);
        known.learn(write, truth);
        Ok(())
    }

    /// What a station says that a write superseded: the same every time, and what its client had read.
    fn supersedes(&mut self, known: &Known, at: StationId, write: WriteId, told: &[WriteId]) -> Verdict {
        let told = sorted(told.to_vec());
        let text = |own: &[WriteId]| {
            let (station, text) = (known.station_text(at), known.text(write));
            let (told, own) = (known.names.list(&told), known.names.list(own));
            format!("{station} says that {text} superseded {told}; it was {own}")
        };
        if let Some(before) = self.contexts.get(&write) {
            return if *before == told { Ok(()) } else { wrong(Property::SiblingExactness, text(before)) };
        }
        let Some(truth) = known.truth(write) else { return Ok(()) };
        let origin = known.dot(write).replica;
        let asks =
            known.request(truth.request).asks.iter().filter(|ask| known.names.is_of(origin, ask.station));
        let (mut own, mut is_right) = (Vec::new(), false);
        for ask in asks {
            match &ask.reading {
                Reading::Station => is_right = true,
                Reading::Exactly(read) | Reading::Conflict(read) => {
                    own = sorted(read.clone());
                    is_right |= own == told;
                }
            }
        }
        if !is_right {
            return wrong(Property::SiblingExactness, text(&own));
        }
        self.contexts.insert(write, told);
        Ok(())
    }

    fn same_answer(
        &mut self,
        known: &Known,
        (request, at): (RequestIndex, StationId),
        write: WriteId,
    ) -> Verdict {
        match self.answers.insert((request, at), write) {
            Some(before) if before != write && known.station(at).losses == 0 => {
                let (station, request) = (known.station_text(at), known.names.request_text(request));
                let (text, before) = (known.text(write), known.text(before));
                let text = format!(
                    "{station} answered request {request} with {text}; it had answered it with {before}"
                );
                wrong(Property::ExactlyOnce, text)
            }
            _ => Ok(()),
        }
    }

    /// The vector ends with the write itself, has all that it superseded, and is told the same way every time.
    fn same_vector(&mut self, known: &Known, at: StationId, receipt: &Receipt) -> Verdict {
        let (mut vector, dot) = (Counts::default(), known.dot(receipt.write));
        receipt.vector.iter().for_each(|last| vector.raise(*last));
        let text = |what: String| {
            let (station, text) = (known.station_text(at), known.text(receipt.write));
            wrong(Property::Clocks, format!("the vector of {text}, as {station} tells it, {what}"))
        };
        if vector.upto(dot.replica) != dot.seq {
            return text("does not end with itself".to_owned());
        }
        if let Some(missing) = receipt.context.iter().find(|write| !vector.covers(known.dot(**write))) {
            return text(format!("lacks {}, which it superseded", known.text(*missing)));
        }
        if self.vectors.get(&receipt.write).is_some_and(|before| *before != vector) {
            return text("is another than before".to_owned());
        }
        let clocks = |stamps: Stamps| (stamps.lamport, stamps.hlc, stamps.wall_ms);
        if known.write(receipt.write).stamps.is_some_and(|before| clocks(before) != clocks(receipt.stamps)) {
            return text("comes with other times than before".to_owned());
        }
        self.vectors.insert(receipt.write, vector);
        Ok(())
    }

    /// Whatever the station had shown when the write was asked for happened before it.
    fn rests_on(&self, known: &Known, at: StationId, floor: &Counts, receipt: &Receipt) -> Verdict {
        let Some(missing) = self.vectors[&receipt.write].first_missing(floor) else { return Ok(()) };
        let (station, text, missing) =
            (known.station_text(at), known.text(receipt.write), known.names.dot_text(missing));
        wrong(
            Property::CausalClosure,
            format!(
                "{station} minted {text} without {missing} in its past, which it had shown before it was asked"
            ),
        )
    }

    /// Nothing that the station had shown stands beside a write that supersedes all that the station shows.
    fn left_to_the_station(
        &mut self,
        known: &Known,
        at: StationId,
        floor: &Counts,
        receipt: &Receipt,
    ) -> Verdict {
        let Some(key) = known.truth(receipt.write).map(|truth| truth.key) else { return Ok(()) };
        let of_key = self.by_key.get(&key).into_iter().flatten().copied();
        let view: Vec<WriteId> = of_key.filter(|write| floor.covers(known.dot(*write))).collect();
        if let Some(beside) = receipt.beside.iter().find(|write| view.contains(write)) {
            let (station, text, beside) =
                (known.station_text(at), known.text(receipt.write), known.text(*beside));
            let text = format!(
                "{station} says that {beside} stood beside {text}; it had shown it before: a false conflict"
            );
            return wrong(Property::SiblingExactness, text);
        }
        self.views.insert(receipt.write, view);
        Ok(())
    }

    fn entry(
        &mut self,
        known: &mut Known,
        at: StationId,
        key: KeyId,
        told: &Entry<'_>,
        (seen, floor): (Option<Vec<WriteId>>, Counts),
    ) -> Verdict {
        super::sibling_exactness::no_duplicate(known, at, told)?;
        told.versions.iter().try_for_each(|version| self.version(known, at, key, version))?;
        if told.is_complete && told.conflict.is_some() != (told.versions.len() > 1) {
            let (station, list) = (known.station_text(at), known.names.list(&told.names()));
            return wrong(
                Property::SiblingExactness,
                format!("{station} is wrong about a conflict among {list}"),
            );
        }
        let shown: Vec<WriteId> = told.names().into_iter().chain(seen.iter().flatten().copied()).collect();
        for write in &shown {
            let (dot, vector) = (known.dot(*write), self.vectors.get(write).cloned());
            let floor = self.floor(at);
            floor.raise(dot);
            vector.into_iter().for_each(|vector| floor.merge(&vector));
        }
        let Some(seen) = seen else { return Ok(()) };
        let (returned, is_complete, is_last) = (told.names(), told.is_complete, self.is_read_back);
        self.reads.push(Read { station: at, key, seen: sorted(seen), returned, is_complete, floor, is_last });
        Ok(())
    }

    fn version(&mut self, known: &mut Known, at: StationId, key: KeyId, version: &Version) -> Verdict {
        for name in &version.names {
            let truth = Truth { request: version.request, key, value: version.value, context: Vec::new() };
            self.learn(known, at, (*name, truth))?;
        }
        // It is the context of the first of its names.
        version.names.first().map_or(Ok(()), |first| self.supersedes(known, at, *first, &version.context))
    }

    fn nothing(&self, known: &Known, at: StationId, key: KeyId, floor: &Counts) -> Verdict {
        let mut writes = self.by_key.get(&key).into_iter().flatten();
        let Some(write) = writes.find(|write| floor.covers(known.dot(**write))) else { return Ok(()) };
        let (station, text) = (known.station_text(at), known.text(*write));
        wrong(
            Property::Session,
            format!("{station} has never heard of the key of {text}, which it had shown before"),
        )
    }

    fn status(&mut self, known: &Known, at: StationId, status: &Status, floor: &Counts) -> Verdict {
        let mut vector = Counts::default();
        status.vector.iter().for_each(|last| vector.raise(*last));
        if let Some(missing) = vector.first_missing(floor) {
            let (station, missing) = (known.station_text(at), known.names.dot_text(missing));
            let text = format!("{station} does not have {missing} any more, which it had shown before");
            return wrong(Property::Session, text);
        }
        self.floor(at).merge(&vector);
        Ok(())
    }
}

/// Whether all attempts of a request at the origin of one of its writes were refused.
fn is_refused(known: &Known, write: WriteId, request: RequestIndex) -> bool {
    let origin = known.dot(write).replica;
    let mut asks = known.request(request).asks.iter().filter(|ask| known.names.is_of(origin, ask.station));
    asks.all(|ask| ask.ending == Ending::Refused)
}
