//! The accept loop: whoever connects says hello first, and has little time and memory to do it.

use std::sync::Arc;
use std::time::Duration;

use clock_core::replica::Opener;
use clock_core::wire::message::{Hello, Message, Refusal, Role};
use futures_util::SinkExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::HANDSHAKE_TIMEOUT;
use super::session::{self, Reader, Session, Writer};
use crate::handle::StationHandle;

/// Open connections. One more is told `Busy`.
const CONNECTIONS_MAX: usize = 192;
/// Clients among them: whatever they do, 60 stations still find room.
const CLIENTS_MAX: usize = 128;
/// After a failed accept (no file descriptors left, say) the loop waits this long before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The station's door.
pub(crate) struct Server {
    pub(crate) handle: StationHandle,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Server {
    /// Accepts until stopped. Connections go on in tasks of their own; none blocks another.
    pub(crate) async fn run(self, listener: TcpListener) {
        let room = Room { connections: semaphore(CONNECTIONS_MAX), clients: semaphore(CLIENTS_MAX) };
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    tracing::debug!(%from, "accepted");
                    self.spawn(stream, &room);
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, room: &Room) {
        let (handle, stop, clients) = (self.handle.clone(), self.stop.clone(), room.clients.clone());
        let permit = room.connections.clone().try_acquire_owned();
        self.tasks.spawn(async move {
            let (reader, writer) = session::split(stream);
            match permit {
                Ok(_held_while_open) => serve(handle, stop, clients, (reader, writer)).await,
                Err(_) => refuse(writer, busy(CONNECTIONS_MAX)).await,
            }
        });
    }
}

/// How many more may come in.
struct Room {
    connections: Arc<Semaphore>,
    clients: Arc<Semaphore>,
}

async fn serve(
    handle: StationHandle,
    stop: CancellationToken,
    clients: Arc<Semaphore>,
    (mut reader, writer): (Reader, Writer),
) {
    let hello = tokio::select! {
        () = stop.cancelled() => return refuse(writer, Refusal::Stopping).await,
        hello = timeout(HANDSHAKE_TIMEOUT, session::next_message(&mut reader)) => hello,
    };
    let protocol = |detail: &str| Refusal::Protocol(detail.to_owned());
    let opener = match hello {
        Ok(Some(Ok(Message::Hello(hello)))) => opener_of(hello),
        Ok(Some(Ok(_))) => return refuse(writer, protocol("the first message must be a hello")).await,
        Ok(Some(Err(error))) => {
            tracing::debug!(%error, "a stranger's bytes were refused");
            return refuse(writer, protocol(&error.to_string())).await;
        }
        Ok(None) => return,
        Err(_) => return refuse(writer, protocol("no hello in time")).await,
    };
    let permit = matches!(opener, Opener::Client { .. }).then(|| clients.try_acquire());
    if let Some(Err(_)) = permit {
        return refuse(writer, busy(CLIENTS_MAX)).await;
    }
    let ending = Session::run(handle, stop, (reader, writer), opener, || {}).await;
    tracing::debug!(?ending, "a session ended");
}

fn semaphore(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits))
}

fn busy(limit: usize) -> Refusal {
    Refusal::Busy(u32::try_from(limit).unwrap_or(u32::MAX))
}

fn opener_of(hello: Hello) -> Opener {
    match hello.role {
        Role::Client => Opener::Client { cluster: hello.cluster },
        Role::Peer(claim) => Opener::Peer { cluster: hello.cluster, claim },
    }
}

/// Says why and closes, without waiting for somebody who does not read.
async fn refuse(mut writer: Writer, refusal: Refusal) {
    let _ = timeout(Duration::from_secs(1), writer.send(Message::Refused(refusal))).await;
}
