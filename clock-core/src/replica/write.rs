//! A client's write: validate, tick, mint, append. No reply and no send here: those wait for the disk (rule 1).

use std::collections::BTreeSet;

use super::conflict::ConflictId;
use super::effect::{Effect, LogRecord};
use super::input::Ticket;
use super::ledger::Staged;
use super::requests::{Asked, Progress};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::clocks::MAX_COUNTER;
use crate::event::{Body, BodyKind, CONTEXT_DOTS_MAX, WriteEvent};
use crate::id::{Dot, Key, RequestId};
use crate::record;
use crate::wire::{Choice, EncodedEvent, RequestError, Response, WriteContext};

/// A write that has been checked and lacks nothing but its dot.
struct Accepted {
    key: Key,
    body: Body,
    context: BTreeSet<Dot>,
    request: RequestId,
}

/// What a conflict is to end with, validated.
enum Chosen {
    Sibling(Dot),
    Value(Body),
}

impl Chosen {
    fn of(choice: Choice) -> Result<Self, RequestError> {
        match choice {
            Choice::Take(dot) => Ok(Self::Sibling(dot)),
            Choice::Value { kind, value } => validated(kind, &value).map(Self::Value),
        }
    }
}

impl Replica {
    pub(super) fn put(
        &mut self,
        step: &mut Step<'_>,
        ticket: Ticket,
        (key, context, request): (Key, WriteContext, RequestId),
        (kind, value): (BodyKind, bytes::Bytes),
    ) -> Result<(), RequestError> {
        let body = validated(kind, &value)?;
        if self.answer_retry(step, ticket, request, &Asked::Put { key: &key, body: &body })? {
            return Ok(());
        }
        let context = self.context_dots(&key, &context)?;
        self.mint(step, ticket, Accepted { key, body, context, request })
    }

    /// Resolving is a write whose context is all siblings of the conflict: it replicates, and can itself conflict.
    pub(super) fn resolve(
        &mut self,
        step: &mut Step<'_>,
        ticket: Ticket,
        conflict: ConflictId,
        choice: Choice,
        request: RequestId,
    ) -> Result<(), RequestError> {
        let choice = Chosen::of(choice)?;
        let asked = match &choice {
            Chosen::Sibling(dot) => Asked::Resolve { conflict, body: None, taken: Some(dot) },
            Chosen::Value(body) => Asked::Resolve { conflict, body: Some(body), taken: None },
        };
        if self.answer_retry(step, ticket, request, &asked)? {
            return Ok(());
        }
        let key = self.catalog.key_of(conflict).ok_or(RequestError::UnknownConflict(conflict))?.clone();
        let entry = self.catalog.entry(&key).ok_or(RequestError::UnknownConflict(conflict))?;
        let body = match choice {
            Chosen::Value(body) => body,
            Chosen::Sibling(dot) => {
                let taken = entry.versions.iter().find(|version| version.dots().any(|name| *name == dot));
                let taken = taken.ok_or(RequestError::NotASibling { dot, conflict })?;
                taken.written().event.body.clone()
            }
        };
        let context = entry.dots().cloned().collect();
        self.mint(step, ticket, Accepted { key, body, context, request })
    }

    /// A request id that is known gets the answer it had, or has its ticket wait for the same commit (rule 9).
    fn answer_retry(
        &mut self,
        step: &mut Step<'_>,
        ticket: Ticket,
        request: RequestId,
        asked: &Asked<'_>,
    ) -> Result<bool, RequestError> {
        let Some((dot, progress)) = self.requests.progress(request) else { return Ok(false) };
        if planted(Bug::ForeignRequestsForgotten) && dot.replica.node != self.config.station {
            return Ok(false);
        }
        if !self.requests.is_same(request, asked) && !planted(Bug::ReusedRequestAnswered) {
            return Err(RequestError::RequestReused { request, dot: dot.clone() });
        }
        match progress {
            Progress::Written(receipt) => {
                let response = Response::Written(receipt.as_ref().clone());
                step.push(Effect::Reply { ticket, response });
            }
            Progress::Staged if planted(Bug::RetryInFlightIsNew) => return Ok(false),
            Progress::Staged => {
                let dot = dot.clone();
                self.ledger.staged_mut(&dot).into_iter().for_each(|staged| staged.waiters.push(ticket));
            }
        }
        Ok(true)
    }

    fn context_dots(&self, key: &Key, context: &WriteContext) -> Result<BTreeSet<Dot>, RequestError> {
        let dots = match context {
            WriteContext::Blind if planted(Bug::BlindSeesAll) => self.station_view(key),
            WriteContext::Blind => BTreeSet::new(),
            WriteContext::StationView => self.station_view(key),
            WriteContext::Exactly(dots) => {
                let ahead_is_fine = planted(Bug::ContextAheadAccepted);
                let unread = |dot: &&Dot| !ahead_is_fine && !self.ledger.visible().covers(dot);
                if let Some(ahead) = dots.iter().find(unread) {
                    return Err(RequestError::ContextAhead(ahead.clone()));
                }
                let widened = planted(Bug::ExactContextWidened).then(|| self.station_view(key));
                dots.iter().cloned().chain(widened.into_iter().flatten()).collect()
            }
        };
        let siblings = self.catalog.entry(key).map_or(0, |entry| entry.dots().count());
        // A write beside too many versions would make a conflict that no single write can end.
        if siblings.saturating_sub(dots.len()) >= CONTEXT_DOTS_MAX {
            return Err(too_many(siblings));
        }
        Ok(dots)
    }

    /// What this station knows of the key: the visible versions, and its own writes on their way to the disk,
    /// which become durable no later than a write that follows them.
    fn station_view(&self, key: &Key) -> BTreeSet<Dot> {
        let mut view: BTreeSet<Dot> =
            self.catalog.entry(key).into_iter().flat_map(|entry| entry.dots().cloned()).collect();
        if planted(Bug::OwnStagedNotSeen) {
            return view;
        }
        for staged in self.own_staged().filter(|staged| staged.event.key == *key) {
            view.retain(|dot| staged.event.context.binary_search(dot).is_err());
            view.insert(staged.event.dot.clone());
        }
        view
    }

    /// This process's own writes on their way to the disk. An event of this station that it had lost, and was sent
    /// again, is like any other station's: nobody here has seen it before it is visible.
    fn own_staged(&self) -> impl Iterator<Item = &Staged> {
        self.ledger.staged().filter(|staged| {
            let is_own = staged.event.dot.replica.node == self.config.station;
            staged.is_minted_here || (is_own && planted(Bug::RefetchedSeen))
        })
    }

    fn mint(&mut self, step: &mut Step<'_>, ticket: Ticket, accepted: Accepted) -> Result<(), RequestError> {
        if accepted.context.len() > CONTEXT_DOTS_MAX {
            return Err(too_many(accepted.context.len()));
        }
        self.make_sure_of_incarnation(step);
        let event = self.minted(step, accepted)?;
        let encoded =
            EncodedEvent::encode(&event).map_err(|error| RequestError::InvalidValue(error.to_string()))?;
        let (dot, key) = (event.dot.clone(), event.key.clone());
        self.minted_since_incarnation = true;
        self.requests.staged(&event);
        let lsn = self.ledger.stage(event, encoded.checksum(), None, vec![ticket]);
        step.push(Effect::Append(LogRecord::Event { lsn, dot: dot.clone(), key, event: encoded }));
        if planted(Bug::RefusedAfterAppend) {
            return self.refuse_behind_another(&dot);
        }
        if planted(Bug::AnsweredBeforeSync) {
            self.answer_early(step, &dot);
        }
        if planted(Bug::ShippedBeforeSync) {
            self.pump_all(step);
        }
        Ok(())
    }

    /// Ticks the clocks and names the event. Its past is what this station has made visible, plus its own writes.
    fn minted(&mut self, step: &Step<'_>, accepted: Accepted) -> Result<WriteEvent, RequestError> {
        let exhausted = |clock: &str| RequestError::Exhausted(clock.to_owned());
        let seq = self.ledger.applied().upto(&self.me) + 1;
        if seq > MAX_COUNTER || self.clocks.is_exhausted() {
            return Err(exhausted("counter at 2^63 - 1"));
        }
        if !self.ledger.has_room_for(&self.me) {
            return Err(exhausted("too many incarnations in the cluster"));
        }
        let (lamport, hlc) = self.clocks.tick(step.now).map_err(|error| exhausted(&error))?;
        let mut past = match planted(Bug::PastIncludesUnshown) {
            true => self.ledger.applied().clone(),
            false => self.ledger.visible().clone(),
        };
        self.own_staged().for_each(|staged| past.raise(&staged.event.dot.replica, staged.event.dot.seq));
        let mut delta = past.delta_from(&self.ledger.delta_base(&self.me));
        delta.retain(|(replica, _)| *replica != self.me && !planted(Bug::DeltaLeftOut));
        let Accepted { key, body, context, request } = accepted;
        Ok(WriteEvent {
            dot: Dot { replica: self.me.clone(), seq },
            lamport,
            hlc,
            wall_ms: step.now.wall_ms,
            delta,
            context: context.into_iter().collect(),
            key,
            request,
            body,
        })
    }
}

fn too_many(siblings: usize) -> RequestError {
    RequestError::TooManySiblings(u32::try_from(siblings).unwrap_or(u32::MAX))
}

fn validated(kind: BodyKind, value: &bytes::Bytes) -> Result<Body, RequestError> {
    record::validate(kind, value).map_err(|error| RequestError::InvalidValue(error.to_string()))
}
