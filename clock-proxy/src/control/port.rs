//! The control port: the lines of standard input, over TCP. Whoever can reach it may command.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::lines::{Line, LineSplitter};
use super::{Desk, Session};
use crate::acceptor::Acceptor;
use crate::report::Style;

/// Control connections at a time; further ones wait in the kernel's backlog. A test has one or two.
const CONNECTIONS_MAX: usize = 8;

/// One read. Commands are short.
const READ_BYTES: usize = 4096;

pub(crate) struct Port {
    pub(crate) acceptor: Acceptor,
    pub(crate) desk: Desk,
    /// Takes the code of a `quit`.
    pub(crate) exits: mpsc::Sender<u8>,
}

impl Port {
    /// Serves until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut sessions = JoinSet::new();
        loop {
            let has_room = sessions.len() < CONNECTIONS_MAX;
            // Every branch is cancel-safe. Stopping comes first, and ended sessions make room before new ones.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = sessions.join_next() => {
                    if let Err(error) = ended {
                        warn!(%error, "a control session's task failed");
                    }
                }
                (stream, client) = self.acceptor.accept(), if has_room => {
                    debug!(%client, "control connection");
                    sessions.spawn(serve(stream, Session::new(self.desk.clone()), self.exits.clone()));
                }
            }
        }
        sessions.shutdown().await;
    }
}

async fn serve(mut stream: TcpStream, mut session: Session, exits: mpsc::Sender<u8>) {
    let mut splitter = LineSplitter::default();
    let mut bytes = [0; READ_BYTES];
    loop {
        let count = stream.read(&mut bytes).await.unwrap_or(0);
        splitter.feed(&bytes[..count]);
        while let Some(line) = splitter.next_line() {
            if !answer(&mut stream, &mut session, &exits, line).await {
                return;
            }
        }
        if count == 0 {
            if let Some(line) = splitter.last_line() {
                answer(&mut stream, &mut session, &exits, line).await;
            }
            return;
        }
    }
}

/// Answers one line. False when the connection is of no more use.
async fn answer(stream: &mut TcpStream, session: &mut Session, exits: &mpsc::Sender<u8>, line: Line) -> bool {
    let Some(reply) = session.handle(line).await else { return true };
    let mut text = reply.render(Style::Json);
    text.push('\n');
    let is_written = stream.write_all(text.as_bytes()).await.is_ok();
    if let Some(code) = reply.quit_code() {
        // Full means that somebody else has asked to quit already.
        let _ = exits.try_send(code);
    }
    is_written
}
