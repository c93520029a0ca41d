//! What both ends of a stream keep: the last vector, and how to tell that it is the same at both.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::{DELTA, WHOLE};
use crate::versions::varint;
use crate::versions::{Membership, Slot, VersionVector};

/// What both ends must agree on.
#[derive(Clone, Debug)]
pub(super) struct End<K> {
    pub(super) fingerprint: u32,
    pub(super) base: VersionVector<K>,
    pub(super) tag: u64,
    /// By how the message at hand differs from the base; kept between messages for its memory.
    pub(super) changes: Vec<Change>,
    /// The counters of a whole vector that is being read; kept for the same reason.
    pub(super) arriving: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) slot: Slot,
    pub(super) before: u64,
    pub(super) now: u64,
}

impl<K: Ord + Clone + fmt::Display> End<K> {
    pub(super) fn new(members: &Membership<K>) -> Self {
        Self {
            fingerprint: fingerprint(members),
            base: VersionVector::over(members),
            tag: 0,
            changes: Vec::new(),
            arriving: Vec::new(),
        }
    }

    /// Whether slots mean the same in both. A table of equal content becomes the stream's, so that the next look is short.
    pub(super) fn is_over(&mut self, members: &Membership<K>) -> bool {
        if self.base.members().is_same(members) {
            return true;
        }
        let is_equal = self.base.members() == members;
        if is_equal {
            self.base = VersionVector::from_lanes(members.clone(), self.base.used_lanes());
        }
        is_equal
    }

    /// Identifies base and members on the wire.
    pub(super) fn short_tag(&self) -> u32 {
        let [a, b, c, d, e, f, g, h] = self.tag.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h]) ^ self.fingerprint
    }

    /// Brings base and tag up to the message at hand.
    pub(super) fn apply_changes(&mut self) {
        let lanes = self.base.repr.lanes_mut();
        for Change { slot, before, now } in &self.changes {
            self.tag ^= mark(slot.index(), *before) ^ mark(slot.index(), *now);
            lanes[slot.index()] = *now;
        }
    }

    /// Brings base and tag up to a whole vector; lanes it does not have are 0.
    pub(super) fn replace_base(&mut self, counters: &[u64]) {
        let marks = counters.iter().enumerate().map(|(index, counter)| mark(index, *counter));
        self.tag = marks.fold(0, |tag, mark| tag ^ mark);
        let lanes = self.base.repr.lanes_mut();
        let (used, rest) = lanes.split_at_mut(counters.len());
        used.copy_from_slice(counters);
        rest.fill(0);
    }

    /// Looks for where the vector differs from the base, eight lanes at a time: most are equal.
    pub(super) fn find_changes(&mut self, vector: &VersionVector<K>) {
        const STRETCH: usize = 8;
        self.changes.clear();
        let (bases, lanes) = (self.base.repr.lanes(), vector.repr.lanes());
        let ((base_stretches, base_rest), (stretches, rest)) =
            (bases.as_chunks::<STRETCH>(), lanes.as_chunks());
        let mut compare = |first: usize, before: &[u64], now: &[u64]| {
            for (index, (before, now)) in
                before.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now)
            {
                self.changes.push(Change { slot: Slot::at(first + index), before: *before, now: *now });
            }
        };
        for (index, (before, now)) in base_stretches.iter().zip(stretches).enumerate() {
            if before != now {
                compare(index * STRETCH, before, now);
            }
        }
        compare(base_stretches.len() * STRETCH, base_rest, rest);
    }

    /// Whether every entry rose, and the whole vector would hardly be shorter: a change takes two bytes or more, a
    /// counter one or more. An entry falls only where another clock took over the stream.
    pub(super) fn is_delta_worth_it(&self) -> bool {
        2 * self.changes.len() < self.base.members().len().max(3)
            && self.changes.iter().all(|change| change.now > change.before)
    }

    pub(super) fn encode_whole(&self, vector: &VersionVector<K>, out: &mut Vec<u8>) {
        let lanes = vector.used_lanes();
        out.push(WHOLE);
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        varint::write(out, lanes.len() as u64);
        varint::write_all(out, lanes);
    }

    pub(super) fn encode_delta(&self, out: &mut Vec<u8>) {
        out.push(DELTA);
        out.extend_from_slice(&self.short_tag().to_le_bytes());
        varint::write(out, self.changes.len() as u64);
        let mut next = 0;
        for Change { slot, before, now } in &self.changes {
            varint::write(out, (slot.index() - next) as u64);
            varint::write(out, now - before);
            next = slot.index() + 1;
        }
    }
}

/// What an entry adds to the tag of a vector; nothing for a zero, so that the tag of the empty vector is 0. The tag tells
/// vectors of one stream apart, and defends against loss, not against forgery.
#[inline]
fn mark(index: usize, counter: u64) -> u64 {
    if counter == 0 {
        return 0;
    }
    let place = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (counter ^ place).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

/// FNV-1a over the ids in the order of their slots, each closed by a byte that no text contains.
fn fingerprint<K: fmt::Display>(members: &Membership<K>) -> u32 {
    let mut hash = Fnv(0x811C_9DC5);
    for (_, id) in members.iter() {
        write!(hash, "{id}").expect("hashing does not fail, and nor does printing an id");
        hash.add(0xFF);
    }
    hash.0
}

struct Fnv(u32);

impl Fnv {
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.add(byte));
        Ok(())
    }
}
