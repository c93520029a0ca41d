//! One connection after its hello: a task that reads and a task that writes, with the actor between them.

use std::sync::Arc;
use std::time::Duration;

use clock_core::replica::{Input, Opener, SessionId, Ticket};
use clock_core::wire::frame::{FRAME_BYTES_MAX, HELLO_FRAME_BYTES_MAX};
use clock_core::wire::message::{Message, Refusal};
use clock_core::wire::{Request, RequestError, Response, Terms};
use futures_util::{SinkExt, StreamExt};
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite};
use tokio_util::sync::CancellationToken;

use super::IDLE_TIMEOUT;
use super::frames::{FrameDecoder, FrameEncoder, ReadError, Received};
use super::watcher::Watcher;
use crate::handle::{NotSubmitted, RETRY_AFTER_MS, SessionReceiver, SessionSender, StationHandle, Stopping};

/// Requests of one client that may be unanswered; beyond it the station stops reading from that client.
const CLIENT_REQUESTS_MAX: usize = 128;
/// A connection is probed after this silence,
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// at this interval,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// and broken after this many probes without an answer.
const KEEPALIVE_PROBES: u32 = 4;
/// After a stop, how long a frame that has begun to arrive may take to be complete.
const LAST_FRAME_GRACE: Duration = Duration::from_secs(2);

/// After its reader has ended, how long a session waits for the answers it still owes, and how long for them to be
/// written. Twice this and the last frame stay below the drain limit.
const ANSWERS_GRACE: Duration = Duration::from_secs(3);

pub(super) type Reader = FramedRead<OwnedReadHalf, FrameDecoder>;
pub(super) type Writer = FramedWrite<OwnedWriteHalf, FrameEncoder>;

/// Splits a connection. Only small frames are accepted until [`Session::run`].
pub(super) fn split(stream: TcpStream) -> (Reader, Writer) {
    // Frames are written whole; waiting for more bytes would only add delay.
    let _ = stream.set_nodelay(true);
    // A client may be silent for ever, but one whose machine is gone must not keep its place.
    let _ = keep_alive(&stream);
    let (read_half, write_half) = stream.into_split();
    let reader = FramedRead::new(read_half, FrameDecoder { frame_bytes_max: HELLO_FRAME_BYTES_MAX });
    (reader, FramedWrite::new(write_half, FrameEncoder))
}

/// The next message, where no malformed request is answered; `None` at a clean end. Cancel safe.
pub(super) async fn next_message(reader: &mut Reader) -> Option<Result<Message, ReadError>> {
    Some(reader.next().await?.and_then(Received::message))
}

/// Asks the system to probe a silent connection, and to break it after about two minutes without an answer.
fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)
}

/// How a session ended, for whoever dialled it.
#[derive(Debug)]
pub(super) enum Ending {
    /// The other side closed, or we are stopping.
    Closed,
    /// The other side said why.
    Refused(Refusal),
    /// It could not be understood, or said nothing for too long.
    Broken(ReadError),
    /// It was silent for too long.
    Silent,
}

/// One session with the actor: the side that reads.
pub(super) struct Session {
    id: SessionId,
    handle: StationHandle,
    stop: CancellationToken,
    sender: SessionSender,
    abort: CancellationToken,
    refused: watch::Receiver<Option<Refusal>>,
    is_client: bool,
    is_watching: bool,
    /// The station is stopping, and the one frame that had begun to arrive is being read.
    is_last_frame: bool,
    open_requests: Arc<Semaphore>,
    /// The reader has ended: whoever works for the session ends too.
    ended: CancellationToken,
}

impl Session {
    /// Announces the session to the actor and serves it to its end. `on_welcome` runs when a dialled peer has
    /// accepted us.
    pub(super) async fn run(
        handle: StationHandle,
        stop: CancellationToken,
        (reader, writer): (Reader, Writer),
        opener: Opener,
        on_welcome: impl FnMut(),
    ) -> Ending {
        let (sender, receiver) = SessionSender::channel();
        let mut session = Self {
            id: handle.new_session(),
            handle,
            stop,
            sender,
            abort: receiver.abort.clone(),
            refused: receiver.ending.clone(),
            is_client: matches!(opener, Opener::Client { .. }),
            is_watching: false,
            is_last_frame: false,
            open_requests: Arc::new(Semaphore::new(CLIENT_REQUESTS_MAX)),
            ended: CancellationToken::new(),
        };
        let writing = tokio::spawn(write(writer, receiver, session.open_requests.clone()));
        let ending = match session.handle.open(session.id, session.sender.clone(), opener).await {
            Ok(()) => session.read(reader, on_welcome).await,
            Err(Stopping) => Ending::Closed,
        };
        session.ended.cancel();
        session.answers_written().await;
        if let Ending::Broken(error) = &ending {
            session.sender.refuse(Refusal::Protocol(error.to_string()));
        }
        session.close(writing).await;
        ending
    }

    /// After `SessionDown` the actor drops its sender; with ours gone too the writer finishes what is queued. One
    /// that cannot, because nobody reads at the other end, is cut off.
    async fn close(self, mut writing: JoinHandle<()>) {
        let Self { id, handle, sender, abort, .. } = self;
        drop(sender);
        let _ = handle.input(Input::SessionDown { session: id }).await;
        drop(handle);
        if timeout(ANSWERS_GRACE, &mut writing).await.is_err() {
            abort.cancel();
            let _ = writing.await;
        }
    }

    /// Waits a while for every accepted request to be answered: also for a client that has closed its sending side, and
    /// while the station stops. Ends early if the answers cannot be written.
    async fn answers_written(&self) {
        let all = u32::try_from(CLIENT_REQUESTS_MAX).unwrap_or(u32::MAX);
        tokio::select! {
            () = self.abort.cancelled() => {}
            _ = timeout(ANSWERS_GRACE, self.open_requests.acquire_many(all)) => {}
        }
    }

    async fn read(&mut self, mut reader: Reader, mut on_welcome: impl FnMut()) -> Ending {
        reader.decoder_mut().frame_bytes_max = FRAME_BYTES_MAX;
        loop {
            let heard = match self.next(&mut reader).await {
                Ok(Received::Message(message)) => self.hear(message, &mut on_welcome).await,
                Ok(Received::Malformed { number, refusal }) if self.is_client => match self.permit().await {
                    Ok(()) => self.refuse(number, refusal),
                    Err(ending) => Err(ending),
                },
                Ok(malformed) => malformed.message().map(drop).map_err(Ending::Broken),
                Err(ending) => Err(ending),
            };
            if let Err(ending) = heard {
                return ending;
            }
        }
    }

    async fn hear(&mut self, message: Message, on_welcome: &mut impl FnMut()) -> Result<(), Ending> {
        match message {
            Message::Refused(refusal) => Err(Ending::Refused(refusal)),
            Message::Request { number, terms, request } if self.is_client => {
                self.ask(number, terms, request).await
            }
            message if self.is_client => {
                let detail = format!("a client may only send requests, got {}", kind_of(&message));
                self.sender.refuse(Refusal::Protocol(detail));
                Err(Ending::Closed)
            }
            message => {
                if matches!(message, Message::Welcome(_)) {
                    on_welcome();
                }
                let input = Input::Frame { session: self.id, message };
                self.handle.input(input).await.map_err(|Stopping| Ending::Closed)
            }
        }
    }

    /// The next message. After a stop, only the one frame that has begun to arrive is still awaited.
    async fn next(&mut self, reader: &mut Reader) -> Result<Received, Ending> {
        loop {
            let waited = tokio::select! {
                // Endings first, or a busy sender would keep the session up. All are cancel safe.
                biased;
                () = self.abort.cancelled() => return Err(Ending::Closed),
                _ = self.refused.changed() => return Err(Ending::Closed),
                () = self.stop.cancelled() => {
                    if self.is_last_frame || reader.read_buffer().is_empty() {
                        return Err(Ending::Closed);
                    }
                    self.is_last_frame = true;
                    timeout(LAST_FRAME_GRACE, reader.next()).await
                }
                waited = timeout(IDLE_TIMEOUT, reader.next()) => waited,
            };
            return match waited {
                Ok(Some(Ok(received))) => Ok(received),
                Ok(Some(Err(error))) => Err(Ending::Broken(error)),
                Ok(None) => Err(Ending::Closed),
                // A client may think for as long as it likes, but not within a frame.
                Err(_) if self.is_client && reader.read_buffer().is_empty() => continue,
                Err(_) => Err(Ending::Silent),
            };
        }
    }

    async fn ask(&mut self, number: u64, terms: Terms, request: Request) -> Result<(), Ending> {
        self.permit().await?;
        let (terms, watcher) = match &request {
            Request::Watch { .. } if self.is_watching => {
                return self.refuse(number, RequestError::AlreadyWatching);
            }
            // Before the station hears of it, so that nothing between the answer and the first notice is missed. Copies
            // and deadlines mean nothing to a watch: it is never refused for them.
            Request::Watch { after } => {
                let watcher = Watcher::new(self.handle.clone(), self.sender.clone(), after.clone()).await;
                match watcher {
                    Ok(watcher) => (Terms { session: terms.session, ..Terms::default() }, Some(watcher)),
                    Err(NotSubmitted::Full) => return self.refuse(number, busy()),
                    Err(NotSubmitted::Stopping) => return Err(Ending::Closed),
                }
            }
            _ => (terms, None),
        };
        let ticket = Ticket { session: self.id, number };
        match self.handle.submit(Input::Client { ticket, terms, request }).await {
            Ok(()) => {}
            Err(NotSubmitted::Full) => return self.refuse(number, busy()),
            Err(NotSubmitted::Stopping) => return Err(Ending::Closed),
        }
        if let Some(watcher) = watcher {
            self.is_watching = true;
            tokio::spawn(watcher.run(self.ended.clone()));
        }
        Ok(())
    }

    /// Waits until one request fewer than allowed is open, or the session is to end. The writer gives the permit back
    /// with the answer.
    async fn permit(&mut self) -> Result<(), Ending> {
        tokio::select! {
            // The permit first: a frame that was read whole is still served when the station is to stop.
            biased;
            permit = self.open_requests.acquire() => {
                // Never closed.
                permit.into_iter().for_each(SemaphorePermit::forget);
                Ok(())
            }
            () = self.abort.cancelled() => Err(Ending::Closed),
            _ = self.refused.changed() => Err(Ending::Closed),
            () = self.stop.cancelled() => Err(Ending::Closed),
        }
    }

    /// Answers a request that the actor never saw: nothing was changed, and the session goes on.
    fn refuse(&self, number: u64, refusal: RequestError) -> Result<(), Ending> {
        match self.sender.reply(number, None, Response::Refused(refusal)) {
            true => Ok(()),
            false => Err(Ending::Closed),
        }
    }
}

/// Writes what is queued until every sender is gone, flushing when the queue is empty.
async fn write(mut writer: Writer, mut receiver: SessionReceiver, open_requests: Arc<Semaphore>) {
    let abort = receiver.abort.clone();
    let writing = async {
        while let Some(message) = next_to_write(&mut receiver).await {
            let answers = matches!(message, Message::Response { .. });
            let last = receiver.queue.is_empty() && receiver.notices.is_empty();
            match last {
                true => writer.send(message).await?,
                false => writer.feed(message).await?,
            }
            if answers {
                open_requests.add_permits(1);
            }
        }
        writer.close().await
    };
    let outcome: Option<Result<(), ReadError>> = tokio::select! {
        () = abort.cancelled() => None,
        outcome = writing => Some(outcome),
    };
    if let Some(Err(error)) = outcome {
        tracing::debug!(%error, "a session's writer ended");
    }
    // The reader learns of it, and nobody writes into a queue that is not read.
    abort.cancel();
}

/// What to write next: answers and events first, then notices, then the latest ack; at the end, why it ends. `None`
/// when that was said, or every sender is gone.
async fn next_to_write(receiver: &mut SessionReceiver) -> Option<Message> {
    loop {
        tokio::select! {
            biased;
            message = receiver.queue.recv() => match message {
                Some(message) => return Some(message),
                None => return last_words(receiver),
            },
            Some(notice) = receiver.notices.recv() => return Some(notice),
            Ok(()) = receiver.latest_ack.changed() => {
                let ack = receiver.latest_ack.borrow_and_update().clone();
                // What the ack's writes met is told before it: it was queued earlier, and perhaps only just now.
                if let Ok(message) = receiver.queue.try_recv() {
                    receiver.latest_ack.mark_changed();
                    return Some(message);
                }
                if ack.is_some() {
                    return ack;
                }
            }
            Ok(()) = receiver.ending.changed() => {
                receiver.queue.close();
            }
        }
    }
}

/// Why the session ends, once.
fn last_words(receiver: &mut SessionReceiver) -> Option<Message> {
    let refusal = receiver.ending.borrow_and_update().clone().filter(|_| !receiver.has_ended);
    receiver.has_ended = true;
    refusal.map(Message::Refused)
}

fn busy() -> RequestError {
    RequestError::Busy { what: "the mailbox is full".to_owned(), retry_after_ms: RETRY_AFTER_MS }
}

fn kind_of(message: &Message) -> &'static str {
    match message {
        Message::Hello(_) => "a second hello",
        Message::Welcome(_) => "a welcome",
        Message::Refused(_) => "a refusal",
        Message::Events(_) => "events",
        Message::Heartbeat { .. } => "a heartbeat",
        Message::Ack { .. } => "an ack",
        Message::Beside(_) => "what stood beside a write",
        Message::Request { .. } => "a request",
        Message::Response { .. } => "a response",
        Message::Notice(_) => "a notice",
    }
}
