//! From a connection to the journal's thread, without waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;
use tracing::error;

use super::writer::Message;
use super::{Event, Journal, LaneName, Scribe};

/// When to try again with a full channel. The thread empties it in less; a finer timer would only ask more often.
const RETRY: Duration = Duration::from_millis(1);

/// The events that a connection has not handed over yet. When it ends, they go by another way.
#[derive(Debug)]
pub(crate) struct HandOver {
    journal: Journal,
    pending: Vec<Event>,
    retry_at: Option<Instant>,
}

impl HandOver {
    /// Makes the lanes of a connection known.
    pub(crate) fn new(journal: Journal, lanes: [Arc<LaneName>; 2]) -> Self {
        // A full channel costs nothing but a precise answer to a later question about these lanes.
        let _ = journal.messages.try_send(Message::Lanes(lanes));
        Self { journal, pending: Vec::new(), retry_at: None }
    }

    /// Hands over what both lanes have noted. They are held back while there is no room. Answers whether a lane that
    /// had to stop may go on.
    pub(crate) fn flush(&mut self, now: Instant, scribes: [&mut Scribe; 2]) -> bool {
        let is_idle = self.pending.is_empty() && scribes.iter().all(|scribe| scribe.is_empty());
        if is_idle || self.retry_at.is_some_and(|retry_at| now < retry_at) {
            return false;
        }
        let has_stopped = scribes.iter().any(|scribe| scribe.is_full());
        let mut batch = std::mem::take(&mut self.pending);
        let scribes = scribes.map(|scribe| {
            batch.append(&mut scribe.take());
            scribe
        });
        let is_full = match self.journal.messages.try_send(Message::Events(batch)) {
            Err(TrySendError::Full(Message::Events(batch))) => {
                self.pending = batch;
                true
            }
            // Closed: the proxy is going down, and nobody reads any more.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        };
        self.retry_at = is_full.then(|| now + RETRY);
        for scribe in scribes {
            scribe.hold_back(is_full);
        }
        has_stopped && !is_full
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Hands over what is left when the connection ends: there is no later, so a full channel is passed by.
    pub(crate) fn flush_rest(&mut self, scribes: [&mut Scribe; 2]) {
        self.retry_at = None;
        self.flush(Instant::now(), scribes);
        if !self.pending.is_empty() {
            let last_words = std::mem::take(&mut self.pending);
            // A journal that is closed has ended with the proxy.
            if let Err(TrySendError::Full(_)) = self.journal.last_words.try_send(last_words) {
                error!("the journal has no room: the last decisions of a connection are missing from it");
            }
        }
    }
}
