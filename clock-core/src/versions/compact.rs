//! Vectors on a stream between two parties that know the same members: whole once, then what changed.
//!
//! Ids do not travel: both ends hold the same [`Membership`], which the first message proves by its fingerprint. After
//! it, a message holds the entries that rose since the one before, so its size follows the activity and not the number
//! of members: 14 bytes for four changes among sixty-four, where the same vector with ids takes some fifteen hundred.
//! A delta names the vector it builds on by a tag, so one that was lost, repeated or overtaken is refused and never
//! added to the wrong base.
//!
//! | bytes | whole, form 1 | delta, form 2 |
//! |---|---|---|
//! | 1 | `0x01` | `0x02` |
//! | 4, little-endian | fingerprint of the members | tag of the base |
//! | varint | count of counters, up to the last that is not 0 | count of changes |
//! | varints | the counters, by slot | per change: slots skipped since the one before, then the increase (from 1) |
//!
//! Varints are LEB128 and minimal, so every vector has one encoding per form. Decoding is bounded by the members: no
//! claimed length is trusted, nothing is allocated, and a refused message leaves the receiver as it was.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use thiserror::Error;

use super::membership::{Membership, Slot};
use super::varint::{self, VarintError};
use super::version_vector::VersionVector;
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;

const WHOLE: u8 = 1;
const DELTA: u8 = 2;

/// Why bytes were not taken as a vector. The receiver is unchanged in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompactError {
    /// The first byte names no form: this is no vector, or one of a newer version.
    #[error("vector form {form:#04x}: expected 0x01 (whole) or 0x02 (delta)")]
    UnknownForm {
        /// The byte found.
        form: u8,
    },
    /// The sender's members are not ours: exchange memberships before vectors.
    #[error("the sender's members have fingerprint {theirs:#010x}, ours {ours:#010x}")]
    OtherMembers {
        /// The fingerprint received.
        theirs: u32,
        /// Our own.
        ours: u32,
    },
    /// A message between was lost or repeated. Ask the sender to [`reset`](VectorSender::reset).
    #[error("the delta builds on vector {theirs:#010x}, the last one received is {ours:#010x}")]
    OtherBase {
        /// The tag received.
        theirs: u32,
        /// The tag of the last vector.
        ours: u32,
    },
    /// The message is cut off, or a number in it is too large or not in its shortest form.
    #[error("at byte {at}: {cause}")]
    Varint {
        /// Where it begins.
        at: usize,
        /// What is wrong with it.
        cause: VarintError,
    },
    /// More entries than members, or a change of a slot that nobody has.
    #[error("an entry for slot {slot}, with {members} members")]
    SlotOutOfRange {
        /// The slot, from 0.
        slot: u64,
        /// How many there are.
        members: usize,
    },
    /// A whole vector ends in a zero, or a change is by zero: another encoding of the same vector exists.
    #[error("at byte {at}: a zero where the canonical form has none")]
    NotCanonical {
        /// Where.
        at: usize,
    },
    /// A counter is, or would become, larger than [`MAX_COUNTER`].
    #[error("the counter of slot {slot} would exceed {MAX_COUNTER}")]
    CounterTooLarge {
        /// Whose counter.
        slot: usize,
    },
    /// Bytes follow the vector.
    #[error("{count} bytes after the end of the vector")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
}

/// The vector was over other members than the sender. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the vector is over other members than the stream: start a sender for them")]
pub struct OtherMembers;

/// The sending end of a stream of vectors.
#[derive(Clone, Debug)]
pub struct VectorSender<K = ReplicaId> {
    end: End<K>,
    /// Whether the receiver has our base.
    is_established: bool,
}

/// The receiving end of a stream of vectors.
#[derive(Clone, Debug)]
pub struct VectorReceiver<K = ReplicaId> {
    end: End<K>,
}

/// What both ends must agree on.
#[derive(Clone, Debug)]
struct End<K> {
    fingerprint: u32,
    base: VersionVector<K>,
    tag: u64,
    /// By how the message at hand differs from the base; kept between messages for its memory.
    changes: Vec<Change>,
    /// The counters of a whole vector that is being read; kept for the same reason.
    arriving: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    slot: Slot,
    before: u64,
    now: u64,
}

impl<K: Ord + Clone + fmt::Display> VectorSender<K> {
    /// A sender of vectors over these members. Its first message is a whole vector.
    #[must_use]
    pub fn new(members: &Membership<K>) -> Self {
        Self { end: End::new(members), is_established: false }
    }

    /// Makes the next message a whole vector: after a reconnect, or when the receiver says it lost the base.
    pub fn reset(&mut self) {
        self.is_established = false;
    }

    /// Appends the vector's encoding: a delta where the receiver has the base and few entries rose, else the whole vector.
    ///
    /// # Errors
    /// [`OtherMembers`] if the vector is not over the sender's members.
    pub fn encode(&mut self, vector: &VersionVector<K>, out: &mut Vec<u8>) -> Result<(), OtherMembers> {
        if !self.end.base.shares_slots(vector) {
            return Err(OtherMembers);
        }
        if self.is_established {
            self.end.find_changes(vector);
            if self.end.is_delta_worth_it() {
                self.end.encode_delta(out);
                self.end.apply_changes();
                return Ok(());
            }
        }
        self.end.encode_whole(vector, out);
        self.end.replace_base(vector.used_lanes());
        self.is_established = true;
        Ok(())
    }
}

impl<K: Ord + Clone + fmt::Display> VectorReceiver<K> {
    /// A receiver of vectors over these members.
    #[must_use]
    pub fn new(members: &Membership<K>) -> Self {
        Self { end: End::new(members) }
    }

    /// Reads one message, which must be all of `bytes`, and returns the vector that was sent.
    ///
    /// The vector is what the sender *claims*: merge it into a clock through the checked form.
    ///
    /// # Errors
    /// [`CompactError`]; the receiver is unchanged.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<&VersionVector<K>, CompactError> {
        let mut reader = varint::Reader::new(bytes);
        let form = reader.byte().map_err(|cause| CompactError::Varint { at: 0, cause })?;
        match form {
            WHOLE => self.read_whole(&mut reader)?,
            DELTA => self.read_delta(&mut reader)?,
            form => return Err(CompactError::UnknownForm { form }),
        }
        Ok(&self.end.base)
    }

    fn read_whole(&mut self, reader: &mut varint::Reader<'_>) -> Result<(), CompactError> {
        let (theirs, ours) = (read_tag(reader)?, self.end.fingerprint);
        if theirs != ours {
            return Err(CompactError::OtherMembers { theirs, ours });
        }
        let count = read_count(reader, self.end.base.members().len())?;
        let mut arriving = core::mem::take(&mut self.end.arriving);
        arriving.clear();
        arriving.resize(count, 0);
        let read = read_counters(reader, &mut arriving);
        if read.is_ok() {
            self.end.replace_base(&arriving);
        }
        self.end.arriving = arriving;
        read
    }

    fn read_delta(&mut self, reader: &mut varint::Reader<'_>) -> Result<(), CompactError> {
        let (theirs, ours) = (read_tag(reader)?, self.end.short_tag());
        if theirs != ours {
            return Err(CompactError::OtherBase { theirs, ours });
        }
        let members = self.end.base.members().len();
        let count = read_count(reader, members)?;
        self.end.changes.clear();
        let mut next = 0;
        for _ in 0..count {
            let slot = read_varint(reader)?.saturating_add(next);
            let in_range = usize::try_from(slot).ok().filter(|slot| *slot < members);
            let index = in_range.ok_or(CompactError::SlotOutOfRange { slot, members })?;
            let at = reader.at();
            let increase = read_varint(reader)?;
            if increase == 0 {
                return Err(CompactError::NotCanonical { at });
            }
            let before = self.end.base.at(Slot::at(index));
            let now = before.saturating_add(increase);
            if now > MAX_COUNTER {
                return Err(CompactError::CounterTooLarge { slot: index });
            }
            self.end.changes.push(Change { slot: Slot::at(index), before, now });
            next = slot + 1;
        }
        read_end(reader)?;
        self.end.apply_changes();
        Ok(())
    }
}

impl<K: Ord + Clone + fmt::Display> End<K> {
    fn new(members: &Membership<K>) -> Self {
        Self {
            fingerprint: fingerprint(members),
            base: VersionVector::over(members),
            tag: 0,
            changes: Vec::new(),
            arriving: Vec::new(),
        }
    }

    /// Identifies base and members on the wire.
    fn short_tag(&self) -> u32 {
        let [a, b, c, d, e, f, g, h] = self.tag.to_le_bytes();
        u32::from_le_bytes([a, b, c, d]) ^ u32::from_le_bytes([e, f, g, h]) ^ self.fingerprint
    }

    /// Brings base and tag up to the message at hand.
    fn apply_changes(&mut self) {
        let lanes = self.base.repr.lanes_mut();
        for Change { slot, before, now } in &self.changes {
            self.tag ^= mark(slot.index(), *before) ^ mark(slot.index(), *now);
            lanes[slot.index()] = *now;
        }
    }

    /// Brings base and tag up to a whole vector; lanes it does not have are 0.
    fn replace_base(&mut self, counters: &[u64]) {
        let marks = counters.iter().enumerate().map(|(index, counter)| mark(index, *counter));
        self.tag = marks.fold(0, |tag, mark| tag ^ mark);
        let lanes = self.base.repr.lanes_mut();
        let (used, rest) = lanes.split_at_mut(counters.len());
        used.copy_from_slice(counters);
        rest.fill(0);
    }

    /// Looks for where the vector differs from the base, eight lanes at a time: most are equal.
    fn find_changes(&mut self, vector: &VersionVector<K>) {
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
    fn is_delta_worth_it(&self) -> bool {
        2 * self.changes.len() < self.base.members().len().max(3)
            && self.changes.iter().all(|change| change.now > change.before)
    }

    fn encode_whole(&self, vector: &VersionVector<K>, out: &mut Vec<u8>) {
        let lanes = vector.used_lanes();
        out.push(WHOLE);
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        varint::write(out, lanes.len() as u64);
        varint::write_all(out, lanes);
    }

    fn encode_delta(&self, out: &mut Vec<u8>) {
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

/// FNV-1a over the ids in the order of their slots.
fn fingerprint<K: fmt::Display>(members: &Membership<K>) -> u32 {
    let mut hash = Fnv(0x811C_9DC5);
    for (_, id) in members.iter() {
        writeln!(hash, "{id}").expect("hashing does not fail, and nor does printing an id");
    }
    hash.0
}

struct Fnv(u32);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.bytes().fold(self.0, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Ok(())
    }
}

/// The counters of a whole vector, to the end of the message.
fn read_counters(reader: &mut varint::Reader<'_>, counters: &mut [u64]) -> Result<(), CompactError> {
    reader.fill(counters).map_err(|cause| CompactError::Varint { at: reader.at(), cause })?;
    if let Some(slot) = counters.iter().position(|counter| *counter > MAX_COUNTER) {
        return Err(CompactError::CounterTooLarge { slot });
    }
    if counters.last() == Some(&0) {
        return Err(CompactError::NotCanonical { at: reader.at() - 1 });
    }
    read_end(reader)
}

#[inline]
fn read_varint(reader: &mut varint::Reader<'_>) -> Result<u64, CompactError> {
    let at = reader.at();
    reader.varint().map_err(|cause| CompactError::Varint { at, cause })
}

fn read_count(reader: &mut varint::Reader<'_>, members: usize) -> Result<usize, CompactError> {
    let count = read_varint(reader)?;
    let in_range = usize::try_from(count).ok().filter(|count| *count <= members);
    in_range.ok_or_else(|| CompactError::SlotOutOfRange { slot: count - 1, members })
}

fn read_tag(reader: &mut varint::Reader<'_>) -> Result<u32, CompactError> {
    let at = reader.at();
    reader.array().map(u32::from_le_bytes).map_err(|cause| CompactError::Varint { at, cause })
}

fn read_end(reader: &varint::Reader<'_>) -> Result<(), CompactError> {
    match reader.left() {
        0 => Ok(()),
        count => Err(CompactError::TrailingBytes { count }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(count: usize) -> Membership {
        let id = |index| format!("station-{index}.00000001").parse().unwrap();
        Membership::of((0..count).map(id)).unwrap()
    }

    fn raised(vector: &VersionVector, changes: &[(usize, u64)]) -> VersionVector {
        let mut vector = vector.clone();
        for (index, by) in changes {
            let slot = Slot::at(index % vector.members().len());
            let counter = (vector.at(slot) + by).min(MAX_COUNTER);
            *vector.repr.lane_mut(slot) = counter;
        }
        vector
    }

    fn encoded(sender: &mut VectorSender, vector: &VersionVector) -> Vec<u8> {
        let mut bytes = Vec::new();
        sender.encode(vector, &mut bytes).unwrap();
        bytes
    }

    fn changes() -> impl Strategy<Value = Vec<(usize, u64)>> {
        let by = prop_oneof![1u64..4, 1u64..1 << 20, Just(MAX_COUNTER)];
        prop::collection::vec((any::<usize>(), by), 0..40)
    }

    proptest! {
        /// Disproved by a message that reads as another vector, or by one that is taken after one before it got lost.
        #[test]
        fn a_stream_is_read_as_it_was_sent_or_refused(
            count in 1usize..80,
            messages in prop::collection::vec((changes(), 0u8..10), 1..12),
        ) {
            let members = members(count);
            let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
            let mut vector = VersionVector::over(&members);
            for (changes, fate) in messages {
                vector = raised(&vector, &changes);
                let bytes = encoded(&mut sender, &vector);
                if fate == 0 {
                    continue;
                }
                match receiver.decode(&bytes) {
                    Ok(read) => prop_assert_eq!(read, &vector),
                    Err(CompactError::OtherBase { .. }) => {
                        sender.reset();
                        prop_assert_eq!(receiver.decode(&encoded(&mut sender, &vector)).unwrap(), &vector);
                    }
                    Err(other) => prop_assert!(false, "{}", other),
                }
            }
        }

        /// Whatever can be read is the one encoding of what was read, and what cannot changes nothing.
        #[test]
        fn any_bytes_are_canonical_or_refused(
            tail in prop::collection::vec(any::<u8>(), 0..24),
            form in 0u8..4,
            start in changes(),
        ) {
            let members = members(5);
            let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
            let before = raised(&VersionVector::over(&members), &start);
            receiver.decode(&encoded(&mut sender, &before)).unwrap();
            let tag = if form == WHOLE { receiver.end.fingerprint } else { receiver.end.short_tag() };
            let bytes = [&[form], &tag.to_le_bytes()[..], &tail].concat();
            let mut end = receiver.end.clone();
            match receiver.decode(&bytes).cloned() {
                Ok(read) => {
                    let mut again = Vec::new();
                    match form {
                        WHOLE => end.encode_whole(&read, &mut again),
                        _ => {
                            end.find_changes(&read);
                            end.encode_delta(&mut again);
                        }
                    }
                    prop_assert_eq!(again, bytes);
                }
                Err(_) => prop_assert_eq!((&receiver.end.base, receiver.end.tag), (&end.base, end.tag)),
            }
        }
    }

    #[test]
    fn four_changes_among_sixty_four_take_fourteen_bytes_and_all_of_them_under_two_hundred() {
        let members = members(64);
        let mut sender = VectorSender::new(&members);
        let all: Vec<_> = (0..64).map(|index| (index, 2_000_000 + index as u64)).collect();
        let vector = raised(&VersionVector::over(&members), &all);
        assert_eq!(encoded(&mut sender, &vector).len(), 198);
        let vector = raised(&vector, &[(3, 1), (17, 2), (40, 100), (63, 127)]);
        assert_eq!(encoded(&mut sender, &vector).len(), 14);
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let members = members(3);
        let mut sender = VectorSender::new(&members);
        let vector = raised(&VersionVector::over(&members), &[(0, 3), (2, 300)]);
        let whole = encoded(&mut sender, &vector);
        assert_eq!((whole[0], &whole[5..]), (1, &[3, 3, 0, 0xAC, 0x02][..]));
        let delta = encoded(&mut sender, &raised(&vector, &[(2, 5)]));
        assert_eq!((delta[0], &delta[5..]), (2, &[1, 2, 5][..]));
    }

    #[test]
    fn each_fault_is_refused_by_name() {
        let members = members(3);
        let mut sender = VectorSender::new(&members);
        let whole = encoded(&mut sender, &raised(&VersionVector::over(&members), &[(0, 3), (2, 300)]));
        let head = &whole[..5];
        let refusal = |bytes: &[u8]| VectorReceiver::new(&members).decode(bytes).unwrap_err();
        let with = |tail: &[u8]| refusal(&[head, tail].concat());
        assert_eq!(refusal(&[]), CompactError::Varint { at: 0, cause: VarintError::Truncated });
        assert_eq!(refusal(&[9]), CompactError::UnknownForm { form: 9 });
        assert_eq!(with(&[]), CompactError::Varint { at: 5, cause: VarintError::Truncated });
        assert_eq!(with(&[4, 1, 1, 1, 1]), CompactError::SlotOutOfRange { slot: 3, members: 3 });
        assert_eq!(with(&[1, 0]), CompactError::NotCanonical { at: 6 });
        assert_eq!(with(&[1, 0x81, 0]), CompactError::Varint { at: 6, cause: VarintError::NotShortest });
        assert_eq!(with(&[1, 1, 7]), CompactError::TrailingBytes { count: 1 });
        let max = [&[1][..], &[0xFF; 9], &[1]].concat();
        assert_eq!(with(&max), CompactError::CounterTooLarge { slot: 0 });
        let mut other = VectorReceiver::new(&super::tests::members(4));
        assert!(matches!(other.decode(&whole), Err(CompactError::OtherMembers { .. })));
        let mut foreign = VectorSender::new(&super::tests::members(3));
        assert_eq!(foreign.encode(&VersionVector::over(&members), &mut Vec::new()), Err(OtherMembers));
    }
}
