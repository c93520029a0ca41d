//! Questions about the past, answered from the log: what a key was, what a write was built on, what came of it.
//!
//! The replica keeps current versions in memory and nothing else; the rest is on disk. So these questions are answered
//! by the shell, on a thread that may block, over any [`Log`]: the store of a station, or that of a simulation. Every
//! answer is as of one position, hence of one causally closed set of events.

mod ancestors;
mod history;
mod impact;
mod snapshot;
mod twins;
mod why;

pub use ancestors::common_ancestors;

use super::effect::{About, LogQuestion};
use super::input::Lsn;
use crate::event::WriteEvent;
use crate::id::{Dot, Key, ReplicaId};
use crate::wire::{RequestError, Response};

/// Dots or keys in one list of an answer.
pub(super) const LISTED_MAX: usize = 256;
/// Bytes of values and contexts in one answer, beside the largest event: it still fits a frame.
pub(super) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// An event in its place.
pub type Placed = (Lsn, WriteEvent);

/// A log that can be asked. Blocking is allowed.
pub trait Log {
    /// Why it could not be read: damage, which no answer may hide.
    type Error;

    /// The event of this name.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn find(&self, dot: &Dot) -> Result<Option<Placed>, Self::Error>;

    /// The events of a key behind a position, in log order.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn of_key(
        &self,
        key: &Key,
        after: Lsn,
    ) -> Result<impl Iterator<Item = Result<Placed, Self::Error>>, Self::Error>;

    /// A replica's events up to a sequence (inclusive), in its order.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn of_replica(
        &self,
        replica: &ReplicaId,
        upto: u64,
    ) -> Result<impl Iterator<Item = Result<Placed, Self::Error>>, Self::Error>;

    /// All events from a position on, in log order.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn from(&self, start: Lsn) -> Result<impl Iterator<Item = Result<Placed, Self::Error>>, Self::Error>;
}

/// Answers a question from the log. Its cost grows with the history of the keys in question; for [`About::Why`] with
/// the number of events of the author, for [`About::Impact`] with the number of events since.
///
/// # Errors
/// What the log says if it cannot be read.
pub fn answer<L: Log>(log: &L, question: &LogQuestion) -> Result<Response, L::Error> {
    let LogQuestion { upto, about } = question;
    match about {
        About::History { key, after } => history::history(log, key, *after, *upto),
        About::Snapshot { keys, at } => snapshot::snapshot(log, keys, at, *upto),
        About::Why(dot) => why::why(log, dot, *upto),
        About::Impact(dot) => impact::impact(log, dot, *upto),
    }
}

/// The event, if it is in the part of the log that is asked.
fn find<L: Log>(log: &L, dot: &Dot, upto: Lsn) -> Result<Option<Placed>, L::Error> {
    Ok(log.find(dot)?.filter(|(lsn, _)| *lsn <= upto))
}

/// What is said of an event that is not there.
fn unknown(dot: &Dot) -> Response {
    Response::Refused(RequestError::UnknownDot(dot.clone()))
}

/// A list as an answer holds it, and whether something was left out.
fn listed<T>(items: impl IntoIterator<Item = T>) -> (Vec<T>, bool) {
    let mut items = items.into_iter();
    let listed = items.by_ref().take(LISTED_MAX).collect();
    (listed, items.next().is_some())
}

/// An upper estimate of the bytes that an event takes in an answer.
fn answer_bytes(event: &WriteEvent) -> usize {
    const ID_BYTES: usize = 88;
    event.body.bytes.len() + (event.context.len() + 2) * ID_BYTES + event.key.as_str().len()
}
