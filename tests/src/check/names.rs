//! Names as small numbers: a history names the same few stations, keys and writes over and over.

use std::collections::HashMap;
use std::hash::Hash;

use clock_core::{Dot, Key, NodeId, ReplicaId, RequestId};

macro_rules! numbers {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        $($(#[doc = $what])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) struct $name(pub(super) usize);)*
    };
}

numbers! {
    /// A station.
    StationId,
    /// A station in one of its incarnations.
    ReplicaIndex,
    /// A key.
    KeyId,
    /// A client's request.
    RequestIndex,
    /// A write: what a dot names. A dot that a crash took back before anyone could know it, and that was minted
    /// again, names another write then.
    WriteId,
}

/// A dot with its replica as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DotAt {
    pub(super) replica: ReplicaIndex,
    pub(super) seq: u64,
}

/// Numbers things from 0 in the order in which they are met.
#[derive(Debug)]
struct Numbering<T> {
    numbers: HashMap<T, usize>,
    things: Vec<T>,
}

/// Every name of the history so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    stations: Numbering<NodeId>,
    replicas: Numbering<ReplicaId>,
    /// By replica.
    owners: Vec<StationId>,
    keys: Numbering<Key>,
    requests: Numbering<RequestId>,
    writes: HashMap<DotAt, WriteId>,
    dots: Vec<DotAt>,
}

impl<T> Default for Numbering<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), things: Vec::new() }
    }
}

impl<T: Hash + Eq + Clone> Numbering<T> {
    fn number(&mut self, thing: &T) -> usize {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        let number = self.things.len();
        self.numbers.insert(thing.clone(), number);
        self.things.push(thing.clone());
        number
    }
}

impl Names {
    pub(super) fn station(&mut self, node: &NodeId) -> StationId {
        StationId(self.stations.number(node))
    }

    pub(super) fn key(&mut self, key: &Key) -> KeyId {
        KeyId(self.keys.number(key))
    }

    pub(super) fn request(&mut self, request: &RequestId) -> RequestIndex {
        RequestIndex(self.requests.number(request))
    }

    pub(super) fn dot(&mut self, dot: &Dot) -> DotAt {
        let replica = self.replicas.number(&dot.replica);
        if self.owners.len() <= replica {
            let owner = self.station(&dot.replica.node);
            self.owners.push(owner);
        }
        DotAt { replica: ReplicaIndex(replica), seq: dot.seq }
    }

    /// The write that a dot names now.
    pub(super) fn write(&mut self, dot: &Dot) -> WriteId {
        let dot = self.dot(dot);
        let next = WriteId(self.dots.len());
        let id = *self.writes.entry(dot).or_insert(next);
        if id == next {
            self.dots.push(dot);
        }
        id
    }

    pub(super) fn writes(&mut self, dots: &[Dot]) -> Vec<WriteId> {
        dots.iter().map(|dot| self.write(dot)).collect()
    }

    /// From now on the dot names another write: the former one vanished before anyone could know it.
    pub(super) fn rename(&mut self, former: WriteId) -> WriteId {
        let dot = self.dots[former.0];
        let id = WriteId(self.dots.len());
        self.dots.push(dot);
        self.writes.insert(dot, id);
        id
    }

    pub(super) fn writes_count(&self) -> usize {
        self.dots.len()
    }

    pub(super) fn stations_count(&self) -> usize {
        self.stations.things.len()
    }

    pub(super) fn requests_count(&self) -> usize {
        self.requests.things.len()
    }

    /// The write before this one at its replica, if any line has named it.
    pub(super) fn predecessor(&self, write: WriteId) -> Option<WriteId> {
        let DotAt { replica, seq } = self.dot_of(write);
        self.writes.get(&DotAt { replica, seq: seq - 1 }).copied()
    }

    pub(super) fn dot_of(&self, write: WriteId) -> DotAt {
        self.dots[write.0]
    }

    /// The station whose incarnation the replica is.
    pub(super) fn station_of(&self, replica: ReplicaIndex) -> StationId {
        self.owners[replica.0]
    }

    pub(super) fn station_text(&self, station: StationId) -> &str {
        self.stations.things[station.0].as_str()
    }

    pub(super) fn key_text(&self, key: KeyId) -> &Key {
        &self.keys.things[key.0]
    }

    pub(super) fn request_text(&self, request: RequestIndex) -> RequestId {
        self.requests.things[request.0]
    }

    pub(super) fn dot_text(&self, dot: DotAt) -> String {
        format!("{}:{}", self.replicas.things[dot.replica.0], dot.seq)
    }

    pub(super) fn text(&self, write: WriteId) -> String {
        self.dot_text(self.dot_of(write))
    }

    /// `{a.00000001:1, b.00000001:1}`, for the texts of violations.
    pub(super) fn list(&self, writes: &[WriteId]) -> String {
        let mut dots: Vec<String> = writes.iter().map(|write| self.text(*write)).collect();
        dots.sort_unstable();
        format!("{{{}}}", dots.join(", "))
    }
}
