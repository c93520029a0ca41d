//! Bytes from socket to lane and from lane to socket, as far as they go without waiting.
//!
//! The sockets are polled and not asked for their readiness, since only polling tells tokio of a short read or
//! write, so that the next turn asks nothing of the kernel to learn that there is nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::warn;

use super::{Connection, Over};
use crate::lane::{Desync, End, Lane, WRITE_SLICES_MAX};
use crate::schedule::Terms;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Nothing,
    Some,
}

impl Moved {
    pub(super) fn or(self, other: Self) -> Self {
        if self == Moved::Some { self } else { other }
    }
}

/// What a socket did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touched {
    /// It would have had to wait.
    Nothing,
    Moved,
    /// The peer is gone.
    Failed,
}

impl Connection {
    /// At most one read and one write per lane. Whatever has to wait wakes `cx`.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Result<Moved, Over> {
        let (seed, config) = (self.config.seed, &self.config);
        let is_connected = self.far.is_some();
        let forward = Terms { seed, policy: config.policy(self.forward_flow), is_connected };
        let backward = Terms { seed, policy: config.policy(self.backward_flow), is_connected: true };
        let mut moved = false;

        let (name, near, far) = (self.name.as_str(), &mut self.near, &mut self.far);
        let (one, other) = (&mut self.forward, &mut self.backward);
        moved |=
            Direction { name, lane: one, sibling: other, terms: forward }.turn(cx, Some(near), far.as_mut());
        moved |=
            Direction { name, lane: other, sibling: one, terms: backward }.turn(cx, far.as_mut(), Some(near));
        moved |= pass_end(cx, one, other, forward, far.as_mut())?;
        moved |= pass_end(cx, other, one, backward, Some(near))?;

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
}

impl Direction<'_> {
    fn turn(
        mut self,
        cx: &mut Context<'_>,
        source: Option<&mut TcpStream>,
        sink: Option<&mut TcpStream>,
    ) -> bool {
        let was_hungry = self.lane.appetite() > 0;
        let read = source.map_or(Touched::Nothing, |source| self.read(cx, source));
        if read == Touched::Failed {
            self.lane.handle_read_failure(Instant::now());
            self.sibling.on_sink_dead();
        }
        let expired = self.lane.expire_partial(Instant::now, self.terms);
        self.warn_of(expired);
        // One portion per turn, and another turn if that was not all: news are taken in between.
        let is_cut_short = self.lane.advance(Instant::now, self.terms);
        let written = sink.map_or(Touched::Nothing, |sink| self.write(cx, sink));
        if written == Touched::Failed {
            self.lane.on_sink_dead();
            self.sibling.on_source_failed(Instant::now());
        }
        self.lane.publish();
        // What has just made room was not read for, and only a read that finds nothing is woken.
        let has_room_now = !was_hungry && self.lane.appetite() > 0;
        is_cut_short
            || has_room_now
            || expired.is_some()
            || read != Touched::Nothing
            || written != Touched::Nothing
    }

    fn warn_of(&self, desync: Option<Desync>) {
        match desync {
            None => {}
            Some(Desync { claimed: Some(claimed) }) => {
                warn!(conn = self.name, claimed, "no frame has this length: the lane is raw now");
            }
            Some(Desync { claimed: None }) => {
                warn!(conn = self.name, "the rest of a frame did not come in time: the lane is raw now");
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, source: &mut TcpStream) -> Touched {
        let bytes_max = self.lane.appetite();
        // No memory is taken before there is something to put there.
        if bytes_max == 0 || source.poll_read_ready(cx).is_pending() {
            return Touched::Nothing;
        }
        let mut room = ReadBuf::new(self.lane.read_buffer(bytes_max));
        let read = Pin::new(source).poll_read(cx, &mut room);
        let bytes = room.filled().len();
        let touched = touched_by(&read);
        if touched == Touched::Moved {
            // The clock is read afterwards: a frame cannot have arrived before it was there.
            let desync = self.lane.handle_read(bytes, Instant::now(), self.terms);
            self.warn_of(desync);
        }
        touched
    }

    fn write(&mut self, cx: &mut Context<'_>, sink: &mut TcpStream) -> Touched {
        if !self.lane.wants_write(self.terms) {
            return Touched::Nothing;
        }
        let sink = Pin::new(sink);
        let written = match self.lane.run() {
            [] => {
                let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
                let count = self.lane.write_slices(&mut slices);
                sink.poll_write_vectored(cx, &slices[..count])
            }
            run => sink.poll_write(cx, run),
        };
        if let Poll::Ready(Ok(bytes)) = written {
            self.lane.handle_written(bytes);
        }
        touched_by(&written)
    }
}

fn touched_by<T>(polled: &Poll<io::Result<T>>) -> Touched {
    match polled {
        Poll::Pending => Touched::Nothing,
        Poll::Ready(Ok(_)) => Touched::Moved,
        Poll::Ready(Err(_)) => Touched::Failed,
    }
}

/// Passes on the end of a lane whose bytes are all written. An abort ends the whole connection.
fn pass_end(
    cx: &mut Context<'_>,
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
            match Pin::new(sink).poll_shutdown(cx) {
                // Shutting down a TCP socket never waits.
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(())) => lane.on_fin_sent(),
                Poll::Ready(Err(_)) => {
                    lane.on_sink_dead();
                    sibling.on_source_failed(Instant::now());
                }
            }
            Ok(true)
        }
    }
}
