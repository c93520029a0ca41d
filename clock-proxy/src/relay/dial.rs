//! When and how the far side is dialled.
//!
//! Nothing may cross a cut, not even a SYN. A dial that is still looking up the name is simply given up when
//! its flow is cut. One whose SYN is out is another matter: the far station may have accepted already, and would
//! see the connection end, which is a packet too. So it gets a moment to settle, and until then the connection
//! holds on to the old configuration, which keeps the `ok` of the cut waiting.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::{Connection, Phase};
use crate::rule::Config;
use crate::topology::Upstream;

/// Longest dial, name lookup included. A second SYN goes out after 1 s, a third after 3 s.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a dial may settle after its flow was cut: many round trips within one site, and well before the
/// second SYN.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(200);

type Boxed<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

pub(super) enum Dial {
    /// Waits for the forward flow to be open.
    Postponed,
    /// No packet has gone to the far side yet.
    LookingUp(Boxed<Vec<SocketAddr>>, Instant),
    /// A SYN may be on its way.
    Connecting(Boxed<TcpStream>),
    /// There is a far side, or there will never be one.
    Done,
}

/// A step of a dial, done or failed.
pub(super) enum Dialled {
    LookedUp(io::Result<Vec<SocketAddr>>, Instant),
    Connected(io::Result<TcpStream>),
}

/// A dial that was overtaken by a cut.
pub(super) struct Settling {
    deadline: Instant,
    _unconfirmed: Arc<Config>,
}

/// What to look for at a client that waits, without reading what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vigil {
    FinOrReset,
    /// A FIN is read, or stands behind bytes that are not to be read, or has been seen.
    Reset,
}

/// What was seen of a client that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noticed {
    /// It has sent bytes.
    Bytes,
    /// It left without having sent any.
    Fin,
    /// It aborted.
    Reset,
}

/// Ends when something new is seen of the client. Consumes nothing, so it is cancel-safe.
pub(super) async fn watch(near: &TcpStream, vigil: Option<Vigil>) -> Noticed {
    let Some(vigil) = vigil else { return std::future::pending().await };
    let mut byte = [0];
    // Both are cancel-safe. An abort comes first: bytes before it are lost anyway.
    tokio::select! {
        biased;
        _ = near.ready(Interest::ERROR) => Noticed::Reset,
        peeked = near.peek(&mut byte), if vigil == Vigil::FinOrReset => match peeked {
            Ok(0) => Noticed::Fin,
            Ok(_) => Noticed::Bytes,
            Err(_) => Noticed::Reset,
        },
    }
}

impl Dial {
    /// Ends when a step of a running dial does. Cancel-safe.
    pub(super) async fn step(&mut self) -> Dialled {
        match self {
            Dial::LookingUp(lookup, deadline) => Dialled::LookedUp(lookup.as_mut().await, *deadline),
            Dial::Connecting(connect) => Dialled::Connected(connect.as_mut().await),
            Dial::Postponed | Dial::Done => std::future::pending().await,
        }
    }
}

async fn look_up(upstream: Upstream, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let found = timeout_at(deadline, lookup_host(upstream.as_str())).await;
    Ok(found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??.collect())
}

async fn connect(addresses: Vec<SocketAddr>, deadline: Instant) -> io::Result<TcpStream> {
    let connected = timeout_at(deadline, TcpStream::connect(addresses.as_slice())).await;
    let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Connection {
    /// Starts a dial that has waited for its flow to open, and stops one that has not settled in time.
    pub(super) fn steer_dial(&mut self) {
        if self.settle_deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.postpone_dial();
        }
        let is_waiting = matches!(self.dial, Dial::Postponed);
        if !is_waiting || !self.forward.is_open() {
            return;
        }
        match self.config.upstream(self.to) {
            Some(upstream) => {
                let deadline = Instant::now() + DIAL_TIMEOUT;
                self.dial = Dial::LookingUp(Box::pin(look_up(upstream.clone(), deadline)), deadline);
                self.phase.store(Phase::Dialling);
            }
            None => self.on_refused(&io::Error::new(io::ErrorKind::NotFound, "upstream not known yet")),
        }
    }

    /// The forward flow is cut from now on. Keeps the old configuration if it cannot be let go yet.
    pub(super) fn on_flow_cut(&mut self, unconfirmed: Arc<Config>) {
        match self.dial {
            Dial::LookingUp(..) => self.postpone_dial(),
            Dial::Connecting(_) if self.settling.is_none() => {
                let deadline = Instant::now() + SETTLE_TIMEOUT;
                self.settling = Some(Settling { deadline, _unconfirmed: unconfirmed });
            }
            Dial::Connecting(_) | Dial::Postponed | Dial::Done => {}
        }
    }

    /// Whether a SYN is out that may be answered.
    pub(super) fn is_connecting(&self) -> bool {
        matches!(self.dial, Dial::Connecting(_))
    }

    pub(super) fn settle_deadline(&self) -> Option<Instant> {
        self.settling.as_ref().map(|settling| settling.deadline)
    }

    /// Whether the client left before the far side was dialled, and left nothing to deliver. A FIN behind bytes
    /// may be a half-close, from a client that waits for the answer, and looks the same as a close.
    pub(super) fn has_been_given_up(&self) -> bool {
        matches!(self.dial, Dial::Postponed) && self.forward.is_abandoned()
    }

    /// How the client has to be watched while it waits for a dial; none if there is no need.
    pub(super) fn vigil(&self) -> Option<Vigil> {
        if !matches!(self.dial, Dial::Postponed) {
            return None;
        }
        let is_read = self.forward.appetite() > 0;
        let may_peek = !is_read && !self.has_unread && !self.forward.has_source_ended();
        Some(if may_peek { Vigil::FinOrReset } else { Vigil::Reset })
    }

    pub(super) fn on_noticed(&mut self, noticed: Noticed) {
        match noticed {
            Noticed::Bytes => self.has_unread = true,
            Noticed::Fin => self.forward.handle_fin(Instant::now()),
            Noticed::Reset => self.forward.handle_read_failure(Instant::now()),
        }
    }

    pub(super) fn on_dialled(&mut self, dialled: Dialled) {
        match dialled {
            Dialled::LookedUp(Ok(addresses), deadline) => {
                self.dial = Dial::Connecting(Box::pin(connect(addresses, deadline)));
            }
            Dialled::Connected(Ok(stream)) => {
                self.far = Some(stream);
                self.end_dial(Dial::Done, Phase::Open);
            }
            // What a dial says that was overtaken by a cut is not for the client to hear.
            Dialled::LookedUp(Err(_), _) | Dialled::Connected(Err(_)) if self.settling.is_some() => {
                self.postpone_dial();
            }
            Dialled::LookedUp(Err(error), _) | Dialled::Connected(Err(error)) => self.on_refused(&error),
        }
    }

    fn on_refused(&mut self, error: &io::Error) {
        debug!(conn = self.name, %error, "the far side was not reached");
        self.end_dial(Dial::Done, Phase::Refused);
        self.forward.on_refused();
        self.backward.handle_read_failure(Instant::now());
    }

    fn postpone_dial(&mut self) {
        self.end_dial(Dial::Postponed, Phase::Postponed);
    }

    fn end_dial(&mut self, dial: Dial, phase: Phase) {
        self.dial = dial;
        self.phase.store(phase);
        self.settling = None;
    }
}
