//! The receiving end.

use core::fmt;

use super::end::{Change, End};
use super::{CompactError, DELTA, WHOLE};
use crate::clocks::MAX_COUNTER;
use crate::id::ReplicaId;
use crate::versions::varint;
use crate::versions::{Membership, Slot, VersionVector};

/// The receiving end of a stream of vectors.
#[derive(Clone, Debug)]
pub struct VectorReceiver<K = ReplicaId> {
    pub(super) end: End<K>,
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
