//! An event that says what its sender knew.

use alloc::vec::Vec;

use super::{DisplayTime, EventId, EventType, ExtractError, Field};
use crate::causality::Ordering;
use crate::versions::VectorTimestamp;

/// What the headers of an event say: all of it but the payload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trace {
    /// Which event it is: the same id is the same event.
    pub event_id: EventId,
    /// What kind of event it is.
    pub event_type: EventType,
    /// What its sender knew, the event itself included.
    pub causality: VectorTimestamp,
}

impl Trace {
    /// What the three headers make up: none of them is no trace, some of them are a broken one.
    pub(super) fn of_headers(
        event_id: Option<EventId>,
        event_type: Option<EventType>,
        causality: Option<VectorTimestamp>,
        header: fn(Field) -> &'static str,
    ) -> Result<Option<Self>, ExtractError> {
        let missing = |field| ExtractError::Missing { name: header(field) };
        match (event_id, event_type, causality) {
            (None, None, None) => Ok(None),
            (Some(event_id), Some(event_type), Some(causality)) => {
                Ok(Some(Self { event_id, event_type, causality }))
            }
            (None, ..) => Err(missing(Field::EventId)),
            (_, None, _) => Err(missing(Field::EventType)),
            (.., None) => Err(missing(Field::Vector)),
        }
    }
}

/// An event with its causal past. Immutable, so that it says the same wherever it is passed on to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TracedEvent {
    trace: Trace,
    payload: Vec<u8>,
    time: Option<DisplayTime>,
}

impl TracedEvent {
    /// The event that these headers and this payload make up.
    #[must_use]
    pub fn new(trace: Trace, payload: Vec<u8>) -> Self {
        Self { trace, payload, time: None }
    }

    /// The same event with a wall time for people, which only serde's form and
    /// [`positional`](super::positional) carry.
    #[must_use]
    pub fn with_time(self, time: Option<DisplayTime>) -> Self {
        Self { time, ..self }
    }

    /// What travels in headers.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Which event it is.
    #[must_use]
    pub fn event_id(&self) -> &EventId {
        &self.trace.event_id
    }

    /// What kind of event it is.
    #[must_use]
    pub fn event_type(&self) -> &EventType {
        &self.trace.event_type
    }

    /// What its sender knew, the event itself included.
    #[must_use]
    pub fn causality(&self) -> &VectorTimestamp {
        &self.trace.causality
    }

    /// What the event is about.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload alone.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// When it happened by somebody's clock: to be shown, never to be compared.
    #[must_use]
    pub fn time(&self) -> Option<&DisplayTime> {
        self.time.as_ref()
    }

    /// How this event relates to the other under happens-before. Neither the ids nor the times have a say.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.trace.causality.compare(&other.trace.causality)
    }
}
