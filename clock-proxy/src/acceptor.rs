//! Accepting connections, however long accepting fails.
//!
//! The usual cause of a failure is a shortage of file descriptors, which lasts, and the listener stays ready all
//! the while. So there is a pause after each failure, and one warning per shortage instead of one per attempt.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::listener::{Listener, Stance};

/// Pause after a failed accept: short against the patience of whoever dials, and twenty attempts per second cost
/// nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener, and how it fares.
pub(crate) struct Acceptor {
    listener: Listener,
    /// Set while accepting fails. Kept here and not in the future, which a `select!` drops at every turn.
    retry_at: Option<Instant>,
}

impl Acceptor {
    pub(crate) fn new(listener: Listener) -> Self {
        Self { listener, retry_at: None }
    }

    /// Changes how dials are treated. A failure is logged, and the next change tries again.
    pub(crate) fn take_stance(&mut self, stance: Stance) {
        if let Err(error) = self.listener.take_stance(stance) {
            let address = self.listener.local_addr();
            warn!(%error, %address, ?stance, "the listener does not do as it is told");
        }
    }

    /// Accepts one connection. Cancel-safe: neither a connection nor the pause is lost.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(retry_at) = self.retry_at {
                sleep_until(retry_at).await;
            }
            let accepted = self.listener.accept().await;
            let has_failed_before = self.retry_at.take().is_some();
            match accepted {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if !has_failed_before {
                        let address = self.listener.local_addr();
                        warn!(%error, %address, "connections cannot be accepted; trying on");
                    }
                    self.retry_at = Some(Instant::now() + PAUSE);
                }
            }
        }
    }
}
