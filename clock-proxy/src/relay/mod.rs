//! One relayed connection: two sockets, two lanes, one task.
//!
//! The task waits for everything at once, and looks for a new configuration first. So a peer that does not read, or
//! a dial that hangs, cannot keep a rule from taking effect: the old configuration is let go before the next byte
//! moves. There are two phases. Until the far side is dialled little moves and much can happen, so this is a
//! `select!`; from then on little can happen and much moves, so this is one hand-written poll.
//!
//! The far side is dialled only while the forward flow is open, since a SYN is a packet too. A client that
//! gives up before is forgotten, as if its SYN had never arrived: one that aborts, or that ends without having
//! said anything. One that said something and then FIN may wait for the answer, so it is kept. A refused dial
//! is an abort that comes from the far side: it reaches the client by the backward lane, under that flow's
//! rules.

mod actions;
mod dial;
mod turn;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::warn;

use crate::directory::{FlowId, NodeId};
use crate::journal::HandOver;
use crate::lane::Lane;
use crate::rule::{Config, TriggerId};
use crate::schedule::Terms;
use crate::timer::Alarm;
use actions::Notice;
use dial::{Dial, Settling, watch};
use turn::Moved;

/// Reads and writes of one connection before the others of its thread get theirs: 1 MiB each way at most, which
/// takes less than a millisecond.
const TURNS_MAX: usize = 4;

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
    pub(crate) near: std::net::TcpStream,
    /// The node to dial.
    pub(crate) to: NodeId,
    /// In boxes: they are moved often before the first byte passes, and a future has room for every place.
    pub(crate) forward: (FlowId, Box<Lane>),
    pub(crate) backward: (FlowId, Box<Lane>),
    /// What was in force when it was accepted. It holds back the `ok` of a change that comes before its task runs.
    pub(crate) config: Arc<Config>,
    /// Has seen no later one.
    pub(crate) configs: watch::Receiver<Arc<Config>>,
    pub(crate) phase: Arc<PhaseCell>,
    /// Its number on its link.
    pub(crate) ordinal: u64,
    pub(crate) hand_over: HandOver,
    /// Where to tell of a trigger that a lane has met.
    pub(crate) triggers: mpsc::Sender<TriggerId>,
}

struct Connection {
    name: String,
    ordinal: u64,
    hand_over: HandOver,
    triggers: mpsc::Sender<TriggerId>,
    notice: Notice,
    near: TcpStream,
    far: Option<TcpStream>,
    dial: Dial,
    settling: Option<Settling>,
    /// The client has sent what may not be read yet.
    has_unread: bool,
    to: NodeId,
    forward_flow: FlowId,
    forward: Box<Lane>,
    backward_flow: FlowId,
    backward: Box<Lane>,
    config: Arc<Config>,
    configs: watch::Receiver<Arc<Config>>,
    phase: Arc<PhaseCell>,
}

/// Nothing more can happen on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Over;

/// Relays until both directions have ended, one was aborted, or the proxy is going down.
pub(crate) async fn relay(parts: Parts) {
    let name = parts.name.clone();
    match Connection::new(parts) {
        Ok(connection) => connection.run().await,
        Err(error) => warn!(conn = name, %error, "cannot be relayed"),
    }
}

impl Connection {
    fn new(parts: Parts) -> io::Result<Self> {
        let mut connection = Self {
            name: parts.name,
            ordinal: parts.ordinal,
            hand_over: parts.hand_over,
            triggers: parts.triggers,
            notice: Notice::default(),
            near: TcpStream::from_std(parts.near)?,
            far: None,
            dial: Dial::Postponed,
            settling: None,
            has_unread: false,
            to: parts.to,
            forward_flow: parts.forward.0,
            forward: parts.forward.1,
            backward_flow: parts.backward.0,
            backward: parts.backward.1,
            config: parts.config,
            configs: parts.configs,
            phase: parts.phase,
        };
        connection.adopt_rules();
        Ok(connection)
    }

    async fn run(mut self) {
        // In a box, which is gone before the first byte passes: a connection that stays should be small.
        if Box::pin(self.run_to_dialled()).await.is_ok() {
            self.run_dialled().await;
        }
    }

    /// Relays as far as that is possible without a far side, until there is one.
    async fn run_to_dialled(&mut self) -> Result<(), Over> {
        while self.far.is_none() {
            // Before the dial: a client that left during a cut must not be dialled for when it heals.
            if self.has_been_given_up() {
                return Err(Over);
            }
            self.steer_dial();
            // Nobody is woken: what a socket refuses here is waited for below.
            let moved = self.turn(&mut Context::from_waker(Waker::noop()))?;
            match moved.or(self.after_turn()?) {
                // A busy connection must not keep its worker from the others, nor from the news.
                Moved::Some => tokio::task::coop::consume_budget().await,
                Moved::Nothing => self.wait().await?,
            }
            if self.configs.has_changed().unwrap_or(false) {
                let config = Arc::clone(&self.configs.borrow_and_update());
                self.adopt(config)?;
            }
        }
        Ok(())
    }

    /// Relays between both sides.
    async fn run_dialled(&mut self) {
        let mut configs = self.configs.clone();
        let mut alarm = Alarm::default();
        // It may have been aborted while it was dialled.
        if self.after_turn().is_err() {
            return;
        }
        loop {
            let ended = {
                let mut news = pin!(configs.changed());
                poll_fn(|cx| self.poll_relay(cx, news.as_mut(), &mut alarm)).await
            };
            if ended.is_err() {
                return;
            }
            let config = Arc::clone(&configs.borrow_and_update());
            if self.adopt(config).is_err() {
                return;
            }
        }
    }

    /// Moves bytes until there is news, which is taken before the next byte moves, or until it is over.
    fn poll_relay(
        &mut self,
        cx: &mut Context<'_>,
        mut news: Pin<&mut impl Future<Output = Result<(), RecvError>>>,
        alarm: &mut Alarm,
    ) -> Poll<Result<(), Over>> {
        for _ in 0..TURNS_MAX {
            if let Poll::Ready(changed) = news.as_mut().poll(cx) {
                return Poll::Ready(changed.map_err(|_| Over));
            }
            let moved = self.turn(cx)?;
            if moved.or(self.after_turn()?) == Moved::Some {
                continue;
            }
            if alarm.poll(cx, self.next_deadline()).is_pending() {
                self.rest();
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes the newest configuration. Letting go of the old one is the acknowledgement, so nothing may act on it
    /// any more: only a dial does, see [`Connection::on_flow_cut`].
    fn adopt(&mut self, config: Arc<Config>) -> Result<(), Over> {
        let previous = std::mem::replace(&mut self.config, config);
        let unconfirmed = Arc::clone(&previous);
        self.adopt_rules();
        self.carry_out();
        if self.forward.is_open() {
            self.settling = None;
        } else {
            self.on_flow_cut(previous);
        }
        // An abort comes before the next byte, and before the old rules are let go: they go behind the sockets.
        let outcome = self.after_turn();
        if outcome.is_err() {
            self.config = unconfirmed;
        }
        outcome.map(drop)
    }

    fn backward_terms(&self) -> Terms<'_> {
        let policy = self.config.policy(self.backward_flow);
        Terms { seed: self.config.seed, policy, is_connected: true }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let lanes = [self.forward.next_deadline(), self.backward.next_deadline(), self.actions_deadline()];
        lanes.into_iter().flatten().min()
    }

    fn rest(&mut self) {
        self.forward.rest();
        self.backward.rest();
    }

    /// Waits until anything can change while there is no far side.
    async fn wait(&mut self) -> Result<(), Over> {
        self.rest();
        let is_read = self.forward.appetite() > 0;
        let near_interest = interest(is_read, self.backward.wants_write(self.backward_terms()));
        let deadline = self.next_deadline().into_iter().chain(self.settle_deadline()).min();
        let vigil = self.vigil();
        self.has_unread &= !is_read;
        // Every branch is cancel-safe. News come first: a busy socket must not delay a cut.
        tokio::select! {
            biased;
            changed = self.configs.changed() => {
                changed.map_err(|_| Over)?;
                // Waiting for the news has marked it as seen, and it is not taken here.
                self.configs.mark_changed();
            }
            dialled = self.dial.step() => self.on_dialled(dialled),
            noticed = watch(&self.near, vigil) => self.on_noticed(noticed),
            () = ready(&self.near, near_interest) => {}
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
async fn ready(stream: &TcpStream, interest: Option<Interest>) {
    match interest {
        Some(interest) => drop(stream.ready(interest).await),
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
