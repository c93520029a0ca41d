//! The signals that the proxy heeds.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// 128 + SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
/// 128 + SIGTERM.
const EXIT_TERMINATED: u8 = 143;

/// The signals that end the proxy in order.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    /// The exit code of the first signal. Cancel-safe.
    pub(super) async fn caught(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => EXIT_INTERRUPTED,
            _ = self.terminate.recv() => EXIT_TERMINATED,
        }
    }
}
