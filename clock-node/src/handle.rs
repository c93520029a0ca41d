//! The only ways to talk to the actor, and for the actor to talk to a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock_core::VersionVector;
use clock_core::replica::{Input, LoggedEvent, Lsn, Opener, SessionId};
use clock_core::wire::message::{Message, Refusal};
use clock_core::wire::{Notice, Response};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

/// Inputs on their way to the actor. When it is full, a peer's reader stops reading its socket: TCP holds the sender
/// back, and nothing is lost. A client's request waits for [`SUBMIT_PATIENCE`] and is refused.
pub(crate) const MAILBOX: usize = 256;
/// How long a client's request waits for room in the mailbox: far longer than a full one takes to be worked off when
/// the disk is well, far shorter than any client's deadline, so that a refusal still leaves time for another try.
pub(crate) const SUBMIT_PATIENCE: Duration = Duration::from_millis(500);
/// When a client that was refused may come back: what a mailbox full of writes takes, at a commit for each of them.
pub(crate) const RETRY_AFTER_MS: u32 = 1_000;
/// Messages on their way to one session: a peer's window in frames of one event, or a client's open requests, and
/// room for what goes beside them. When it is full the session is closed.
pub(crate) const SESSION_QUEUE: usize = 1024;
/// Notices on their way to one watcher, apart from its answers. When it is full the forwarder waits.
pub(crate) const NOTICE_QUEUE: usize = 64;
/// Notices kept for watchers that are behind; a watcher that misses some is told so, and reads the log.
pub(crate) const NOTICES: usize = 1024;

/// What the actor receives.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "almost all mail is the largest: a box would cost each an allocation"
)]
pub(crate) enum Mail {
    /// A session is up, and this is how to reach it.
    Open { session: SessionId, sender: SessionSender, opener: Opener },
    /// For the replica.
    Input(Input),
    /// A watcher asks what is shown.
    Shown { answer: oneshot::Sender<VersionVector> },
    /// A watcher that was told of so much asks for what follows.
    Replay { told: VersionVector, from: Option<Lsn>, answer: oneshot::Sender<Piece> },
    /// A stored event failed its check: the station must end and recover.
    Damaged(Arc<StoreError>),
}

/// A part of what a watcher was not told.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) events: Vec<LoggedEvent>,
    /// Where to go on; none, if that was all.
    pub(crate) next: Option<Lsn>,
}

/// The actor is gone: the station is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the station is stopping")]
pub(crate) struct Stopping;

/// Why a client's request did not reach the actor: nothing was changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSubmitted {
    /// The mailbox stayed full.
    #[error("no room in the mailbox within {SUBMIT_PATIENCE:?}")]
    Full,
    /// The actor is gone.
    #[error("the station is stopping")]
    Stopping,
}

/// The way to the actor. When the last one is dropped the actor finishes its work and ends.
#[derive(Debug, Clone)]
pub(crate) struct StationHandle {
    mailbox: mpsc::Sender<Mail>,
    notices: broadcast::Sender<Notice>,
    next_session: Arc<AtomicU64>,
}

impl StationHandle {
    pub(crate) fn new(mailbox: mpsc::Sender<Mail>, notices: broadcast::Sender<Notice>) -> Self {
        Self { mailbox, notices, next_session: Arc::new(AtomicU64::new(1)) }
    }

    /// A number no session of this process had before.
    pub(crate) fn new_session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Announces a session. Waits while the mailbox is full.
    pub(crate) async fn open(
        &self,
        session: SessionId,
        sender: SessionSender,
        opener: Opener,
    ) -> Result<(), Stopping> {
        self.mailbox.send(Mail::Open { session, sender, opener }).await.map_err(|_| Stopping)
    }

    /// Hands in an input. Waits while the mailbox is full.
    pub(crate) async fn input(&self, input: Input) -> Result<(), Stopping> {
        self.mailbox.send(Mail::Input(input)).await.map_err(|_| Stopping)
    }

    /// Hands in a client's request. Waits for [`SUBMIT_PATIENCE`] while the mailbox is full: a client can be told to
    /// come back, which a peer's events cannot.
    pub(crate) async fn submit(&self, request: Input) -> Result<(), NotSubmitted> {
        self.hand_in(Mail::Input(request)).await
    }

    async fn hand_in(&self, mail: Mail) -> Result<(), NotSubmitted> {
        let submitted = self.mailbox.send_timeout(mail, SUBMIT_PATIENCE).await;
        submitted.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => NotSubmitted::Full,
            SendTimeoutError::Closed(_) => NotSubmitted::Stopping,
        })
    }

    /// Everything that the station shows.
    pub(crate) async fn shown(&self) -> Result<VersionVector, NotSubmitted> {
        let (answer, shown) = oneshot::channel();
        self.hand_in(Mail::Shown { answer }).await?;
        shown.await.map_err(|_| NotSubmitted::Stopping)
    }

    /// The next part of what a watcher was not told, in log order.
    pub(crate) async fn replay(&self, told: VersionVector, from: Option<Lsn>) -> Result<Piece, Stopping> {
        let (answer, piece) = oneshot::channel();
        self.mailbox.send(Mail::Replay { told, from, answer }).await.map_err(|_| Stopping)?;
        piece.await.map_err(|_| Stopping)
    }

    /// Notices from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}

/// The way to one session. Dropping the last one lets the session write what is queued and close.
#[derive(Debug, Clone)]
pub(crate) struct SessionSender {
    queue: mpsc::Sender<Message>,
    notices: mpsc::Sender<Message>,
    /// Acks are absolute: only the latest is worth sending, so they do not queue.
    latest_ack: Arc<watch::Sender<Option<Message>>>,
    /// Why the session is to end.
    ending: Arc<watch::Sender<Option<Refusal>>>,
    abort: CancellationToken,
}

/// The session's end of it.
#[derive(Debug)]
pub(crate) struct SessionReceiver {
    pub(crate) queue: mpsc::Receiver<Message>,
    pub(crate) notices: mpsc::Receiver<Message>,
    pub(crate) latest_ack: watch::Receiver<Option<Message>>,
    /// Set once: say so, then close. The reader stops reading at the same moment.
    pub(crate) ending: watch::Receiver<Option<Refusal>>,
    /// The reason was written.
    pub(crate) has_ended: bool,
    /// The session must close without writing on.
    pub(crate) abort: CancellationToken,
}

impl SessionSender {
    pub(crate) fn channel() -> (Self, SessionReceiver) {
        let (sender, queue) = mpsc::channel(SESSION_QUEUE);
        let (notice_sender, notices) = mpsc::channel(NOTICE_QUEUE);
        let (ack_sender, latest_ack) = watch::channel(None);
        let (ending_sender, ending) = watch::channel(None);
        let abort = CancellationToken::new();
        let receiver =
            SessionReceiver { queue, notices, latest_ack, ending, has_ended: false, abort: abort.clone() };
        let (latest_ack, ending) = (Arc::new(ack_sender), Arc::new(ending_sender));
        (Self { queue: sender, notices: notice_sender, latest_ack, ending, abort }, receiver)
    }

    /// Queues a message; `false` if the queue is full or the session gone.
    pub(crate) fn send(&self, message: Message) -> bool {
        if matches!(message, Message::Ack { resend: false, .. }) {
            self.latest_ack.send_replace(Some(message));
            return true;
        }
        self.queue.try_send(message).is_ok()
    }

    /// Queues an answer; `false` as for [`send`](Self::send).
    pub(crate) fn reply(&self, number: u64, token: Option<VersionVector>, response: Response) -> bool {
        self.send(Message::Response { number, token, response })
    }

    /// Queues a notice, waiting for room; `false` if the session is gone.
    pub(crate) async fn notify(&self, notice: Notice) -> bool {
        self.notices.send(Message::Notice(notice)).await.is_ok()
    }

    /// Ends the session: it writes what is queued and why it ends, and reads nothing any more.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.ending.send_replace(Some(refusal));
    }

    /// Whether the session has ended, rather than fallen behind.
    pub(crate) fn is_gone(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the session without writing on.
    pub(crate) fn abort(self) {
        self.abort.cancel();
    }
}
