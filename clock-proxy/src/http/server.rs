//! Connections of the API: how many, how slow, how long.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::mend::Mending;
use super::routes::Api;
use crate::acceptor::Acceptor;
use crate::control::Desk;

/// Connections at a time; further ones wait in the kernel's backlog. A test suite has a few for each of its threads,
/// and those that it forgets stay open until the header's time is up.
const CONNECTIONS_MAX: usize = 256;

/// Longest wait for a request's header, also on a connection that is kept open: longer than the pause between two
/// tests, and short enough that forgotten connections do not fill the server.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of one request's header. Bodies come on top, see `body`.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Serves HTTP/1.
pub(crate) struct Server {
    pub(crate) acceptor: Acceptor,
    pub(crate) desk: Desk,
    /// Takes the code of a `quit`.
    pub(crate) exits: mpsc::Sender<u8>,
}

impl Server {
    /// Serves until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let api = Arc::new(Api::new(self.desk));
        let mut connections = JoinSet::new();
        loop {
            let has_room = connections.len() < CONNECTIONS_MAX;
            // Every branch is cancel-safe. Stopping comes first, and ended connections make room before new ones.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        warn!(%error, "an API connection's task failed");
                    }
                }
                (stream, client) = self.acceptor.accept(), if has_room => {
                    debug!(%client, "API connection");
                    connections.spawn(serve(stream, Arc::clone(&api), self.exits.clone()));
                }
            }
        }
        connections.shutdown().await;
    }
}

async fn serve(stream: TcpStream, api: Arc<Api>, exits: mpsc::Sender<u8>) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY was not set");
    }
    let exit = OnceLock::new();
    let service = service_fn(|request| async { Ok::<_, Infallible>(api.answer(request, &exit).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(Mending::new(stream)), service);
    if let Err(error) = connection.await {
        debug!(%error, "an API connection failed");
    }
    // Only now: the answer to `quit` has been sent. Full means that somebody else has asked already.
    if let Some(code) = exit.get() {
        let _ = exits.try_send(*code);
    }
}
