//! The cluster that every sequence plays in. Filled before anything is measured.

use std::sync::LazyLock;

use clock_core::replica::ReplicaConfig;
use clock_core::{Incarnation, Key, NodeId, ReplicaId};

/// The incarnation that an empty disk starts with.
pub(super) const FIRST_INCARNATION: Incarnation = Incarnation(1);

/// Names, ready made.
pub(super) struct World {
    pub(super) config: ReplicaConfig,
    pub(super) other_cluster: NodeId,
    /// Three peers, a stranger, and the station itself.
    pub(super) stations: [NodeId; 5],
    /// Who mints what peers ship, beside the station's present incarnation.
    pub(super) origins: [ReplicaId; 8],
    pub(super) keys: [Key; 4],
    /// A key that no script names by number.
    pub(super) last_key: Key,
}

pub(super) static WORLD: LazyLock<World> = LazyLock::new(|| {
    let node = |name: &str| NodeId::new(name).expect("a legal name");
    let key = |text: &str| Key::new(text).expect("a legal key");
    let origin = |(name, incarnation): (&str, u32)| ReplicaId {
        node: node(name),
        incarnation: Incarnation(incarnation),
    };
    let peers = ["atlantic", "indian", "southern"].map(node);
    World {
        config: ReplicaConfig::new(node("mss"), node("pacific"), peers.into_iter().collect(), 7),
        other_cluster: node("iss"),
        stations: ["atlantic", "indian", "southern", "lunar", "pacific"].map(node),
        origins: [
            ("atlantic", 1),
            ("indian", 1),
            ("southern", 1),
            ("atlantic", 2),
            ("lunar", 1),
            ("pacific", FIRST_INCARNATION.0),
            ("pacific", 9),
            ("zenith", u32::MAX),
        ]
        .map(origin),
        keys: ["a", "b", "MSS-17/attitude", "z"].map(key),
        last_key: key("afterwards"),
    }
});
