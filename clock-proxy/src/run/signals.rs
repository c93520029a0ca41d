//! The signals that the proxy heeds.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// 128 + SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
/// 128 + SIGTERM.
const EXIT_TERMINATED: u8 = 143;

/// Those that end the proxy in order, and the one that makes it read its file again.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// What a signal asks for.
pub(super) enum Caught {
    Exit(u8),
    Reload,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)?, hangup })
    }

    /// The next signal. Cancel-safe.
    pub(super) async fn caught(&mut self) -> Caught {
        tokio::select! {
            _ = self.interrupt.recv() => Caught::Exit(EXIT_INTERRUPTED),
            _ = self.terminate.recv() => Caught::Exit(EXIT_TERMINATED),
            _ = self.hangup.recv() => Caught::Reload,
        }
    }
}
