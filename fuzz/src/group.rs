//! Fixed memberships for the vectors of a stream, of sizes on both sides of every boundary of their layout.

use std::sync::LazyLock;

use clock_core::{Incarnation, Membership, NodeId, ReplicaId, VectorReceiver, VectorSender, VersionVector};

/// How many members each group has.
pub const SIZES: [usize; 8] = [3, 0, 1, 2, 9, 64, 65, 130];

/// Members, and both ends of a fresh stream over them.
#[derive(Debug)]
pub struct Group {
    /// Who is in it.
    pub members: Membership,
    /// The sending end.
    pub sender: VectorSender,
    /// The receiving end.
    pub receiver: VectorReceiver,
    /// What the first message proves.
    pub fingerprint: [u8; 4],
}

static GROUPS: LazyLock<[Group; SIZES.len()]> = LazyLock::new(|| SIZES.map(Group::new));

/// The group that a byte of the input picks.
#[must_use]
pub fn pick(byte: u8) -> &'static Group {
    &GROUPS[usize::from(byte) % SIZES.len()]
}

impl Group {
    fn new(size: usize) -> Self {
        let replica = |index: usize| ReplicaId {
            node: NodeId::new(&format!("station-{index:03}")).expect("a legal name"),
            incarnation: Incarnation(u32::try_from(index).expect("a small index")),
        };
        let members = Membership::of((0..size).map(replica)).expect("distinct members");
        let (sender, receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
        let [_, fingerprint @ .., _] = whole_of_nothing(&members, &sender);
        Self { members, sender, receiver, fingerprint }
    }

    /// The tag by which a delta names this vector as its base: what a sender writes that sends it twice.
    #[must_use]
    pub fn tag_of(&self, vector: &VersionVector) -> [u8; 4] {
        let mut sender = self.sender.clone();
        let mut bytes = Vec::new();
        sender.encode(vector, &mut bytes).expect("a vector over the group");
        bytes.clear();
        sender.encode(vector, &mut bytes).expect("a vector over the group");
        let Ok([2, tag @ .., 0]) = <[u8; 6]>::try_from(bytes) else { panic!("no empty delta: {vector}") };
        tag
    }
}

fn whole_of_nothing(members: &Membership, sender: &VectorSender) -> [u8; 6] {
    let mut bytes = Vec::new();
    sender.clone().encode(&VersionVector::over(members), &mut bytes).expect("a vector over the members");
    bytes.try_into().expect("form, fingerprint and a count of 0")
}
