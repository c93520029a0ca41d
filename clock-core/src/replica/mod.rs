//! The replica: every decision of a station, and no effect of its own.
//!
//! [`Replica::handle`] takes one input at a given moment and says what is to be done. It never blocks, never
//! panics on input, reads no clock, draws no randomness but from its seeded generator, and does not log: what
//! happened is returned as effects. A daemon, a test and a simulator drive the very same code.
//!
//! An event goes through three states here, always forward:
//! *held back* until its past is applied (`deliver`), *staged* in the order of the local log until it is durable
//! (`ledger`), then *visible* to readers, clients and peers (`commit`, `catalog`, `sync`).
//!
//! Architecture invariants: nothing leaves the replica before it is durable (rule 1); the applied vector moves
//! only by contiguous events, never by a vector from outside (rule 2). The rules are numbered in docs/protocol.md.

mod asker;
mod behind;
mod catalog;
mod clocks;
mod commit;
mod conflict;
mod copies;
mod deliver;
mod effect;
mod identity;
mod input;
mod ledger;
mod limits;
pub mod lineage;
mod mint;
mod mistakes;
mod outbound;
mod read;
mod recover;
mod request;
mod requests;
mod session;
mod sync;
mod twins;
mod usage;
mod write;

use std::collections::{BTreeMap, BTreeSet};

pub use conflict::ConflictId;
pub use effect::{About, Effect, Fact, LogQuery, LogQuestion, LogRecord, LogStart};
pub use input::{Input, LoggedEvent, Lsn, Mono, Now, Opener, SessionId, Ticket};
pub use limits::Limits;
pub use recover::Recovered;
pub use usage::Usage;

use self::asker::Batches;
use self::behind::Behind;
use self::catalog::Catalog;
use self::clocks::Clocks;
use self::copies::Copies;
use self::deliver::HoldBack;
use self::ledger::Ledger;
use self::outbound::{Outbound, RelayQueue};
use self::requests::RequestTable;
use self::session::Inbound;
use crate::clocks::DEFAULT_MAX_DRIFT_MS;
use crate::id::{Dot, NodeId, ReplicaId};

/// What a replica is told about itself. Fixed for its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// The cluster it belongs to; sessions that mean another one are refused.
    pub cluster: NodeId,
    /// Its own station.
    pub station: NodeId,
    /// The other members.
    pub peers: BTreeSet<NodeId>,
    /// How far ahead of the wall clock a remote hybrid timestamp may be before it is refused *for the clock*
    /// (its data is kept), in milliseconds.
    pub drift_max_ms: u64,
    /// How long an event of a third station is left to its origin before it is relayed. Zero relays at once
    /// and sends most events twice; long values delay convergence where a pair of stations cannot talk.
    pub relay_delay: std::time::Duration,
    /// How often an idle outbound session tells what it has carried. The peer's `idle` limit must be at least
    /// three times as long.
    pub heartbeat: std::time::Duration,
    /// The bounds of its buffers.
    pub limits: Limits,
    /// Seed of the generator that draws new incarnations. Another one at every start, or a station put back to an old
    /// state would draw what it drew before.
    pub seed: u64,
}

impl ReplicaConfig {
    /// The recommended settings for a station among `peers`.
    pub fn new(cluster: NodeId, station: NodeId, peers: BTreeSet<NodeId>, seed: u64) -> Self {
        Self {
            cluster,
            station,
            peers,
            drift_max_ms: DEFAULT_MAX_DRIFT_MS,
            relay_delay: std::time::Duration::from_millis(100),
            heartbeat: std::time::Duration::from_secs(1),
            limits: Limits::default(),
            seed,
        }
    }
}

/// One station's clocks, catalog and view of its peers. A copy goes its own way: a model checker tries both.
#[derive(Debug, Clone)]
pub struct Replica {
    config: ReplicaConfig,
    /// This station in its present incarnation: the owner of every dot it mints from now on.
    me: ReplicaId,
    clocks: Clocks,
    rng: fastrand::Rng,
    ledger: Ledger,
    hold_back: HoldBack,
    catalog: Catalog,
    requests: RequestTable,
    batches: Batches,
    copies: Copies,
    behind: Behind,
    outbound: BTreeMap<SessionId, Outbound>,
    inbound: BTreeMap<SessionId, Inbound>,
    /// Client sessions that were accepted: nobody else's requests are heard.
    clients: BTreeSet<SessionId>,
    /// Second contents of dots that are in quarantine already.
    disputed: BTreeSet<(Dot, u32)>,
    /// Whether anybody can know events of the present incarnation.
    minted_since_incarnation: bool,
    /// Peers that may know events of the present incarnation that were lost here, and have not told since the start.
    unheard: BTreeSet<NodeId>,
    relay: RelayQueue,
    counters: Counters,
}

/// What happened so far, for status.
#[derive(Debug, Default, Clone)]
struct Counters {
    duplicates: u64,
    quarantined: u64,
}

/// The moment and the effects of one call of [`Replica::handle`].
struct Step<'a> {
    now: Now,
    effects: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn observe(&mut self, fact: Fact) {
        self.effects.push(Effect::Observe(fact));
    }
}

impl Replica {
    /// Takes one input and appends what is to be done to `effects`, in the order in which it is to be done.
    /// Total: it never panics and never blocks, whatever the input.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let step = &mut Step { now, effects };
        match input {
            Input::Client { ticket, terms, request } if self.clients.contains(&ticket.session) => {
                self.handle_request(step, ticket, terms, request);
            }
            // Its session was refused or has ended; nobody waits for an answer.
            Input::Client { .. } => {}
            Input::SessionUp { session, opener } => self.handle_session_up(step, session, opener),
            Input::SessionDown { session } => self.handle_session_down(step, session),
            Input::Frame { session, message } => self.handle_message(step, session, message),
            Input::LogRead { session, events, next } => self.handle_log_read(step, session, events, next),
            Input::Synced { upto } => self.handle_synced(step, upto),
            Input::Tick => self.handle_tick(step),
        }
        if self.ledger.take_unsynced() {
            effects.push(Effect::Sync { upto: self.ledger.last_lsn() });
        }
    }

    /// When to call [`handle`](Self::handle) with [`Input::Tick`] at the latest, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Mono> {
        let answers = self.copies.deadline().into_iter().chain(self.behind.deadline());
        self.outbound.values().filter_map(Outbound::deadline).chain(answers).min()
    }

    /// This station in its present incarnation.
    pub fn id(&self) -> &ReplicaId {
        &self.me
    }

    /// What must always hold, checked by tests after every step.
    ///
    /// # Errors
    /// A sentence that says which invariant does not hold.
    pub fn invariant(&self) -> Result<(), String> {
        self.ledger.invariant()?;
        self.hold_back.invariant(self.ledger.applied())
    }
}
