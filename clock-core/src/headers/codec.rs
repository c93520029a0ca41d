//! A service's own reader and writer of vectors: it looks at a name once, and not in every message.
//!
//! Services that talk to each other know the same nodes, and both sides keep them sorted. So what can be
//! said of the names (whether they may be sent, and how they are spelled in each form) is kept for as long as
//! the clock's table of names stays the same. A message is first read as such a service would have written
//! it: each name is the next one of ours or a later one, spelled as we spell it, and one comparison of bytes
//! replaces scanning it, checking its charset, proving that it ascends, and looking it up. Whatever is not as
//! we would have written it, be it a new node, another order, a blank or an error, is for the plain decoder
//! to judge, from the start.
//!
//! Memory is kept between messages too: once a service knows the others, reading, merging, counting and
//! writing allocate nothing. A message with a name that the receiver does not know costs a new table, a copy
//! of the receiver's with that name.
//!
//! [`text::decode_vector`](super::text::decode_vector) and its siblings do the same without memory, for
//! occasional use.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::charset::is_node_name;
use super::entries::unsendable_name;
use super::pieces::{Piece, Pieces, Room};
use super::{ENTRIES_MAX, EncodeError, HEADER_BYTES_MAX, Malformed, decimal, msgpack, text};
use crate::clocks::MAX_COUNTER;
use crate::versions::{Membership, Slot, VectorTimestamp};

/// Reads and writes the vectors of one service.
///
/// ```
/// use clock_core::VectorClock;
/// use clock_core::headers::VectorCodec;
///
/// let (mut clock, mut codec) = (VectorClock::new("billing"), VectorCodec::new());
/// let received = codec.decode_text("orders=7", clock.timestamp())?;
/// clock.try_observe(received)?;
/// clock.tick();
/// let mut header = String::new();
/// codec.encode_text(clock.timestamp(), &mut header)?;
/// assert_eq!(header, "billing=1,orders=7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct VectorCodec {
    names: Names,
    received: VectorTimestamp,
}

/// What is known of the names of one table.
#[derive(Clone, Debug, Default)]
struct Names {
    members: Membership<Arc<str>>,
    /// Of the names that may be sent, ascending.
    legal: Vec<Slot>,
    /// `name=` for each of them.
    in_text: Pieces,
    /// The name as a msgpack string for each of them.
    in_msgpack: Pieces,
}

impl VectorCodec {
    /// A codec that knows no names yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a vector in its text form, behind what `out` holds.
    ///
    /// # Errors
    /// [`EncodeError`] if no receiver would accept it; `out` is as it was.
    pub fn encode_text(&mut self, vector: &VectorTimestamp, out: &mut String) -> Result<(), EncodeError> {
        let entries = self.check_sendable(vector)?;
        if entries == 0 {
            return Err(EncodeError::EmptyVector);
        }
        let bytes_max = self.names.in_text.len() + entries * text::COUNTER_BYTES_MAX;
        text::as_bytes(out, |out| {
            Room::append(out, bytes_max, |room| {
                self.names.each_entry(vector, &self.names.in_text, |name, counter| {
                    room.put(name);
                    decimal::spell(counter, |word, count| room.put_word(word, count));
                    room.put_byte(b',');
                });
            });
            let _last_comma = out.pop();
        });
        Ok(())
    }

    /// Writes a vector in its binary form, behind what `out` holds.
    ///
    /// # Errors
    /// [`EncodeError`] if no receiver would accept it; `out` is as it was.
    pub fn encode_msgpack(&mut self, vector: &VectorTimestamp, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let entries = self.check_sendable(vector)?;
        msgpack::write_map_len(entries, out);
        let bytes_max = self.names.in_msgpack.len() + entries * msgpack::COUNTER_BYTES_MAX;
        Room::append(out, bytes_max, |room| {
            self.names.each_entry(vector, &self.names.in_msgpack, |name, counter| {
                room.put(name);
                msgpack::put_unsigned(counter, room);
            });
        });
        Ok(())
    }

    /// Reads a vector from its text form, over the names of `known`, which is the receiver's own vector: what
    /// is returned merges into it without a look at a name. The rules are those of
    /// [`text::decode_vector`](super::text::decode_vector).
    ///
    /// # Errors
    /// [`Malformed`], as there.
    pub fn decode_text(
        &mut self,
        text: &str,
        known: &VectorTimestamp,
    ) -> Result<&VectorTimestamp, Malformed> {
        self.names.learn(known.members());
        self.received.restart(&self.names.members);
        if read_own_text(text.as_bytes(), &self.names, &mut self.received).is_none() {
            self.received = over(&self.names.members, &text::decode_vector(text)?);
        }
        Ok(&self.received)
    }

    /// As [`decode_text`](Self::decode_text), from the binary form.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode_msgpack(
        &mut self,
        bytes: &[u8],
        known: &VectorTimestamp,
    ) -> Result<&VectorTimestamp, Malformed> {
        self.names.learn(known.members());
        self.received.restart(&self.names.members);
        if read_own_msgpack(bytes, &self.names, &mut self.received).is_none() {
            self.received = over(&self.names.members, &msgpack::decode_vector(bytes)?);
        }
        Ok(&self.received)
    }

    /// How many entries there are to send.
    fn check_sendable(&mut self, vector: &VectorTimestamp) -> Result<usize, EncodeError> {
        self.names.learn(vector.members());
        let entries = vector.len();
        if entries > ENTRIES_MAX {
            return Err(EncodeError::TooManyEntries { entries });
        }
        match self.names.legal.len() == vector.members().len() {
            true => Ok(entries),
            false => unsendable_name(vector).map_or(Ok(entries), Err),
        }
    }
}

/// Reads a text that is as we would have written it; otherwise nothing is known but that it is not.
fn read_own_text(text: &[u8], names: &Names, received: &mut VectorTimestamp) -> Option<()> {
    if text.len() > HEADER_BYTES_MAX || names.legal.len() > ENTRIES_MAX {
        return None;
    }
    let (lanes, mut rest) = (received.lanes_mut(), text);
    for (slot, name) in names.legal.iter().zip(names.in_text.iter()) {
        let Some(behind) = name.behind_in(rest) else { continue };
        let (counter, length) = text::counter_at(behind).filter(|(counter, _)| *counter <= MAX_COUNTER)?;
        lanes[slot.index()] = counter;
        match behind[length..].split_first() {
            None => return Some(()),
            Some((b',', more)) => rest = more,
            Some(_) => return None,
        }
    }
    None
}

/// As [`read_own_text`], of the binary form.
fn read_own_msgpack(bytes: &[u8], names: &Names, received: &mut VectorTimestamp) -> Option<()> {
    let (len, mut rest) = msgpack::map_at(bytes)?;
    if bytes.len() > HEADER_BYTES_MAX || len > ENTRIES_MAX || names.legal.len() > ENTRIES_MAX {
        return None;
    }
    let (lanes, mut count) = (received.lanes_mut(), 0);
    for (slot, name) in names.legal.iter().zip(names.in_msgpack.iter()) {
        if count == len {
            break;
        }
        let Some(behind) = name.behind_in(rest) else { continue };
        let counter;
        (counter, rest) = msgpack::counter_at(behind).filter(|(counter, _)| *counter <= MAX_COUNTER)?;
        lanes[slot.index()] = counter;
        count += 1;
    }
    (count == len && rest.is_empty()).then_some(())
}

/// The same vector over these members, and more if it has entries of others. One that names a retired member stays over a
/// table of its own, which no clock moves to.
fn over(members: &Membership<Arc<str>>, vector: &VectorTimestamp) -> VectorTimestamp {
    if vector.iter().any(|(name, _)| members.is_retired(name)) {
        return vector.clone();
    }
    let mut moved = VectorTimestamp::over(members);
    let mut unknown = Vec::new();
    for (name, counter) in vector.iter() {
        match members.slot(name) {
            Some(slot) => moved.lanes_mut()[slot.index()] = counter,
            None => unknown.push((Arc::clone(name), counter)),
        }
    }
    moved.add_unknown(unknown);
    moved
}

impl Names {
    /// Looks at the names of a table that was not looked at yet.
    fn learn(&mut self, members: &Membership<Arc<str>>) {
        if self.members.is_same(members) {
            return;
        }
        *self = Self { members: members.clone(), ..Self::default() };
        for (slot, name) in members.ascending().filter(|(_, name)| is_node_name(name.as_bytes())) {
            self.legal.push(slot);
            self.in_text.push(|out| {
                out.extend_from_slice(name.as_bytes());
                out.push(b'=');
            });
            self.in_msgpack.push(|out| msgpack::write_text(name, out));
        }
    }

    #[inline]
    fn each_entry(&self, vector: &VectorTimestamp, spelled: &Pieces, mut act: impl FnMut(Piece<'_>, u64)) {
        for (slot, name) in self.legal.iter().zip(spelled.iter()) {
            match vector.at(*slot) {
                0 => {}
                counter => act(name, counter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VectorClock;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = Vec<(String, u64)>> {
        let counter = prop_oneof![6 => 0u64..4, 3 => 0..=MAX_COUNTER, 1 => Just(u64::MAX)];
        prop_oneof![
            prop::collection::vec(("[a-d]{1,2}", counter.clone()), 0..12),
            prop::collection::vec((prop_oneof!["[a-d]{1,2}", "[a-b]{60,64}"], counter), 12..24),
        ]
    }

    /// Messages of distinct names, so that some are read to their end.
    fn distinct_entries() -> impl Strategy<Value = Vec<(String, u64)>> {
        entries().prop_map(|entries| {
            let distinct: std::collections::BTreeMap<_, _> = entries.into_iter().collect();
            distinct.into_iter().filter(|(_, counter)| *counter <= MAX_COUNTER).collect()
        })
    }

    fn vector(entries: &[(String, u64)]) -> VectorTimestamp {
        let in_range = entries.iter().filter(|(_, counter)| *counter <= MAX_COUNTER);
        VectorTimestamp::from_entries(in_range.map(|(name, counter)| (name.as_str(), *counter))).unwrap()
    }

    proptest! {
        /// Disproved by an input that the codec reads differently from the plain decoder, whatever it knows
        /// already and whatever it read before over the same names: what one message leaves behind must not
        /// show in the next.
        #[test]
        fn it_reads_what_the_plain_decoders_read(
            known in prop::collection::vec(entries(), 1..3),
            messages in prop::collection::vec(
                (prop_oneof![entries(), distinct_entries()], any::<bool>(), any::<prop::sample::Index>()),
                2..8,
            ),
            tails in prop::collection::vec(prop::sample::select(vec!["", "", "", ",", "=", "!", ",a"]), 8),
        ) {
            let known: Vec<VectorTimestamp> = known.iter().map(|entries| vector(entries)).collect();
            let mut codec = VectorCodec::new();
            for ((mut message, is_sorted, known_at), tail) in messages.into_iter().zip(tails) {
                if is_sorted {
                    message.sort_unstable();
                }
                let known = known_at.get(&known);
                let pairs = message.iter().map(|(name, counter)| (name.as_str(), *counter));
                let (mut as_text, mut as_msgpack) = (String::new(), Vec::new());
                text::write_entries(pairs.clone(), &mut as_text);
                msgpack::write_entries(pairs.collect::<Vec<_>>(), &mut as_msgpack);
                as_text.push_str(tail);
                as_msgpack.extend_from_slice(tail.as_bytes());
                prop_assert_eq!(codec.decode_text(&as_text, known).cloned(), text::decode_vector(&as_text));
                let plain = msgpack::decode_vector(&as_msgpack);
                prop_assert_eq!(codec.decode_msgpack(&as_msgpack, known).cloned(), plain);
            }
        }

        #[test]
        fn it_writes_what_the_plain_encoders_write(vectors in prop::collection::vec(entries(), 1..6)) {
            let mut codec = VectorCodec::new();
            for entries in vectors {
                let vector = vector(&entries);
                let (mut own, mut plain) = (String::from("kept"), String::from("kept"));
                prop_assert_eq!(codec.encode_text(&vector, &mut own), text::encode_vector_into(&vector, &mut plain));
                prop_assert_eq!(own, plain);
                let (mut own, mut plain) = (vec![7], vec![7]);
                codec.encode_msgpack(&vector, &mut own).unwrap();
                msgpack::encode_vector_into(&vector, &mut plain).unwrap();
                prop_assert_eq!(own, plain);
            }
        }
    }

    #[test]
    fn a_name_that_could_forge_a_header_is_refused_only_where_it_has_an_entry() {
        let mut clock = VectorClock::new("bad,name=1");
        clock.try_observe(&VectorTimestamp::from_entries([("orders", 3)]).unwrap()).unwrap();
        let (mut codec, mut out) = (VectorCodec::new(), String::new());
        codec.encode_text(clock.timestamp(), &mut out).unwrap();
        assert_eq!(out, "orders=3");
        clock.tick();
        assert!(matches!(codec.encode_text(clock.timestamp(), &mut out), Err(EncodeError::NodeName { .. })));
        assert_eq!(out, "orders=3");
    }

    #[test]
    fn a_retired_name_does_not_come_back_in_a_header() {
        let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<Arc<str>>>();
        let members = Membership::restored(3, names(&["a", "b"]), names(&["gone"])).unwrap();
        let mut clock = VectorClock::resuming("a", VectorTimestamp::over(&members)).with_members_max(2);
        let mut codec = VectorCodec::new();
        for header in ["gone=5", "b=1,gone=5"] {
            let received = codec.decode_text(header, clock.timestamp()).unwrap();
            assert_eq!(received, &text::decode_vector(header).unwrap());
            clock.try_observe(received).unwrap();
        }
        assert_eq!(clock.timestamp().to_string(), "{b: 1}");
        assert!(clock.timestamp().members().is_retired("gone") && clock.timestamp().members().len() == 2);
    }

    #[test]
    fn what_it_reads_shares_the_receivers_names() {
        let known = VectorTimestamp::from_entries([("a", 1), ("b", 1)]).unwrap();
        let mut codec = VectorCodec::new();
        let received = codec.decode_text("b=7", &known).unwrap();
        assert!(received.shares_slots(&known));
    }
}
