//! What a header says, and what it is called.

use core::fmt;

/// One piece of causality metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The sender's Lamport time: `order-svc:42`.
    Lamport,
    /// What the sender knew: `svc-a=3,svc-b=1`.
    Vector,
    /// The event's id.
    EventId,
    /// What kind of event it is.
    EventType,
}

impl Field {
    /// The name in text headers (HTTP, gRPC). Looked up without regard to ASCII case: HTTP/2 lowers it.
    #[must_use]
    pub const fn text_name(self) -> &'static str {
        match self {
            Self::Lamport => "X-Causality-Lamport",
            Self::Vector => "X-Causality-Vector",
            Self::EventId => "X-Causality-EventId",
            Self::EventType => "X-Causality-EventType",
        }
    }

    /// The name in binary headers (Kafka).
    #[must_use]
    pub const fn binary_name(self) -> &'static str {
        match self {
            Self::Lamport => "causality-lc",
            Self::Vector => "causality-vc",
            Self::EventId => "causality-eid",
            Self::EventType => "causality-etype",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Lamport => "Lamport time",
            Self::Vector => "vector",
            Self::EventId => "event id",
            Self::EventType => "event type",
        })
    }
}
