//! What a connection does as a whole: resets and injections on command, closes and aborts by a rule, and the events
//! and triggers that it hands over.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tracing::warn;

use super::turn::Moved;
use super::{Connection, Over};
use crate::directory::FlowId;
use crate::lane::Demise;
use crate::rule::{Action, TriggerId};

/// When to tell of a trigger again, if the director has not had time for the last ones.
const RETRY: Duration = Duration::from_millis(1);

/// The trigger that was told of last, and when to try again if it could not be.
#[derive(Debug, Default)]
pub(super) struct Notice {
    told: Option<TriggerId>,
    retry_at: Option<Instant>,
}

impl Connection {
    /// Carries out what the configuration asks for once. To be called when it is taken, and not with the one that the
    /// connection was born with.
    pub(super) fn carry_out(&mut self) {
        let (now, config) = (Instant::now(), Arc::clone(&self.config));
        for action in &config.actions {
            match action {
                Action::Reset { flows, connection } => {
                    let [forward, backward] = self.meant(flows, *connection);
                    if forward || backward {
                        let lane = if forward { &mut self.forward } else { &mut self.backward };
                        lane.abort_now(now);
                    }
                }
                Action::Inject { flows, connection, bytes } => {
                    let [forward, backward] = self.meant(flows, *connection);
                    if forward {
                        self.forward.inject(bytes.clone(), now);
                    }
                    if backward {
                        self.backward.inject(bytes.clone(), now);
                    }
                }
            }
        }
    }

    /// Both lanes take the rules in force. A rule may end the connection at once.
    pub(super) fn adopt_rules(&mut self) {
        let now = Instant::now();
        let (seed, config) = (self.config.seed, Arc::clone(&self.config));
        let is_connected = self.far.is_some();
        let terms =
            |flow, is_connected| crate::schedule::Terms { seed, policy: config.policy(flow), is_connected };
        self.forward.adopt(terms(self.forward_flow, is_connected), now);
        self.backward.adopt(terms(self.backward_flow, true), now);
    }

    /// Does what has become of the lanes, and hands over what they have noted.
    ///
    /// Answers whether another turn may move something that this one could not: a socket that was not asked does not
    /// wake anybody.
    pub(super) fn after_turn(&mut self) -> Result<Moved, Over> {
        if self.forward.is_silent() && self.backward.is_silent() && self.hand_over.is_idle() {
            return Ok(Moved::Nothing);
        }
        let now = Instant::now();
        let mut moved = Moved::Nothing;
        let demise = self.forward.demise().max(self.backward.demise());
        let are_open = self.forward.is_open() && self.backward.is_open();
        match demise {
            // The far side may have accepted already, and only a socket that is there can be aborted.
            Some(Demise::AbortNow) if self.is_connecting() => {}
            Some(Demise::AbortNow) => {
                self.abort();
                return Err(Over);
            }
            Some(Demise::Abort) if are_open => {
                self.abort();
                return Err(Over);
            }
            // There is nobody at the far side who could be told.
            Some(Demise::Close) if self.far.is_none() => return Err(Over),
            Some(Demise::Close) => {
                self.forward.close(now);
                self.backward.close(now);
                moved = Moved::Some;
            }
            Some(Demise::Abort) | None => {}
        }
        if self.hand_over.flush(now, [self.forward.scribe(), self.backward.scribe()]) {
            moved = Moved::Some;
        }
        self.tell_trigger(now);
        Ok(moved)
    }

    /// When to do that again, if nothing else happens.
    pub(super) fn actions_deadline(&self) -> Option<Instant> {
        [self.hand_over.next_deadline(), self.notice.retry_at].into_iter().flatten().min()
    }

    fn tell_trigger(&mut self, now: Instant) {
        let Some(id) = self.forward.fired().or_else(|| self.backward.fired()) else { return };
        if self.notice.told == Some(id) {
            return;
        }
        self.notice.retry_at = None;
        match self.triggers.try_send(id) {
            Err(TrySendError::Full(_)) => self.notice.retry_at = Some(now + RETRY),
            // Closed: the proxy is going down.
            Ok(()) | Err(TrySendError::Closed(_)) => self.notice.told = Some(id),
        }
    }

    /// Whether the forward and the backward lane are meant.
    fn meant(&self, flows: &[FlowId], connection: Option<u64>) -> [bool; 2] {
        let is_mine = connection.is_none_or(|ordinal| ordinal == self.ordinal);
        [self.forward_flow, self.backward_flow].map(|flow| is_mine && flows.contains(&flow))
    }

    /// Both peers get an RST when the sockets are dropped, which has to come next.
    fn abort(&self) {
        for stream in std::iter::once(&self.near).chain(&self.far) {
            reset_on_drop(stream);
        }
    }
}

fn reset_on_drop(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        warn!(%error, "an abort is passed on as a close");
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let lanes = [self.forward.scribe(), self.backward.scribe()];
        self.hand_over.flush_rest(lanes);
    }
}
