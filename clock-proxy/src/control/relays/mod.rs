//! Relays and toxics that come and go while the proxy runs: the orders, and how the director carries them out.
//!
//! An order is one transaction. All addresses are bound before anything is changed; then names, rules and counters
//! come into force together; only then are connections accepted. So no connection escapes a toxic that was made
//! with its relay, and an address that is taken changes nothing. To delete and to disable is to close the listener
//! and all its connections, which waits for no peer.

mod carry;
mod listen;
mod registry;
mod toxics;

pub(crate) use listen::{Listen, ListenError};
pub(crate) use registry::{Registry, Relay, RelayFacts, Relays, all_facts};

use serde_json::{Map, Value};

use crate::rule::{AttributeError, Stream, ToxicKind};

/// Relays besides the links of the stations. Each has a listener, and the system has some 28,000 free ports.
pub(crate) const RELAYS_MAX: usize = 10_000;

/// Toxics of one relay. Each frame meets each of them; no scenario has more than a handful.
pub(crate) const TOXICS_MAX: usize = 100;

/// Bytes of the name of a relay or a toxic. Names are kept, listed and logged.
pub(crate) const NAME_BYTES_MAX: usize = 256;

/// A relay to be made.
#[derive(Debug, Clone)]
pub(crate) struct RelayWish {
    pub(crate) name: String,
    pub(crate) listen: Listen,
    pub(crate) upstream: String,
    pub(crate) is_enabled: bool,
    pub(crate) toxics: Vec<ToxicWish>,
}

/// A toxic to be made.
#[derive(Debug, Clone)]
pub(crate) struct ToxicWish {
    pub(crate) name: String,
    pub(crate) kind: ToxicKind,
    pub(crate) stream: Stream,
    pub(crate) stream_text: String,
    pub(crate) toxicity: f64,
    pub(crate) attributes: crate::rule::Attributes,
}

/// What changes of a relay; the rest stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct RelayPatch {
    pub(crate) listen: Option<Listen>,
    pub(crate) upstream: Option<String>,
    pub(crate) is_enabled: Option<bool>,
}

/// What changes of a toxic. The attributes are read by the director, who knows of which type the toxic is by then.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToxicPatch {
    pub(crate) toxicity: Option<f64>,
    pub(crate) attributes: Map<String, Value>,
}

/// What can be done to relays. Each is one transaction.
#[derive(Debug, Clone)]
pub(crate) enum RelayOrder {
    Create(RelayWish),
    /// Makes relays of different names, and replaces those that exist with other addresses. Ends at the first that
    /// cannot listen, and makes those before it.
    Populate(Vec<RelayWish>),
    Update {
        relay: String,
        patch: RelayPatch,
    },
    Delete {
        relay: String,
    },
    AddToxic {
        relay: String,
        toxic: ToxicWish,
    },
    UpdateToxic {
        relay: String,
        toxic: String,
        patch: ToxicPatch,
    },
    RemoveToxic {
        relay: String,
        toxic: String,
    },
    /// Enables all relays and removes all toxics, and nothing else that is broken.
    Reset,
}

/// What became of an order.
#[derive(Debug, Default)]
pub(crate) struct RelayOutcome {
    /// The relays that are meant, as they are now.
    pub(crate) relays: Vec<RelayFacts>,
    pub(crate) error: Option<RelayError>,
}

/// Why an order was not carried out. Unless it says otherwise nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RelayError {
    /// There is no relay of this name.
    #[error("proxy not found")]
    UnknownRelay,
    /// Choose another name, or populate, which replaces.
    #[error("proxy already exists")]
    RelayExists,
    /// Choose another name.
    #[error("the name {0:?} belongs to a node already")]
    NameTaken(String),
    /// Change the stations instead.
    #[error("{0:?} is a link between stations: it can be disabled and made toxic, not moved or deleted")]
    IsPair(String),
    /// There is no toxic of this name.
    #[error("toxic not found")]
    UnknownToxic,
    /// Choose another name, or update.
    #[error("toxic already exists")]
    ToxicExists,
    /// Correct the attribute.
    #[error("bad request body: {0}")]
    BadAttribute(#[from] AttributeError),
    /// Delete some first.
    #[error("there are no more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// Choose another address. Of a populate, those before it are made.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Everything is changed, but a connection may still act on the old rules.
    #[error("the change is made, but a connection has not confirmed it in time")]
    Unconfirmed,
    /// Whether it was carried out is unknown.
    #[error("the proxy is going down")]
    GoingDown,
}
