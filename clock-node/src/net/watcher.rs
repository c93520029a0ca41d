//! One watcher: notices as things happen, and from the log whenever it is behind.
//!
//! A watcher's pace is its own. The station keeps a bounded number of notices for all of them; whoever misses some is
//! told so, and reads the writes from the log, piece by piece. So a slow watcher costs disk, never memory, and no write
//! is left out. The vector of what it was told is also the token with which it resumes, here or at another station.

use clock_core::VersionVector;
use clock_core::replica::LoggedEvent;
use clock_core::wire::{HistoryEntry, Notice};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::handle::{NotSubmitted, SessionSender, StationHandle};

/// Why a watcher is served no longer: its session or the station has ended.
struct Ended;

pub(super) struct Watcher {
    notices: Receiver<Notice>,
    sender: SessionSender,
    handle: StationHandle,
    /// Every write it was told of, or had seen before.
    told: VersionVector,
}

impl Watcher {
    /// One that has seen `after`, or else everything that the station shows now. It is told of what comes from now on:
    /// create it before the station answers that it watches.
    pub(super) async fn new(
        handle: StationHandle,
        sender: SessionSender,
        after: Option<VersionVector>,
    ) -> Result<Self, NotSubmitted> {
        let notices = handle.watch();
        let told = match after {
            Some(after) => after,
            None => handle.shown().await?,
        };
        Ok(Self { notices, sender, handle, told })
    }

    /// Serves it until its session ends.
    pub(super) async fn run(mut self, ended: CancellationToken) {
        let serving = async {
            if self.catch_up().await.is_ok() {
                while self.next().await.is_ok() {}
            }
        };
        tokio::select! {
            () = ended.cancelled() => {}
            () = serving => {}
        }
    }

    async fn next(&mut self) -> Result<(), Ended> {
        match self.notices.recv().await {
            Ok(Notice::Applied(applied)) => {
                // What was read from the log meanwhile comes a second time here, and is left out.
                let is_new = applied.version.dots.iter().any(|dot| self.told.advance(dot).is_ok());
                if is_new { self.tell(Notice::Applied(applied)).await } else { Ok(()) }
            }
            Ok(notice) => self.tell(notice).await,
            Err(RecvError::Closed) => Err(Ended),
            Err(RecvError::Lagged(missed)) => {
                self.tell(Notice::Lagged { missed }).await?;
                self.catch_up().await
            }
        }
    }

    /// Tells what the station shows and the watcher was not told, from the log. It ends where the station was when the
    /// last piece was asked for; what has happened since is among the notices, or they say that some are missing.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        let mut from = None;
        loop {
            let piece = self.handle.replay(self.told.clone(), from).await.map_err(|_| Ended)?;
            for LoggedEvent { lsn, dot, event } in piece.events {
                let Ok(event) = event.decode() else { continue };
                if self.told.advance(&dot).is_ok() {
                    let key = event.key.clone();
                    self.tell(Notice::Replayed { key, entry: HistoryEntry::new(lsn.0, event) }).await?;
                }
            }
            match piece.next {
                Some(next) => from = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn tell(&self, notice: Notice) -> Result<(), Ended> {
        if self.sender.notify(notice).await { Ok(()) } else { Err(Ended) }
    }
}
