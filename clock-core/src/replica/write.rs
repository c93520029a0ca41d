//! A client's writes: validate, find retries, make sure that nothing can fail any more, and only then mint.
//!
//! A single write is a batch of one. A batch is refused as a whole: everything that can be wrong with any of its writes
//! is found before the first is appended. No reply and no send here: those wait for the disk (rule 1).

use std::collections::BTreeSet;

use super::asker::Asker;
use super::behind::RETRY_AFTER_MS;
use super::conflict::ConflictId;
use super::ledger::Staged;
use super::requests::{Asked, Progress};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::event::{Body, BodyKind, CONTEXT_DOTS_MAX};
use crate::id::{Dot, Key, RequestId};
use crate::record;
use crate::wire::{Change, Choice, RequestError, Write, WriteContext};

/// A write whose value is valid.
pub(super) struct Proposed {
    pub(super) key: Key,
    pub(super) body: Body,
    pub(super) context: WriteContext,
    pub(super) request: RequestId,
}

/// Which write of a batch was refused, and why.
pub(super) struct Refused {
    /// None: it was the batch as a whole.
    pub(super) index: Option<usize>,
    pub(super) error: RequestError,
}

impl Refused {
    fn at(index: usize) -> impl FnOnce(RequestError) -> Self {
        move |error| Self { index: Some(index), error }
    }
}

impl Proposed {
    fn of(write: Write) -> Result<Self, RequestError> {
        let Write { key, change, context, request } = write;
        let body = match change {
            Change::Put { kind, value } => validated(kind, &value)?,
            Change::Delete => Body::TOMBSTONE,
        };
        Ok(Self { key, body, context, request })
    }
}

impl Replica {
    pub(super) fn write(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        write: Write,
    ) -> Result<(), RequestError> {
        let proposed = Proposed::of(write)?;
        self.propose(step, vec![asker], vec![proposed]).map_err(|refused| refused.error)
    }

    /// All writes of the batch or none.
    pub(super) fn batch(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        writes: Vec<Write>,
    ) -> Result<(), Refused> {
        let mut proposed = Vec::with_capacity(writes.len());
        for (index, write) in writes.into_iter().enumerate() {
            proposed.push(Proposed::of(write).map_err(Refused::at(index))?);
        }
        let askers = self.batches.open(asker, proposed.len());
        let number = askers.first().copied();
        let made = self.propose(step, askers, proposed);
        if made.is_err() {
            number.into_iter().for_each(|asker| self.batches.abandon(asker));
        }
        made
    }

    /// Resolving is a write whose context is all siblings of the conflict: it replicates, and can itself conflict.
    pub(super) fn resolve(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        conflict: ConflictId,
        choice: Choice,
        request: RequestId,
    ) -> Result<(), RequestError> {
        let (body, taken) = match choice {
            Choice::Take(dot) => (None, Some(dot)),
            Choice::Value { kind, value } => (Some(validated(kind, &value)?), None),
            Choice::Delete => (Some(Body::TOMBSTONE), None),
        };
        let asked = Asked::Resolve { conflict, body: body.as_ref(), taken: taken.as_ref() };
        if self.is_known(request, &asked)? {
            return self.receipt_of(step, asker, request);
        }
        let key = self.catalog.key_of(conflict).ok_or(RequestError::UnknownConflict(conflict))?.clone();
        let entry = self.catalog.entry(&key).ok_or(RequestError::UnknownConflict(conflict))?;
        let body = match (body, taken) {
            (Some(body), _) => body,
            (None, taken) => {
                let dot = taken.ok_or(RequestError::UnknownConflict(conflict))?;
                let version = entry.versions.iter().find(|version| version.dots().any(|name| *name == dot));
                let version = version.ok_or(RequestError::NotASibling { dot, conflict })?;
                version.written().event.body.clone()
            }
        };
        let context = WriteContext::Exactly(entry.dots().cloned().collect());
        let proposed = Proposed { key, body, context, request };
        self.propose(step, vec![asker], vec![proposed]).map_err(|refused| refused.error)
    }

    /// What became of a write: known at once, or awaited.
    pub(super) fn receipt_of(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        request: RequestId,
    ) -> Result<(), RequestError> {
        if self.requests.progress(request).is_none() {
            return Err(RequestError::UnknownRequest(request));
        }
        self.check_waiting(1)?;
        self.answer_known(step, asker, request);
        Ok(())
    }

    fn propose(
        &mut self,
        step: &mut Step<'_>,
        askers: Vec<Asker>,
        writes: Vec<Proposed>,
    ) -> Result<(), Refused> {
        let mut known = Vec::with_capacity(writes.len());
        for (index, write) in writes.iter().enumerate() {
            let is_known = self.acceptable(write, &writes[..index]);
            match is_known {
                Ok(is_known) => known.push(is_known),
                Err(_) if index > 0 && planted(Bug::BatchHalfMade) => break,
                Err(error) => return Err(Refused { index: Some(index), error }),
            }
        }
        let (retries, new): (Vec<_>, Vec<_>) =
            askers.into_iter().zip(writes).enumerate().zip(known).partition(|(_, is_known)| *is_known);
        self.check_waiting(retries.len()).map_err(|error| Refused { index: None, error })?;
        let stamps = self.make_room(step.now, new.len()).map_err(|error| Refused { index: None, error })?;
        // First: what is minted takes the place of the oldest requests that are remembered.
        for ((_, (asker, write)), _) in retries {
            self.answer_known(step, asker, write.request);
        }
        for (((index, (asker, write)), _), stamp) in new.into_iter().zip(stamps) {
            let context = self.context_dots(&write.key, &write.context);
            self.mint(step, asker, (write, context), stamp).map_err(Refused::at(index))?;
        }
        Ok(())
    }

    /// Whether the write is a retry of one that is known, or else everything that can be wrong with it.
    fn acceptable(&self, write: &Proposed, before: &[Proposed]) -> Result<bool, RequestError> {
        let Proposed { key, body, context, request } = write;
        if before.iter().any(|earlier| earlier.request == *request) {
            return Err(RequestError::RequestTwiceInBatch(*request));
        }
        if self.is_known(*request, &Asked::Put { key, body })? {
            return Ok(true);
        }
        if let WriteContext::Exactly(dots) = context {
            let unread = |dot: &&Dot| !self.ledger.visible().covers(dot);
            if let Some(ahead) = dots.iter().find(unread).filter(|_| !planted(Bug::ContextAheadAccepted)) {
                return Err(RequestError::ContextAhead(ahead.clone()));
            }
        }
        let in_batch = before.iter().filter(|earlier| earlier.key == *key).count();
        let dots = self.context_dots(key, context);
        let has_nothing = dots.is_empty() && in_batch == 0 && *context == WriteContext::StationView;
        if body.is_tombstone() && has_nothing {
            return Err(RequestError::UnknownKey(key.clone()));
        }
        let view = self.everything_of(key);
        let reads_batch = if *context == WriteContext::StationView { in_batch } else { 0 };
        let before = view.len() + in_batch;
        let read = dots.iter().filter(|dot| view.contains(*dot)).count() + reads_batch;
        // A write beside too many versions would make a conflict that no single write can end. One that makes them
        // fewer is welcome, however many there are.
        if before - read + 1 > CONTEXT_DOTS_MAX && read <= 1 {
            return Err(too_many(before));
        }
        if dots.len() + reads_batch > CONTEXT_DOTS_MAX {
            return Err(too_many(dots.len() + reads_batch));
        }
        Ok(false)
    }

    /// Whether this very write was made already (rule 9).
    fn is_known(&self, request: RequestId, asked: &Asked<'_>) -> Result<bool, RequestError> {
        let Some((dot, progress)) = self.requests.progress(request) else { return Ok(false) };
        if planted(Bug::ForeignRequestsForgotten) && dot.replica.node != self.config.station {
            return Ok(false);
        }
        if !self.requests.is_same(request, asked) && !planted(Bug::ReusedRequestAnswered) {
            return Err(RequestError::RequestReused { request, dot: dot.clone() });
        }
        Ok(!(matches!(progress, Progress::Staged) && planted(Bug::RetryInFlightIsNew)))
    }

    /// Gives the answer that a known write had, or waits for the same commit.
    fn answer_known(&mut self, step: &mut Step<'_>, asker: Asker, request: RequestId) {
        match self.requests.progress(request) {
            Some((_, Progress::Written(lsn, receipt))) => {
                let (lsn, receipt) = (*lsn, receipt.as_ref().clone());
                self.await_copies(step, asker, lsn, &receipt);
            }
            Some((dot, Progress::Staged)) => {
                let dot = dot.clone();
                self.ledger.staged_mut(&dot).into_iter().for_each(|staged| staged.waiters.push(asker));
            }
            None => {}
        }
    }

    /// Refused while nothing is appended: too much waits for the disk, or for copies.
    pub(super) fn check_load(&self, writes: usize) -> Result<(), RequestError> {
        let limits = &self.config.limits;
        if self.ledger.staged().count() + writes <= limits.staged.max(writes) || planted(Bug::NeverBusy) {
            return self.check_waiting(writes);
        }
        Err(busy("writes on their way to the disk"))
    }

    /// Refused while nothing is done: too many wait for a receipt.
    fn check_waiting(&self, more: usize) -> Result<(), RequestError> {
        let waiting = self.copies.waiting() + self.ledger.waiters();
        if waiting + more <= self.config.limits.awaited.max(more) || planted(Bug::NeverBusy) {
            return Ok(());
        }
        Err(busy("clients that wait for receipts"))
    }

    fn context_dots(&self, key: &Key, context: &WriteContext) -> BTreeSet<Dot> {
        match context {
            WriteContext::Blind if planted(Bug::BlindSeesAll) => self.station_view(key),
            WriteContext::Blind => BTreeSet::new(),
            WriteContext::StationView => self.station_view(key),
            WriteContext::Exactly(dots) => {
                let widened = planted(Bug::ExactContextWidened).then(|| self.station_view(key));
                dots.iter().cloned().chain(widened.into_iter().flatten()).collect()
            }
        }
    }

    /// What this station knows of the key: the visible versions, and its own writes on their way to the disk,
    /// which become durable no later than a write that follows them.
    fn station_view(&self, key: &Key) -> BTreeSet<Dot> {
        if planted(Bug::OwnStagedNotSeen) {
            return self.catalog.entry(key).into_iter().flat_map(|entry| entry.dots().cloned()).collect();
        }
        self.everything_of(key)
    }

    /// The visible versions of a key, and this station's own writes of it that will stand beside them or take their
    /// place.
    fn everything_of(&self, key: &Key) -> BTreeSet<Dot> {
        let visible = self.catalog.entry(key).into_iter().flat_map(|entry| entry.dots().cloned());
        let staged = self.own_staged().filter(|staged| staged.event.key == *key);
        let mut view: BTreeSet<Dot> = visible.collect();
        for staged in staged {
            view.retain(|dot| staged.event.context.binary_search(dot).is_err());
            view.insert(staged.event.dot.clone());
        }
        view
    }

    /// This process's own writes on their way to the disk. An event of this station that it had lost, and was sent
    /// again, is like any other station's: nobody here has seen it before it is visible.
    pub(super) fn own_staged(&self) -> impl Iterator<Item = &Staged> {
        self.ledger.staged().filter(|staged| {
            let is_own = staged.event.dot.replica.node == self.config.station;
            staged.is_minted_here || (is_own && planted(Bug::RefetchedSeen))
        })
    }
}

pub(super) fn busy(what: &str) -> RequestError {
    RequestError::Busy { what: what.to_owned(), retry_after_ms: RETRY_AFTER_MS }
}

fn too_many(siblings: usize) -> RequestError {
    RequestError::TooManySiblings(u32::try_from(siblings).unwrap_or(u32::MAX))
}

fn validated(kind: BodyKind, value: &bytes::Bytes) -> Result<Body, RequestError> {
    record::validate(kind, value).map_err(|error| RequestError::InvalidValue(error.to_string()))
}
