//! Which check looks at which line, and when.

use clock_core::{Dot, NodeId, RequestId};

use super::finding::{Finding, Verdict, broken};
use super::known::{Ending, Operation, Question, Reading, Terms};
use super::names::{KeyId, RequestIndex, StationId, WriteId};
use super::told::{Entry, Outcome, Receipt, Status, Told};
use super::{
    Checker, Property, batches, causal_closure, clocks, convergence, copies, durability, exactly_once,
    indeterminate, liveness, no_lost_update, resources, session, sibling_exactness, snapshot,
};
use crate::history::{Answer, Call, Phase, ValueDigest, What};

/// How the refusal begins of a receipt for which there is no write.
const NO_SUCH_REQUEST: &str = "no write of request";

impl Checker {
    pub(super) fn take(&mut self, at_us: u64, what: &What) -> Verdict {
        if at_us < self.now_us {
            return broken(Property::History, format!("time goes back from {} to {at_us} us", self.now_us));
        }
        self.now_us = at_us;
        match what {
            What::Invoke { op, client, station, call, w, session, batch } => {
                self.invoked(*op, station, call)?;
                if let Some(token) = session {
                    self.outside.roaming.asks(&mut self.known, (*op, *client), token);
                }
                let session = session.as_ref().map(|token| self.known.counts(token));
                self.known.agree(*op, Terms { w: usize::from(w.unwrap_or(1)), session, batch: *batch });
                Ok(())
            }
            What::Ok { op, answer, token } => self.answered(*op, answer, token.as_deref()),
            What::Fail { op, error } => self.refused(*op, error),
            What::Info { op, why: _ } => self.unknown(*op),
            What::Minted { station, dot, request, op } => self.minted(station, dot, (request, *op)),
            What::Committed { station, dot, durable_on } => {
                let at = self.station(station);
                let on: Vec<StationId> = durable_on.iter().map(|node| self.station(node)).collect();
                let write = self.writes(std::slice::from_ref(dot));
                write.into_iter().try_for_each(|write| copies::durable(&self.known, at, write, &on))
            }
            What::Durable { station, dots } => self.held(station, dots),
            What::Visible { station, dots } => self.shown(station, dots),
            What::Lost { station, dots } => self.lost(station, dots),
            What::Stopped { station, how: _ } => self.stopped(station),
            What::Started { station, visible, replica: _ } => self.started(station, visible),
            What::Wall { station, least_ms, most_ms } => {
                let at = self.station(station);
                self.clocks.walls.mark(at, at_us, (*least_ms, *most_ms));
                Ok(())
            }
            What::State { station, digest } => self.state(station, digest),
            What::Gauge { station, name, value, limit } => {
                self.seen.gauges += 1;
                resources::within_limit(station, name, *value, *limit)
            }
            What::Late { what } => liveness::late(what),
            What::Broken { station, what } => {
                broken(Property::Invariant, format!("{station} broke a rule of its own: {what}"))
            }
            What::Phase { phase } => self.phase(*phase),
        }
    }

    fn station(&mut self, station: &NodeId) -> StationId {
        let at = self.known.names.station(station);
        self.known.make_room();
        at
    }

    fn writes(&mut self, dots: &[Dot]) -> Vec<WriteId> {
        let writes = self.known.names.writes(dots);
        self.known.make_room();
        writes
    }

    fn invoked(&mut self, op: u64, station: &NodeId, call: &Call) -> Verdict {
        self.seen.operations += 1;
        if self.known.operations.contains_key(&op) {
            return broken(Property::History, format!("operation {op} begins twice"));
        }
        let at = self.station(station);
        self.known.invoke(op, at, call, self.seen.lines);
        Ok(())
    }

    /// An operation ends, as it only can once.
    fn ended(&mut self, op: u64, ending: Ending) -> Result<Operation, Finding> {
        let Some(operation) = self.known.operations.remove(&op) else {
            broken(Property::History, format!("operation {op} ends, which has not begun or has ended"))?;
            unreachable!("a finding is an error")
        };
        self.known.end(operation, ending);
        if ending != Ending::Answered {
            self.outside.roaming.forget(op);
        }
        Ok(operation)
    }

    fn refused(&mut self, op: u64, error: &str) -> Verdict {
        self.seen.refused += 1;
        let operation = self.ended(op, Ending::Refused)?;
        match operation.question {
            Question::Write(request, ask) => indeterminate::refused(&self.known, request, ask),
            // The station may be busy, or behind the session.
            Question::Receipt(request) if error.starts_with(NO_SUCH_REQUEST) => {
                exactly_once::unknown(&self.known, operation.station, (request, self.requests_remembered))
            }
            _ => Ok(()),
        }
    }

    fn unknown(&mut self, op: u64) -> Verdict {
        self.seen.unknown += 1;
        self.ended(op, Ending::Unknown).map(drop)
    }

    fn minted(&mut self, station: &NodeId, dot: &Dot, (request, op): (&RequestId, Option<u64>)) -> Verdict {
        let (at, request) = (self.station(station), self.known.names.request(request));
        let mut write = self.known.names.write(dot);
        self.known.make_room();
        exactly_once::dot_is_new(&self.known, at, write)?;
        exactly_once::request_is_new(&self.known, at, (request, self.requests_remembered), write)?;
        indeterminate::is_asked_for(&self.known, at, (request, op), write)?;
        if self.known.write(write).minting.is_some() {
            if exactly_once::is_gone_everywhere(&self.known, write) {
                self.seen.dots_used_again += 1;
                self.clocks.forget_from(&self.known, self.known.dot(write));
                self.convergence.forget();
            }
            write = self.known.names.rename(write);
            self.known.make_room();
        }
        let asks = self.known.waiting((request, op), at);
        if let Some(op) = op {
            session::covers_token(&self.known, at, op, "mints a write")?;
        }
        self.readings_are_served(at, (request, &asks), write)?;
        self.seen.minted += 1;
        self.seen.minted_again += u64::from(!self.known.request(request).writes.is_empty());
        self.known.mint(self.now_us, (write, request), at, asks);
        Ok(())
    }

    /// What the client had read is there. If several attempts can have led to the write, they are the same.
    fn readings_are_served(
        &self,
        at: StationId,
        (request, asks): (RequestIndex, &[usize]),
        write: WriteId,
    ) -> Verdict {
        let Some(ask) = asks.last().map(|ask| self.known.ask(request, *ask)) else { return Ok(()) };
        if !self.known.station(at).is_observed {
            return Ok(());
        }
        session::context_is_shown(&self.known, at, &ask.reading, write)?;
        match &ask.reading {
            Reading::Conflict(read) => sibling_exactness::unchanged(&self.known, at, ask.key, read, write),
            Reading::Station | Reading::Exactly(_) => Ok(()),
        }
    }

    fn held(&mut self, station: &NodeId, dots: &[Dot]) -> Verdict {
        let (at, writes) = (self.station(station), self.writes(dots));
        let is_first = |write: &WriteId| !self.known.write(*write).was_held;
        let first: Vec<WriteId> = writes.iter().filter(|write| is_first(write)).copied().collect();
        for write in writes {
            durability::held(&self.known, at, write)?;
            self.known.hold(at, write);
        }
        // Later a disk may hold a part of a batch: it lost the rest, or got it back.
        first.into_iter().try_for_each(|write| batches::held(&self.known, at, write))
    }

    fn shown(&mut self, station: &NodeId, dots: &[Dot]) -> Verdict {
        let (at, writes) = (self.station(station), self.writes(dots));
        self.known.station_mut(at).is_observed = true;
        self.known.station_mut(at).is_up = true;
        for write in writes {
            self.show(at, write)?;
        }
        Ok(())
    }

    fn show(&mut self, at: StationId, write: WriteId) -> Verdict {
        if self.known.truth(write).is_none() {
            let (name, text) = (self.known.station_text(at), self.known.text(write));
            let text = format!("{name} shows {text}, which nobody minted: a phantom");
            return broken(Property::SiblingExactness, text);
        }
        exactly_once::shown(&self.known, at, write)?;
        durability::shown(&self.known, at, write)?;
        causal_closure::shown(&self.known, at, write)?;
        self.seen.shown += 1;
        self.known.show(at, write);
        Ok(())
    }

    fn lost(&mut self, station: &NodeId, dots: &[Dot]) -> Verdict {
        let (at, writes) = (self.station(station), self.writes(dots));
        self.seen.lost_from_disks += writes.len() as u64;
        for write in &writes {
            self.known.lose(at, *write);
        }
        self.session.lost(&self.known, at, &writes);
        self.copies.forget(self.seen.lines);
        self.outside.lost(at);
        Ok(())
    }

    fn stopped(&mut self, station: &NodeId) -> Verdict {
        self.seen.stops += 1;
        let at = self.station(station);
        self.known.station_mut(at).is_up = false;
        self.outside.stopped(at, self.seen.lines);
        Ok(())
    }

    fn started(&mut self, station: &NodeId, visible: &[Dot]) -> Verdict {
        self.seen.starts += 1;
        let (at, writes) = (self.station(station), self.writes(visible));
        let restorable = durability::restorable(&self.known, at);
        self.known.station_mut(at).restart();
        for write in writes {
            // What a crash left of writes that were not durable yet is on the disk all the same.
            if !self.known.station(at).disk.holds(write) {
                self.known.hold(at, write);
            }
            self.show(at, write)?;
        }
        self.seen.held_at_start += restorable.held.len() as u64;
        durability::started(&self.known, at, &restorable)?;
        self.session.started(&self.known, at, &restorable)
    }

    fn state(&mut self, station: &NodeId, digest: &str) -> Verdict {
        let at = self.station(station);
        self.seen.states += 1;
        let compared = self.convergence.state(&self.known, at, digest)?;
        self.seen.states_compared += u64::from(compared);
        Ok(())
    }

    fn phase(&mut self, phase: Phase) -> Verdict {
        self.liveness.phase(phase)?;
        match phase {
            Phase::Converged => convergence::converged(&self.known),
            Phase::Safety | Phase::Healing | Phase::Fresh | Phase::ReadBack => Ok(()),
        }
    }

    fn answered(&mut self, op: u64, answer: &Answer, token: Option<&[Dot]>) -> Verdict {
        let operation = self.ended(op, Ending::Answered)?;
        let at = operation.station;
        let told = Told::of(&mut self.known, answer);
        match (operation.question, &told) {
            (Question::Write(request, ask), Told::Written(receipt)) => {
                self.written(operation, (request, Some(ask)), receipt)?;
            }
            (Question::Get(key), Told::Entry(entry)) => self.entry((operation, key), entry)?,
            (Question::Get(key), Told::Nothing) => self.nothing((operation, key))?,
            (Question::Receipt(request), Told::Written(receipt)) => {
                self.asked_after(operation, request, receipt)?;
            }
            (Question::Snapshot, Told::Snapshot(told)) => self.snapshot(operation, told)?,
            (Question::Status, Told::Status(status)) => self.status(operation, status)?,
            _ => {
                let text = format!("operation {op} got an answer to another question");
                return broken(Property::History, text);
            }
        }
        let counts = token.map(|token| self.known.counts(token));
        session::token_returned(&self.known, at, op, (counts.as_ref(), &told.shown(&self.known)))?;
        if !self.is_observed(at) {
            let moment = (token, self.seen.lines);
            return self.outside.roaming.answered(&mut self.known, (op, operation), &told, moment);
        }
        session::covers_token(&self.known, at, op, "answers")?;
        self.session.answered(&self.known, at)
    }

    /// What became of a write: as its own receipt, and after all faults it is committed.
    fn asked_after(&mut self, operation: Operation, request: RequestIndex, told: &Receipt) -> Verdict {
        self.seen.receipts_asked_for += 1;
        self.written(operation, (request, None), told)?;
        if self.is_read_back() && told.outcome == Outcome::Indeterminate {
            let (name, text) = (self.known.station_text(operation.station), self.known.text(told.write));
            let text = format!(
                "{name} says that {text} is indeterminate still: all stations have had it long since"
            );
            return broken(Property::Indeterminate, text);
        }
        Ok(())
    }

    fn snapshot(&mut self, operation: Operation, told: &super::told::Snapshot<'_>) -> Verdict {
        self.seen.snapshots += 1;
        let Some(asked) = self.known.snapshots.remove(&operation.op) else { return Ok(()) };
        self.seen.snapshots_again += u64::from(asked.at.is_some());
        match self.is_observed(operation.station) {
            true => snapshot::answered(&self.known, operation.station, &asked, told),
            false => Ok(()),
        }
    }

    fn is_observed(&self, at: StationId) -> bool {
        self.known.station(at).is_observed
    }

    fn is_read_back(&self) -> bool {
        self.liveness.phase == Some(Phase::ReadBack)
    }

    fn written(
        &mut self,
        Operation { op, station: at, question, .. }: Operation,
        (request, ask): (RequestIndex, Option<usize>),
        told: &Receipt,
    ) -> Verdict {
        let write = told.write;
        let w = self.known.copies_asked(op);
        if !self.is_observed(at) {
            self.outside.receipt(&mut self.known, (at, request), told, self.seen.lines)?;
        }
        self.exactly_once.acknowledged(&self.known, (request, at), write, self.requests_remembered)?;
        if let Some(ask) = ask {
            exactly_once::is_what_was_asked(&self.known, (request, ask), write)?;
        }
        copies::told(&self.known, at, w, told)?;
        if self.is_observed(at) {
            durability::acknowledged(&self.known, at, write)?;
            sibling_exactness::receipt_beside(&self.known, at, told)?;
            self.copies.committed(&self.known, at, question, (w, told))?;
        }
        sibling_exactness::receipt_context(&self.known, at, told)?;
        clocks::same_stamps(&self.known, at, write, told.stamps)?;
        let reading = |ask| &self.known.ask(request, ask).reading;
        let is_resolution = ask.is_some_and(|ask| matches!(reading(ask), Reading::Conflict(_)));
        let is_new = !self.known.write(write).is_acked;
        self.seen.acknowledged += u64::from(is_new);
        self.seen.retries_acknowledged += u64::from(ask.is_some_and(|ask| ask > 0));
        self.seen.resolved += u64::from(is_new && is_resolution);
        self.seen.receipts_with_siblings += u64::from(!told.beside.is_empty());
        let known = self.known.write_mut(write);
        known.is_acked = true;
        known.stamps = Some(told.stamps);
        self.clocks.receipt(&self.known, at, told)?;
        self.seen.hybrid_times_across = self.clocks.compared_across;
        Ok(())
    }

    fn entry(&mut self, (operation, key): (Operation, KeyId), told: &Entry<'_>) -> Verdict {
        let at = operation.station;
        self.seen.reads += 1;
        self.seen.reads_with_siblings += u64::from(told.versions.len() > 1);
        let deleted = |version: &super::told::Version| version.value == ValueDigest::TOMBSTONE;
        let is_deletion_beside = told.versions.len() > 1 && told.versions.iter().any(deleted);
        self.seen.deletions_in_conflict += u64::from(is_deletion_beside);
        let collapsed = told.versions.iter().filter(|version| version.names.len() > 1);
        self.seen.collapsed_retries += collapsed.count() as u64;
        if self.is_observed(at) {
            return self.siblings.entry(&self.known, at, key, told);
        }
        self.outside.versions(&mut self.known, at, &told.versions)?;
        sibling_exactness::as_clients_sent(&self.known, at, key, told)?;
        let moment = (self.seen.lines, self.is_read_back());
        self.outside.entry(&self.known, (operation, key), told, moment)
    }

    fn nothing(&mut self, (operation, key): (Operation, KeyId)) -> Verdict {
        self.seen.reads += 1;
        self.seen.reads_of_nothing += 1;
        match self.is_observed(operation.station) {
            true => sibling_exactness::nothing(&self.known, operation.station, key),
            false => self.outside.nothing(&self.known, (operation, key), self.is_read_back()),
        }
    }

    fn status(&mut self, operation: Operation, told: &Status) -> Verdict {
        let at = operation.station;
        if !self.is_observed(at) {
            return self.outside.status(&self.known, operation, told);
        }
        clocks::status(&self.known, at, told)?;
        sibling_exactness::conflicts_count(&self.known, at, told.conflicts)
    }

    pub(super) fn judge_whole(&mut self) -> Verdict {
        self.clocks.end(&self.known)?;
        self.count_unknown();
        self.seen.lost_from_all_disks =
            self.known.writes().filter(|(_, write)| write.was_lost).count() as u64;
        if self.liveness.phase == Some(Phase::ReadBack) {
            self.seen.excused = no_lost_update::read_back(&self.known)?;
        }
        Ok(())
    }

    /// What became of the requests whose clients never learned it.
    fn count_unknown(&mut self) {
        for request in self.known.requests() {
            let is_unknown =
                request.asks.iter().all(|ask| matches!(ask.ending, Ending::Unknown | Ending::Open));
            let is_applied = request.writes.iter().any(|write| self.known.write(*write).was_shown);
            self.seen.unknown_applied += u64::from(is_unknown && is_applied);
            self.seen.unknown_not_applied += u64::from(is_unknown && !is_applied);
        }
    }
}
