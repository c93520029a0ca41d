//! One station as the harness saw it: what it shows, key by key, and what its disk holds.
//!
//! Siblings are kept up to date by the definition alone: a write is one as long as no write that the station shows
//! names it in its *client's* context, and none has read a twin of it: another name of the same operation. Then it falls
//! too, if everything that it supersedes itself lies below that twin.

use std::collections::HashMap;

use super::counts::Counts;
use super::names::{DotAt, KeyId, RequestIndex, WriteId};
use crate::history::ValueDigest;

/// No place.
const NOWHERE: usize = usize::MAX;

/// Where a write stands in the order in which a station began to show its writes.
#[derive(Debug, Clone, Copy)]
struct Place {
    shown: usize,
    /// When the first write that supersedes it was shown.
    superseded: usize,
}

/// What makes two writes one, taken at two stations: key, request and value.
pub(super) type Operation = (KeyId, RequestIndex, ValueDigest);

/// A name of a write, as far as it matters to its twins: other names of one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) operation: Operation,
    /// How many writes happened before it, itself included.
    pub(super) height: u64,
    /// The largest height of what it supersedes.
    pub(super) superseded: u64,
}

/// What a station shows of one key.
#[derive(Debug, Default, Clone)]
pub(super) struct KeyView {
    /// Every write of the key.
    pub(super) writes: Vec<WriteId>,
    /// Those that none of them supersedes.
    pub(super) siblings: Vec<WriteId>,
}

/// What a station's disk holds, in the order of its log.
#[derive(Debug, Default)]
pub(super) struct Disk {
    log: Vec<WriteId>,
    /// By write: its latest position in the log.
    positions: Vec<usize>,
}

/// One station.
#[derive(Debug, Default)]
pub(super) struct Station {
    /// Whether the harness saw what it shows. If not, only its answers speak.
    pub(super) is_observed: bool,
    pub(super) is_up: bool,
    /// How often its process began.
    pub(super) life: u32,
    /// What it shows.
    pub(super) visible: Counts,
    /// A digest of what it shows.
    pub(super) visible_digest: u128,
    /// Its own writes that it does not show yet, oldest first.
    pub(super) staged: Vec<WriteId>,
    pub(super) disk: Disk,
    /// By write: whether this life was told that it is durable, or found it on its disk.
    told: Vec<bool>,
    /// How often the harness took something from its disk.
    pub(super) losses: u32,
    shown: Vec<WriteId>,
    places: Vec<Place>,
    names: Vec<Option<Name>>,
    /// By operation: the largest height of its names that somebody had read and superseded.
    read: HashMap<Operation, u64>,
    keys: Vec<KeyView>,
}

fn at_least<T: Clone>(list: &mut Vec<T>, index: usize, fill: T) -> &mut T {
    if list.len() <= index {
        list.resize(index + 1, fill);
    }
    &mut list[index]
}

impl Disk {
    pub(super) fn holds(&self, write: WriteId) -> bool {
        self.positions.get(write.0).is_some_and(|position| *position != NOWHERE)
    }

    /// Puts a write at the end; one that is there already moves. Says whether it is new.
    pub(super) fn append(&mut self, write: WriteId) -> bool {
        let is_new = !self.holds(write);
        *at_least(&mut self.positions, write.0, NOWHERE) = self.log.len();
        self.log.push(write);
        is_new
    }

    /// Says whether it was there.
    pub(super) fn lose(&mut self, write: WriteId) -> bool {
        let held = self.holds(write);
        if held {
            self.positions[write.0] = NOWHERE;
        }
        held
    }

    /// In the order of the log.
    pub(super) fn writes(&self) -> impl Iterator<Item = WriteId> {
        let latest = |(position, write): &(usize, &WriteId)| self.positions[write.0] == *position;
        self.log.iter().enumerate().filter(latest).map(|(_, write)| *write)
    }
}

impl Station {
    pub(super) fn is_told(&self, write: WriteId) -> bool {
        self.told.get(write.0).copied().unwrap_or(false)
    }

    pub(super) fn tell(&mut self, write: WriteId) {
        *at_least(&mut self.told, write.0, false) = true;
    }

    fn place(&self, write: WriteId) -> Place {
        self.places.get(write.0).copied().unwrap_or(Place { shown: NOWHERE, superseded: NOWHERE })
    }

    pub(super) fn shows(&self, write: WriteId) -> bool {
        self.place(write).shown != NOWHERE
    }

    /// How many writes it began to show after this one.
    pub(super) fn shown_after(&self, write: WriteId) -> usize {
        self.shown.len().saturating_sub(self.place(write).shown.saturating_add(1))
    }

    /// All that it shows, in order.
    pub(super) fn shown(&self) -> &[WriteId] {
        &self.shown
    }

    pub(super) fn key(&self, key: KeyId) -> Option<&KeyView> {
        self.keys.get(key.0)
    }

    pub(super) fn keys(&self) -> &[KeyView] {
        &self.keys
    }

    pub(super) fn siblings(&self, key: KeyId) -> &[WriteId] {
        self.key(key).map_or(&[], |view| &view.siblings)
    }

    /// The siblings just after it began to show this write.
    pub(super) fn siblings_when_shown(&self, key: KeyId, write: WriteId) -> Vec<WriteId> {
        let moment = self.place(write).shown;
        let stood = |other: &&WriteId| {
            let place = self.place(**other);
            place.shown <= moment && place.superseded > moment
        };
        self.key(key).map_or(Vec::new(), |view| view.writes.iter().filter(stood).copied().collect())
    }

    /// Shows a write, whose client had read these writes of the same key.
    pub(super) fn show(&mut self, (write, dot): (WriteId, DotAt), name: Name, context: &[WriteId]) {
        let key = name.operation.0;
        let moment = self.shown.len();
        self.shown.push(write);
        self.visible.raise(dot);
        self.visible_digest = self.visible_digest.wrapping_add(digest(dot));
        self.staged.retain(|staged| *staged != write);
        let nowhere = Place { shown: NOWHERE, superseded: NOWHERE };
        at_least(&mut self.places, write.0, nowhere).shown = moment;
        for read in context {
            let place = at_least(&mut self.places, read.0, nowhere);
            place.superseded = place.superseded.min(moment);
            if let Some(twin) = self.names.get(read.0).copied().flatten() {
                let highest = self.read.entry(twin.operation).or_default();
                *highest = twin.height.max(*highest);
            }
        }
        *at_least(&mut self.names, write.0, None) = Some(name);
        let (names, read) = (&self.names, &self.read);
        let falls = |sibling: WriteId| {
            let name = names.get(sibling.0).copied().flatten();
            name.is_some_and(|name| read.get(&name.operation).is_some_and(|high| name.superseded < *high))
        };
        let places = &mut self.places;
        let view = at_least(&mut self.keys, key.0, KeyView::default());
        view.writes.push(write);
        view.siblings.push(write);
        view.siblings.retain(|sibling| {
            let place = &mut places[sibling.0];
            if place.superseded == NOWHERE && falls(*sibling) {
                place.superseded = moment;
            }
            place.superseded == NOWHERE
        });
    }

    /// Its process begins: it shows nothing yet, and knows what its disk holds.
    pub(super) fn restart(&mut self) {
        self.life += 1;
        self.is_up = true;
        self.is_observed = true;
        self.visible = Counts::default();
        self.visible_digest = 0;
        self.staged.clear();
        self.told.clear();
        self.shown.clear();
        self.places.clear();
        self.names.clear();
        self.read.clear();
        self.keys.clear();
        let held: Vec<WriteId> = self.disk.writes().collect();
        held.into_iter().for_each(|write| self.tell(write));
    }
}

/// A digest of one dot; those of a set add up to the set's. Two sets with one digest are not to be expected: 128 bits.
fn digest(dot: DotAt) -> u128 {
    let half = |salt: u64| {
        let mixed = mix(salt ^ dot.replica.0 as u64);
        u128::from(mix(mixed ^ dot.seq))
    };
    half(0x9e37_79b9_7f4a_7c15) << 64 | half(0xd1b5_4a32_d192_ed03)
}

/// The finaliser of `SplitMix64`.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
