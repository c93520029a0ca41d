//! Bytes from socket to lane and from lane to socket, as far as they go without waiting.

use std::io::{self, ErrorKind, IoSlice};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::warn;

use super::{Connection, Over};
use crate::lane::{End, Lane, WRITE_SLICES_MAX};
use crate::schedule::Terms;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Nothing,
    Some,
}

/// What a socket did.
enum Touched {
    /// It would have had to wait.
    Nothing,
    Moved,
    /// The peer is gone.
    Failed,
}

impl Connection {
    /// One read and one write per lane.
    pub(super) async fn pump(&mut self) -> Result<Moved, Over> {
        let now = Instant::now();
        let (seed, config) = (self.config.seed, &self.config);
        let is_connected = self.far.is_some();
        let forward = Terms { seed, policy: config.policy(self.forward_flow), is_connected };
        let backward = Terms { seed, policy: config.policy(self.backward_flow), is_connected: true };
        let mut moved = false;

        let (name, near, far) = (self.name.as_str(), Some(&self.near), self.far.as_ref());
        let (one, other) = (&mut self.forward, &mut self.backward);
        moved |= Direction { name, lane: one, sibling: other, terms: forward, now }.turn(near, far);
        moved |= Direction { name, lane: other, sibling: one, terms: backward, now }.turn(far, near);
        moved |= pass_end(&mut self.forward, &mut self.backward, forward, self.far.as_mut()).await?;
        moved |= pass_end(&mut self.backward, &mut self.forward, backward, Some(&mut self.near)).await?;

        if self.forward.is_finished() && self.backward.is_finished() {
            return Err(Over);
        }
        Ok(if moved { Moved::Some } else { Moved::Nothing })
    }
}

/// One lane with the lane that comes back from where it goes to.
struct Direction<'a> {
    name: &'a str,
    lane: &'a mut Lane,
    sibling: &'a mut Lane,
    terms: Terms<'a>,
    now: Instant,
}

impl Direction<'_> {
    fn turn(mut self, source: Option<&TcpStream>, sink: Option<&TcpStream>) -> bool {
        let mut moved = false;
        match source.map_or(Touched::Nothing, |source| self.read(source)) {
            Touched::Nothing => {}
            Touched::Moved => moved = true,
            Touched::Failed => {
                self.lane.handle_read_failure(self.now);
                self.sibling.on_sink_dead();
                moved = true;
            }
        }
        // One portion per turn, and another turn if that was not all: news are taken in between.
        moved |= self.lane.advance(self.now, self.terms);
        match sink.map_or(Touched::Nothing, |sink| self.write(sink)) {
            Touched::Nothing => moved,
            Touched::Moved => true,
            Touched::Failed => {
                self.lane.on_sink_dead();
                self.sibling.on_source_failed(self.now);
                true
            }
        }
    }

    fn read(&mut self, source: &TcpStream) -> Touched {
        let room = self.lane.appetite(self.terms);
        if room == 0 {
            return Touched::Nothing;
        }
        let read = source.try_read_buf(&mut self.lane.read_buffer(room));
        match read {
            Ok(bytes) => {
                if let Some(desync) = self.lane.handle_read(bytes, self.now, self.terms) {
                    warn!(
                        conn = self.name,
                        claimed = desync.claimed,
                        "no frame is this long: the lane is raw now"
                    );
                }
                Touched::Moved
            }
            Err(error) => touched_by(&error),
        }
    }

    fn write(&mut self, sink: &TcpStream) -> Touched {
        if !self.lane.wants_write(self.terms) {
            return Touched::Nothing;
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let count = self.lane.write_slices(&mut slices);
        match sink.try_write_vectored(&slices[..count]) {
            Ok(bytes) => {
                self.lane.handle_written(bytes);
                Touched::Moved
            }
            Err(error) => touched_by(&error),
        }
    }
}

fn touched_by(error: &io::Error) -> Touched {
    match error.kind() {
        ErrorKind::WouldBlock => Touched::Nothing,
        ErrorKind::Interrupted => Touched::Moved,
        _ => Touched::Failed,
    }
}

/// Passes on the end of a lane whose bytes are all written. An abort ends the whole connection.
async fn pass_end(
    lane: &mut Lane,
    sibling: &mut Lane,
    terms: Terms<'_>,
    sink: Option<&mut TcpStream>,
) -> Result<bool, Over> {
    let Some((end, sink)) = lane.due_end(terms).zip(sink) else { return Ok(false) };
    match end {
        End::Reset => {
            // Only now: set at the start, it would turn every ordinary close into an abort.
            if let Err(error) = sink.set_zero_linger() {
                warn!(%error, "an abort is passed on as a close");
            }
            Err(Over)
        }
        End::Fin => {
            // Shutting down a TCP socket never waits.
            match sink.shutdown().await {
                Ok(()) => lane.on_fin_sent(),
                Err(_) => {
                    lane.on_sink_dead();
                    sibling.on_source_failed(Instant::now());
                }
            }
            Ok(true)
        }
    }
}
