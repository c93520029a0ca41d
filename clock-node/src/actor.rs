//! The loop of a station: the only owner of its clocks and its catalog.
//!
//! It reads the clock once per input, asks the replica, and performs the effects in order. It waits for nothing
//! but its mailbox, the store's word and the next deadline: never for a socket (rule 6). The one queue it may
//! wait at is the store writer's, and the writer never waits for the actor.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock_core::replica::{Effect, Input, LogQuery, LogQuestion, Lsn, Replica, SessionId, Ticket};
use clock_core::wire::{Notice, RequestError, Response};
use clock_core::{NodeId, VersionVector};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep_until};

use crate::facts;
use crate::handle::{Mail, Piece, SessionSender};
use crate::store::{Batch, Progress, StoreError, StoreReader, StoreWriter, WriterEnded};
use crate::wall_clock::StationClock;

/// When nothing is due the actor looks again after this long; it only bounds how far a timer is set.
const IDLE: Duration = Duration::from_secs(3600);
/// Threads that read the log for clients and watchers.
const LOG_READERS: usize = 4;
/// Clients' questions to the log that run or wait for a thread. One more is told that the station is busy.
pub(crate) const LOG_QUESTIONS: usize = 256;
/// After how many milliseconds such a client is to ask again.
const RETRY_AFTER_MS: u32 = 1_000;

/// Why a station stopped by itself. Restart it: recovery tells what is true.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActorError {
    /// A commit or a checked read failed (rule 10).
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// The writer thread ended without a word.
    #[error(transparent)]
    Writer(#[from] Arc<WriterEnded>),
}

/// The actor of one station.
pub(crate) struct Actor {
    pub(crate) replica: Replica,
    pub(crate) clock: StationClock,
    pub(crate) writer: StoreWriter,
    pub(crate) reader: StoreReader,
    pub(crate) mailbox: mpsc::Receiver<Mail>,
    /// Lets reads come back without keeping the mailbox open.
    pub(crate) own_mailbox: mpsc::WeakSender<Mail>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) sessions: BTreeMap<SessionId, SessionSender>,
    pub(crate) station: NodeId,
    /// The last position whose sync was asked for.
    pub(crate) requested: Lsn,
    pub(crate) questions: Questions,
}

/// How much is read from the log for clients and watchers at once. Peers' reads have threads of their own.
pub(crate) struct Questions {
    /// Threads.
    running: Arc<Semaphore>,
    /// Clients' questions that run or wait for a thread.
    places: Arc<Semaphore>,
}

impl Default for Questions {
    fn default() -> Self {
        let (running, places) = (Semaphore::new(LOG_READERS), Semaphore::new(LOG_QUESTIONS));
        Self { running: Arc::new(running), places: Arc::new(places) }
    }
}

impl Actor {
    /// Runs until every handle is gone and all that was accepted is durable and answered.
    ///
    /// # Errors
    /// [`ActorError`] if the store fails: nothing more is acknowledged, and the process is to end.
    pub(crate) async fn run(mut self, effects: Vec<Effect>) -> Result<StoreWriter, ActorError> {
        let mut durable = self.requested;
        let mut open = true;
        self.perform(effects).await?;
        while open || durable < self.requested {
            let deadline = self.deadline();
            tokio::select! {
                // The disk first: it releases answers and windows. All three are cancel safe.
                biased;
                changed = self.writer.progress.changed() => {
                    changed.map_err(|_| Arc::new(WriterEnded))?;
                    let progress = self.writer.progress.borrow_and_update().clone();
                    match progress {
                        Progress::Durable(upto) => {
                            durable = upto;
                            self.step(Input::Synced { upto }).await?;
                        }
                        Progress::Failed(error) => return Err(ActorError::Store(error)),
                    }
                }
                // Before the mailbox, or a busy one would keep heartbeats from going out.
                () = sleep_until(deadline) => self.step(Input::Tick).await?,
                mail = self.mailbox.recv(), if open => match mail {
                    Some(mail) => self.receive(mail).await?,
                    None => open = false,
                },
            }
        }
        Ok(self.writer)
    }

    fn deadline(&self) -> Instant {
        let now = self.clock.now().mono.0;
        let wait =
            self.replica.next_deadline().map_or(IDLE, |at| Duration::from_nanos(at.0.saturating_sub(now)));
        Instant::now() + wait.min(IDLE)
    }

    async fn receive(&mut self, mail: Mail) -> Result<(), ActorError> {
        match mail {
            Mail::Open { session, sender, opener } => {
                self.sessions.insert(session, sender);
                self.step(Input::SessionUp { session, opener }).await
            }
            Mail::Input(Input::SessionDown { session }) => {
                self.sessions.remove(&session);
                self.step(Input::SessionDown { session }).await
            }
            Mail::Input(input) => self.step(input).await,
            Mail::Shown { answer } => {
                // Whoever asked may be gone.
                let _ = answer.send(self.replica.shown().clone());
                Ok(())
            }
            Mail::Replay { told, from, answer } => {
                self.replay(&told, from, answer);
                Ok(())
            }
            Mail::Damaged(error) => Err(ActorError::Store(error)),
        }
    }

    async fn step(&mut self, input: Input) -> Result<(), ActorError> {
        let mut effects = Vec::new();
        self.replica.handle(self.clock.now(), input, &mut effects);
        self.perform(effects).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), ActorError> {
        let mut records = Vec::new();
        for effect in effects {
            match effect {
                Effect::Append(record) => records.push(record),
                Effect::Sync { upto } => {
                    self.requested = upto;
                    let batch = Batch { records: std::mem::take(&mut records), upto };
                    self.writer.submit(batch).await.map_err(Arc::new)?;
                }
                Effect::Send { session, message } => self.deliver(session, |sender| sender.send(message)),
                Effect::Reply { ticket, token, response } => {
                    self.deliver(ticket.session, |sender| sender.reply(ticket.number, token, response));
                }
                Effect::ReplyFromLog { ticket, token, question } => {
                    self.reply_from_log(ticket, token, question);
                }
                Effect::ReadLog { session, query } => self.read_log(session, query),
                Effect::Close { session, refusal } => {
                    tracing::debug!(station = %self.station, session = session.0, %refusal, "closing a session");
                    if let Some(sender) = self.sessions.remove(&session) {
                        sender.refuse(refusal);
                    }
                }
                Effect::Observe(fact) => {
                    facts::log(&self.station, &fact);
                    // Nobody watching is no error.
                    facts::notice(fact).into_iter().for_each(|notice| drop(self.notices.send(notice)));
                }
            }
        }
        Ok(())
    }

    /// A session that cannot take a message is behind by its whole queue: it is closed, and finds everything
    /// again when it reconnects.
    fn deliver(&mut self, session: SessionId, send: impl FnOnce(&SessionSender) -> bool) {
        let Some(sender) = self.sessions.get(&session).filter(|sender| !send(sender)) else { return };
        if !sender.is_gone() {
            tracing::warn!(station = %self.station, session = session.0, "queue full: closing a slow session");
        }
        self.sessions.remove(&session).into_iter().for_each(SessionSender::abort);
    }

    /// Reads on a blocking thread; at most one read for each session is under way.
    fn read_log(&self, session: SessionId, query: LogQuery) {
        let (reader, Some(mailbox)) = (self.reader.clone(), self.own_mailbox.upgrade()) else { return };
        tokio::task::spawn_blocking(move || {
            let mail = match reader.read(&query) {
                Ok((events, next)) => Mail::Input(Input::LogRead { session, events, next }),
                Err(error) => Mail::Damaged(Arc::new(error)),
            };
            // The actor is gone: so is whoever asked.
            let _ = mailbox.blocking_send(mail);
        });
    }

    /// Reads a piece for a watcher that is behind, on a blocking thread; it comes again for the next.
    fn replay(&self, told: &VersionVector, from: Option<Lsn>, answer: oneshot::Sender<Piece>) {
        let Some(query) = self.replica.unseen(told, from) else {
            let _ = answer.send(Piece::default());
            return;
        };
        let (reader, Some(mailbox)) = (self.reader.clone(), self.own_mailbox.upgrade()) else { return };
        let shown = self.replica.shown().clone();
        self.on_reader_thread(move || match reader.read(&query) {
            Ok((mut events, next)) => {
                // What a damaged store has stranded is in the log, and shown by nobody yet.
                events.retain(|logged| shown.covers(&logged.dot));
                drop(answer.send(Piece { events, next: Some(next) }));
            }
            Err(error) => drop(mailbox.blocking_send(Mail::Damaged(Arc::new(error)))),
        });
    }

    /// Answers on a blocking thread: the actor goes on.
    fn reply_from_log(&self, ticket: Ticket, token: Option<VersionVector>, question: LogQuestion) {
        let Some(sender) = self.sessions.get(&ticket.session).cloned() else { return };
        let (reader, Some(mailbox)) = (self.reader.clone(), self.own_mailbox.upgrade()) else { return };
        let Ok(place) = self.questions.places.clone().try_acquire_owned() else {
            let what = "questions to the log".to_owned();
            let busy = RequestError::Busy { what, retry_after_ms: RETRY_AFTER_MS };
            return reply_or_abort(sender, ticket.number, token, Response::Refused(busy));
        };
        self.on_reader_thread(move || {
            match reader.answer(&question) {
                Ok(response) => reply_or_abort(sender, ticket.number, token, response),
                Err(error) => drop(mailbox.blocking_send(Mail::Damaged(Arc::new(error)))),
            }
            drop(place);
        });
    }

    /// Few read at once, so that replication always finds a thread.
    fn on_reader_thread(&self, read: impl FnOnce() + Send + 'static) {
        let running = self.questions.running.clone();
        tokio::spawn(async move {
            // Never closed.
            let Ok(thread) = running.acquire_owned().await else { return };
            // It ends by itself, or the runtime is ending.
            let _ = tokio::task::spawn_blocking(read).await;
            drop(thread);
        });
    }
}

/// As [`Actor::deliver`], from another thread: a session that cannot take its answer is closed.
fn reply_or_abort(sender: SessionSender, number: u64, token: Option<VersionVector>, response: Response) {
    if !sender.reply(number, token, response) {
        sender.abort();
    }
}
