//! One station of the model: the real replica on a small disk.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use clock_core::NodeId;
use clock_core::replica::{
    Effect, Input, Limits, Mono, Now, Opener, Recovered, Replica, ReplicaConfig, SessionId, Ticket,
};
use clock_core::wire::{EntryView, Request, Response, Terms};

use super::clients::key;
use super::disk::Disk;
use super::dots::{FIRST, Place, SEED};
use super::scope::{Room, Scope};

/// Time stands still: nothing in the replica waits for it here.
const NOW: Now = Now { mono: Mono(0), wall_ms: 1_700_000_000_000 };
/// Where requests come from. Sessions between stations have other numbers.
pub(crate) const CLIENT: SessionId = SessionId(0);

/// The cluster's name.
pub(crate) fn cluster() -> NodeId {
    "model".parse().expect("a word is a name")
}

/// A replica and its disk.
#[derive(Debug, Clone)]
pub(crate) struct Station {
    replica: Replica,
    /// Its disk.
    pub(crate) disk: Disk,
    /// What it shows of the key; `None`: it knows nothing of it.
    pub(crate) view: Option<EntryView>,
    /// Tells its state from every other.
    identity: u64,
}

/// It waits for nothing: an event of a third station is relayed at once, and every tick is a heartbeat.
fn config(place: Place, scope: Scope) -> ReplicaConfig {
    let peers = Place::all(scope.stations).filter(|peer| *peer != place).map(Place::name).collect();
    let mut config = ReplicaConfig::new(cluster(), place.name(), peers, SEED);
    config.relay_delay = Duration::ZERO;
    config.heartbeat = Duration::ZERO;
    let ample = Limits::default();
    config.limits = match scope.room {
        Room::Ample => ample,
        Room::OneHeldBack => Limits { held_events: 1, frame_events: 1, ..ample },
        Room::OneInFlight => Limits { window_events: 1, ..ample },
    };
    config
}

impl Station {
    /// Starts with an empty disk.
    pub(crate) fn new(place: Place, scope: Scope) -> Self {
        Self::start(place, scope, Disk::default(), true)
    }

    /// Starts again, from what is durable. It had its first incarnation: there is one crash in a history.
    pub(crate) fn restart(place: Place, scope: Scope, disk: Disk) -> Self {
        Self::start(place, scope, disk, false)
    }

    fn start(place: Place, scope: Scope, disk: Disk, is_new: bool) -> Self {
        let (last_lsn, events) = disk.recovered();
        let recovered = Recovered {
            incarnation: FIRST,
            incarnation_is_fresh: is_new,
            may_have_lost_events: false,
            quarantined: 0,
            last_lsn,
        };
        let (mut replica, mut effects) =
            Replica::recover(config(place, scope), NOW, recovered, events).expect("a valid log");
        let opener = Opener::Client { cluster: cluster() };
        replica.handle(NOW, Input::SessionUp { session: CLIENT, opener }, &mut effects);
        Self { replica, disk, view: None, identity: 0 }
    }

    /// One input.
    pub(crate) fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.replica.handle(NOW, input, &mut effects);
        effects
    }

    /// The replica's own word on its state.
    pub(crate) fn invariant(&self) -> Result<(), String> {
        self.replica.invariant()
    }

    /// A step has ended: looks at what a client would see, and takes the state's identity. Once nobody can write any
    /// more the clocks decide nothing, and states that differ in them alone are one.
    pub(crate) fn settle(&mut self, writes_follow: bool) {
        let ticket = Ticket { session: CLIENT, number: 0 };
        let read =
            Input::Client { ticket, terms: Terms::default(), request: Request::Get { key: key(), skip: 0 } };
        self.view = self.handle(read).into_iter().find_map(|effect| match effect {
            Effect::Reply { response: Response::Entry(entry), .. } => Some(entry),
            _ => None,
        });
        let mut hasher = DefaultHasher::new();
        self.disk.identity().hash(&mut hasher);
        let mut text = String::with_capacity(16 * 1024);
        write!(text, "{:?}", self.replica).expect("a string takes what is written");
        let Parts { me, clocks, rest } = Parts::of(&text);
        (me, rest).hash(&mut hasher);
        writes_follow.then_some(clocks).hash(&mut hasher);
        self.identity = hasher.finish();
    }

    /// Equal for equal states.
    pub(crate) fn identity(&self) -> u64 {
        self.identity
    }
}

/// What tells replicas apart, out of all that they show of themselves. Left out are what is fixed for its life, and
/// counters for people.
struct Parts<'a> {
    me: &'a str,
    clocks: &'a str,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let between = |from: &str, upto: &str| {
            let start = text.find(from).expect("a replica shows its fields in their order");
            let end = text.rfind(upto).expect("a replica shows its fields in their order");
            &text[start..end]
        };
        Self {
            me: between(" me: ", " clocks: "),
            clocks: between(" clocks: ", " rng: "),
            rest: between(" ledger: Ledger", " counters: Counters"),
        }
    }
}
