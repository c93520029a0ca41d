//! One relayed connection: two sockets, two lanes, one task.
//!
//! The task never waits for anything but [`wait`](Connection::wait), and there it waits for everything at once,
//! a new configuration first. So a peer that does not read, or a dial that hangs, cannot keep a rule from
//! taking effect: the old configuration is let go before the next byte moves.
//!
//! The far side is dialled only while the forward flow is open, since a SYN is a packet too. A client that
//! gives up before is forgotten, as if its SYN had never arrived: one that aborts, or that ends without having
//! said anything. One that said something and then FIN may wait for the answer, so it is kept. A refused dial
//! is an abort that comes from the far side: it reaches the client by the backward lane, under that flow's
//! rules.

mod actions;
mod dial;
mod pump;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::directory::{FlowId, NodeId};
use crate::journal::HandOver;
use crate::lane::Lane;
use crate::rule::{Config, TriggerId};
use crate::schedule::Terms;
use actions::Alarm;
use dial::{Dial, Settling, watch};
use pump::Moved;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The dial waits for the flow to be opened.
    Postponed,
    Dialling,
    Open,
    /// The dial failed, and the client has not been told yet.
    Refused,
}

impl Phase {
    const ALL: [Phase; 4] = [Phase::Postponed, Phase::Dialling, Phase::Open, Phase::Refused];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Postponed => "postponed",
            Phase::Dialling => "dialling",
            Phase::Open => "open",
            Phase::Refused => "refused",
        }
    }
}

/// A connection's phase, readable by others.
#[derive(Debug, Default)]
pub(crate) struct PhaseCell(AtomicU8);

impl PhaseCell {
    pub(crate) fn load(&self) -> Phase {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        Phase::ALL.get(index).copied().unwrap_or(Phase::Open)
    }

    fn store(&self, phase: Phase) {
        let index = Phase::ALL.iter().position(|known| *known == phase);
        self.0.store(index.and_then(|index| u8::try_from(index).ok()).unwrap_or(0), Ordering::Relaxed);
    }
}

/// What a connection is made of.
pub(crate) struct Parts {
    /// `a->b#3`, for the log.
    pub(crate) name: String,
    /// The accepted socket.
    pub(crate) near: TcpStream,
    /// The node to dial.
    pub(crate) to: NodeId,
    pub(crate) forward: (FlowId, Lane),
    pub(crate) backward: (FlowId, Lane),
    pub(crate) configs: watch::Receiver<Arc<Config>>,
    pub(crate) phase: Arc<PhaseCell>,
    /// Its number on its link.
    pub(crate) ordinal: u64,
    pub(crate) hand_over: HandOver,
    /// Where to tell of a trigger that a lane has met.
    pub(crate) triggers: mpsc::Sender<TriggerId>,
}

pub(crate) struct Connection {
    name: String,
    ordinal: u64,
    hand_over: HandOver,
    triggers: mpsc::Sender<TriggerId>,
    alarm: Alarm,
    near: TcpStream,
    far: Option<TcpStream>,
    dial: Dial,
    settling: Option<Settling>,
    /// The client has sent what may not be read yet.
    has_unread: bool,
    to: NodeId,
    forward_flow: FlowId,
    forward: Lane,
    backward_flow: FlowId,
    backward: Lane,
    config: Arc<Config>,
    configs: watch::Receiver<Arc<Config>>,
    phase: Arc<PhaseCell>,
}

/// Nothing more can happen on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Over;

impl Connection {
    pub(crate) fn new(parts: Parts) -> Self {
        let mut configs = parts.configs;
        let config = Arc::clone(&configs.borrow_and_update());
        let mut connection = Self {
            name: parts.name,
            ordinal: parts.ordinal,
            hand_over: parts.hand_over,
            triggers: parts.triggers,
            alarm: Alarm::default(),
            near: parts.near,
            far: None,
            dial: Dial::Postponed,
            settling: None,
            has_unread: false,
            to: parts.to,
            forward_flow: parts.forward.0,
            forward: parts.forward.1,
            backward_flow: parts.backward.0,
            backward: parts.backward.1,
            config,
            configs,
            phase: parts.phase,
        };
        connection.adopt_rules();
        connection
    }

    /// Relays until both directions have ended, one was aborted, or the proxy is going down.
    pub(crate) async fn run(mut self) {
        loop {
            // Before the dial: a client that left during a cut must not be dialled for when it heals.
            if self.has_been_given_up() {
                return;
            }
            self.steer_dial();
            let moved = self.pump().await;
            if self.after_turn().is_err() {
                return;
            }
            match moved {
                Err(Over) => return,
                // A busy connection must not keep its worker from the others, nor from the news.
                Ok(Moved::Some) => tokio::task::coop::consume_budget().await,
                Ok(Moved::Nothing) => {
                    if self.wait().await == Err(Over) {
                        return;
                    }
                }
            }
            if self.adopt_config().is_err() {
                return;
            }
        }
    }

    /// Takes the newest configuration. Letting go of the old one is the acknowledgement, so nothing may act on it
    /// any more: only a dial does, see [`Connection::on_flow_cut`].
    fn adopt_config(&mut self) -> Result<(), Over> {
        if !self.configs.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let config = Arc::clone(&self.configs.borrow_and_update());
        let previous = std::mem::replace(&mut self.config, Arc::clone(&config));
        self.adopt_rules();
        self.carry_out(&config)?;
        if self.forward.is_open() {
            self.settling = None;
        } else {
            self.on_flow_cut(previous);
        }
        Ok(())
    }

    fn forward_terms(&self) -> Terms<'_> {
        let policy = self.config.policy(self.forward_flow);
        Terms { seed: self.config.seed, policy, is_connected: self.far.is_some() }
    }

    fn backward_terms(&self) -> Terms<'_> {
        let policy = self.config.policy(self.backward_flow);
        Terms { seed: self.config.seed, policy, is_connected: true }
    }

    /// Waits until anything can change.
    async fn wait(&mut self) -> Result<(), Over> {
        self.forward.rest();
        self.backward.rest();
        let (forward, backward) = (self.forward_terms(), self.backward_terms());
        let is_read = self.forward.appetite(forward) > 0;
        let near_interest = interest(is_read, self.backward.wants_write(backward));
        let far_interest = interest(self.backward.appetite(backward) > 0, self.forward.wants_write(forward));
        let lanes = [self.forward.next_deadline(forward), self.backward.next_deadline(backward)];
        let deadline =
            lanes.into_iter().chain([self.settle_deadline(), self.actions_deadline()]).flatten().min();
        let vigil = self.vigil();
        self.has_unread &= !is_read;
        // Every branch is cancel-safe. News come first: a busy socket must not delay a cut.
        tokio::select! {
            biased;
            changed = self.configs.changed() => {
                changed.map_err(|_| Over)?;
                // Waiting for the news has marked it as seen, and it is not taken before `adopt_config`.
                self.configs.mark_changed();
            }
            dialled = self.dial.step() => self.on_dialled(dialled),
            noticed = watch(&self.near, vigil) => self.on_noticed(noticed),
            () = ready(Some(&self.near), near_interest) => {}
            () = ready(self.far.as_ref(), far_interest) => {}
            () = until(deadline) => {}
        }
        Ok(())
    }
}

fn interest(wants_read: bool, wants_write: bool) -> Option<Interest> {
    match (wants_read, wants_write) {
        (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    }
}

/// Ends when the socket may be ready. An error ends it too: the next read or write will tell which.
async fn ready(stream: Option<&TcpStream>, interest: Option<Interest>) {
    match (stream, interest) {
        (Some(stream), Some(interest)) => drop(stream.ready(interest).await),
        _ => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
