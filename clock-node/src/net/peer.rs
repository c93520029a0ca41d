//! Dialling one peer, for ever: connect, serve the session, wait a little longer each time, never give up.

use std::time::Duration;

use clock_core::NodeId;
use clock_core::replica::Opener;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::session::{self, Ending, Session};
use super::{CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT};
use crate::handle::StationHandle;

/// Delays between dials: doubling from `first` to `longest`, each varied by up to a fifth either way so that
/// stations that lost each other together do not all come back at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Starts at `first`; `seed` decides the jitter.
    pub(crate) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, next: first, rng: fastrand::Rng::with_seed(seed) }
    }

    /// How long to wait now, before jitter; the next wait is twice as long, up to the longest.
    fn step(&mut self) -> Duration {
        let now = self.next;
        self.next = now.saturating_mul(2).min(self.longest);
        now
    }

    /// How long to wait now.
    pub(crate) fn next_delay(&mut self) -> Duration {
        let jitter = 0.8 + 0.4 * self.rng.f64();
        self.step().mul_f64(jitter)
    }

    /// The link held: start over.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long a session must have lasted before the delays start over: a peer that accepts and drops at once
    /// is no better than one that refuses.
    fn stable_after(&self) -> Duration {
        self.first.saturating_mul(5)
    }
}

/// The task that keeps a session to one peer.
pub(crate) struct PeerDialler {
    pub(crate) peer: NodeId,
    pub(crate) address: String,
    pub(crate) handle: StationHandle,
    pub(crate) stop: CancellationToken,
    pub(crate) backoff: Backoff,
}

impl PeerDialler {
    /// Runs until stopped.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            match self.dial().await {
                Ok(stream) => self.serve(stream).await,
                Err(error) => {
                    tracing::debug!(peer = %self.peer, address = %self.address, %error, "dial failed");
                }
            }
            let delay = self.backoff.next_delay();
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(delay) => {}
            }
        }
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let timed_out = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no connection in time");
        tokio::select! {
            () = self.stop.cancelled() => Err(std::io::ErrorKind::Interrupted.into()),
            dialled = timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.address)) => dialled.map_err(|_| timed_out())?,
        }
    }

    /// Serves one session; gives it up if the peer does not answer the hello in time.
    async fn serve(&mut self, stream: TcpStream) {
        let (accepted, session_stop) = (CancellationToken::new(), self.stop.child_token());
        let on_welcome = || accepted.cancel();
        let opener = Opener::Dialled(self.peer.clone());
        let session = Session::run(
            self.handle.clone(),
            session_stop.clone(),
            session::split(stream),
            opener,
            on_welcome,
        );
        tokio::pin!(session);
        let begun = Instant::now();
        let ending = tokio::select! {
            ending = &mut session => ending,
            () = accepted.cancelled() => session.await,
            () = sleep(HANDSHAKE_TIMEOUT) => {
                session_stop.cancel();
                session.await
            }
        };
        if accepted.is_cancelled() && begun.elapsed() >= self.backoff.stable_after() {
            self.backoff.reset();
        }
        if let Ending::Refused(refusal) = &ending {
            tracing::warn!(peer = %self.peer, %refusal, "the peer refused us");
        }
        tracing::debug!(peer = %self.peer, ?ending, "session ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_sequence_is_exact() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30), 1);
        let seconds: Vec<u64> = (0..7).map(|_| backoff.step().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.step().as_secs(), 1);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1), 2);
        let delays: Vec<Duration> = (0..1000).map(|_| backoff.next_delay()).collect();
        let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(
            *least >= Duration::from_millis(800) && *most <= Duration::from_millis(1200),
            "{least:?} to {most:?}"
        );
        assert!(least < most, "no jitter at all");
    }
}
