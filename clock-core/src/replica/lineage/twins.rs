//! Names that fell with a twin (see `replica/twins.rs`), worked out again from the log.
//!
//! Heights are not in the log. They are counted from the authors' deltas, and only for writes that have a twin at all.

use super::Log;
use crate::event::WriteEvent;
use crate::id::Dot;
use crate::replica::twins::Operation;
use crate::versions::VersionVector;

/// A name, and what was written under it.
pub(super) struct Operated {
    dot: Dot,
    operation: Operation,
}

impl Operated {
    pub(super) fn of(event: &WriteEvent) -> Self {
        Self { dot: event.dot.clone(), operation: Operation::of(event) }
    }
}

/// The twin with which a name fell, out of the names of its key that were read and superseded.
pub(super) fn twin_read<L: Log>(
    log: &L,
    event: &WriteEvent,
    read: &[Operated],
) -> Result<Option<Dot>, L::Error> {
    if read.is_empty() {
        return Ok(None);
    }
    let operation = Operation::of(event);
    let mut superseded = None;
    for twin in read.iter().filter(|twin| twin.operation == operation) {
        let below = match superseded {
            Some(below) => below,
            None => *superseded.insert(highest(log, &event.context)?),
        };
        if below < height(log, &twin.dot)? {
            return Ok(Some(twin.dot.clone()));
        }
    }
    Ok(None)
}

fn highest<L: Log>(log: &L, dots: &[Dot]) -> Result<u64, L::Error> {
    dots.iter().try_fold(0, |highest, dot| Ok(height(log, dot)?.max(highest)))
}

/// The number of events in the past of one, itself included.
fn height<L: Log>(log: &L, dot: &Dot) -> Result<u64, L::Error> {
    Ok(vector_of(log, dot)?.iter().fold(0, |events, (_, seq)| events.saturating_add(seq)))
}

/// All that happened before an event: the sum of its station's deltas.
pub(super) fn vector_of<L: Log>(log: &L, dot: &Dot) -> Result<VersionVector, L::Error> {
    let mut vector: VersionVector = VersionVector::new();
    for placed in log.of_replica(&dot.replica, dot.seq)? {
        let (_, event) = placed?;
        event.delta.iter().for_each(|(replica, seq)| vector.raise(replica, *seq));
        vector.raise(&event.dot.replica, event.dot.seq);
    }
    Ok(vector)
}
