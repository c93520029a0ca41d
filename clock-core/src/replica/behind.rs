//! Requests of sessions that have seen more than this station shows: they wait for it to catch up.
//!
//! A session's token is the join of what its client was told. A station that answers only once it shows all of that
//! keeps the four session guarantees wherever the client roams: it reads its own writes, reads and writes in order, and
//! its writes follow what it has read.
//!
//! Source: Terry et al., *Session Guarantees for Weakly Consistent Replicated Data*, PDIS 1994, section 4, with one
//! vector for reads and writes.

use std::collections::VecDeque;

use super::asker::Asker;
use super::input::{Mono, SessionId};
use super::write::busy;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::Dot;
use crate::versions::VersionVector;
use crate::wire::{Request, RequestError, Response};

/// How long a client is told to leave a busy station alone.
pub(super) const RETRY_AFTER_MS: u32 = 50;

/// Requests that wait, in the order in which they came.
#[derive(Debug, Default, Clone)]
pub(super) struct Behind {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug, Clone)]
struct Waiting {
    asker: Asker,
    token: VersionVector,
    request: Request,
}

impl Behind {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether one more has no room; one session never takes more than a quarter of it.
    fn is_full(&self, asker: Asker, limit: usize) -> bool {
        let session = asker.ticket().map(|ticket| ticket.session);
        let is_own = |waiting: &&Waiting| waiting.asker.ticket().map(|ticket| ticket.session) == session;
        let own = self.waiting.iter().filter(is_own).count();
        self.len() >= limit || own >= (limit / 4).max(2)
    }

    /// When the first of them has waited long enough.
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.waiting.iter().map(|waiting| waiting.asker.deadline()).min()
    }

    /// Nobody waits there any more.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.waiting.retain(|waiting| waiting.asker.ticket().is_none_or(|ticket| ticket.session != session));
    }

    fn take(&mut self, is_due: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let (due, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(is_due);
        self.waiting = waiting;
        Vec::from(due)
    }
}

impl Replica {
    /// Serves a request now, or when this station shows everything that its session has seen.
    pub(super) fn serve_session(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        token: Option<VersionVector>,
        request: Request,
    ) {
        let is_ignored = planted(Bug::TokenIgnored);
        match token.filter(|token| !self.ledger.visible().contains(token) && !is_ignored) {
            None => self.serve(step, asker, request),
            // A watcher says itself what it has seen, and is told the rest.
            Some(_) if matches!(request, Request::Watch { .. }) => self.serve(step, asker, request),
            Some(_) if self.behind.is_full(asker, self.config.limits.waiting) => {
                self.refuse(step, asker, busy("requests that wait for what their session has seen"));
            }
            Some(token) => self.behind.waiting.push_back(Waiting { asker, token, request }),
        }
    }

    /// More is visible: serves whoever waited for it.
    pub(super) fn serve_caught_up(&mut self, step: &mut Step<'_>) {
        let visible = self.ledger.visible().clone();
        for Waiting { asker, request, .. } in self.behind.take(|waiting| visible.contains(&waiting.token)) {
            self.serve(step, asker, request);
        }
    }

    /// Tells whoever has waited long enough what is missing.
    pub(super) fn refuse_behind(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        for Waiting { asker, token, request } in self.behind.take(|waiting| waiting.asker.deadline() <= now) {
            let Some(missing) = first_missing(self.ledger.visible(), &token) else { continue };
            if planted(Bug::ServedBehind) {
                self.serve(step, asker, request);
                continue;
            }
            let events = token.events_beyond(self.ledger.visible());
            self.reply(step, asker, Response::Refused(RequestError::Behind { missing, events }));
        }
    }
}

/// The first event that is in the token and not visible.
pub(super) fn first_missing(visible: &VersionVector, token: &VersionVector) -> Option<Dot> {
    let (replica, _) = token.delta_from(visible).into_iter().next()?;
    let seq = visible.upto(&replica) + 1;
    Some(Dot { replica, seq })
}
