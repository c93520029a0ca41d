//! A station on a store, as far as its dots go: which one it would use next.

use bytes::Bytes;
use clock_core::replica::{Effect, Input, LogRecord, Now, Opener, Replica, ReplicaConfig, SessionId, Ticket};
use clock_core::wire::message::Claim;
use clock_core::wire::{Request, Terms, WriteContext};
use clock_core::{BodyKind, Dot, RequestId, VersionVector};
use clock_node::store::OpenedStore;

use super::{dot, identity, key};

/// The replica that a station would rebuild from this store, among one peer.
pub fn recovered(store: &OpenedStore, seed: u64) -> Replica {
    let (identity, peer) = (identity("pacific"), "atlantic".parse().expect("valid"));
    let config = ReplicaConfig::new(identity.cluster, identity.station, [peer].into(), seed);
    let events = store.reader().events().expect("readable").map(|event| event.expect("readable"));
    Replica::recover(config, Now::default(), store.recovered, events).expect("the store has checked them").0
}

/// Its peer comes, and has all events up to this one.
pub fn hears_from_its_peer(replica: &mut Replica, upto: u64) {
    let durable: VersionVector = [(dot(1).replica, upto)].into_iter().collect();
    let claim = Claim { replica: "atlantic.00000001".parse().expect("valid"), durable };
    let opener = Opener::Peer { cluster: identity("pacific").cluster, claim };
    replica.handle(Now::default(), Input::SessionUp { session: SessionId(1), opener }, &mut Vec::new());
}

/// The name of the write that it takes next.
pub fn mints(replica: &mut Replica) -> Dot {
    let (session, mut effects) = (SessionId(2), Vec::new());
    let opener = Opener::Client { cluster: identity("pacific").cluster };
    replica.handle(Now::default(), Input::SessionUp { session, opener }, &mut effects);
    let request = Request::Put {
        key: key(1),
        kind: BodyKind::OPAQUE,
        value: Bytes::from_static(b"new"),
        context: WriteContext::StationView,
        request: RequestId(u128::MAX),
    };
    let asked = Input::Client { ticket: Ticket { session, number: 1 }, terms: Terms::default(), request };
    replica.handle(Now::default(), asked, &mut effects);
    let minted = effects.into_iter().find_map(|effect| match effect {
        Effect::Append(LogRecord::Event { dot, .. }) => Some(dot),
        _ => None,
    });
    minted.expect("a write is appended at once")
}
