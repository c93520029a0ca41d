//! The accept loop: whoever connects says hello first, and has little time and memory to do it.

use std::sync::Arc;
use std::time::Duration;

use clock_core::replica::Opener;
use clock_core::wire::message::{Hello, Message, Refusal, Role};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::HANDSHAKE_TIMEOUT;
use super::session::{self, Reader, Session, Writer};
use crate::handle::StationHandle;

/// Open connections: 60 stations' sessions and as many clients. One more is told `Busy`.
const CONNECTIONS_MAX: usize = 128;
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
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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

    fn spawn(&self, stream: TcpStream, room: &Arc<Semaphore>) {
        let (handle, stop) = (self.handle.clone(), self.stop.clone());
        let permit = room.clone().try_acquire_owned();
        self.tasks.spawn(async move {
            let (reader, writer) = session::split(stream);
            match permit {
                Ok(_held_while_open) => serve(handle, stop, reader, writer).await,
                Err(_) => {
                    refuse(writer, Refusal::Busy(u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX))).await;
                }
            }
        });
    }
}

async fn serve(handle: StationHandle, stop: CancellationToken, mut reader: Reader, writer: Writer) {
    let hello = tokio::select! {
        () = stop.cancelled() => return refuse(writer, Refusal::Stopping).await,
        hello = timeout(HANDSHAKE_TIMEOUT, reader.next()) => hello,
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
    let ending = Session::run(handle, stop, (reader, writer), opener, || {}).await;
    tracing::debug!(?ending, "a session ended");
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
