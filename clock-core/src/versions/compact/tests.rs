//! Streams as they are, damaged, and forged.

use super::*;
use crate::clocks::MAX_COUNTER;
use crate::versions::{Membership, Slot, VarintError, VersionVector};
use alloc::vec::Vec;
use proptest::prelude::*;

fn members_of(count: usize) -> Membership {
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

/// What is read is in range and is encoded by just these bytes; what is refused leaves the receiver as it was.
fn hold(receiver: &mut VectorReceiver, bytes: &[u8]) {
    let mut end = receiver.end.clone();
    match receiver.decode(bytes).cloned() {
        Ok(read) => {
            assert!(read.iter().all(|(_, counter)| counter <= MAX_COUNTER), "out of range: {read}");
            let mut again = Vec::new();
            match bytes[0] {
                WHOLE => end.encode_whole(&read, &mut again),
                _ => {
                    end.find_changes(&read);
                    end.encode_delta(&mut again);
                }
            }
            assert_eq!(again, bytes);
        }
        Err(_) => assert_eq!((&receiver.end.base, receiver.end.tag), (&end.base, end.tag)),
    }
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
        let members = members_of(count);
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
        let members = members_of(5);
        let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
        let before = raised(&VersionVector::over(&members), &start);
        receiver.decode(&encoded(&mut sender, &before)).unwrap();
        let tag = if form == WHOLE { receiver.end.fingerprint } else { receiver.end.short_tag() };
        let bytes = [&[form], &tag.to_le_bytes()[..], &tail].concat();
        hold(&mut receiver, &bytes);
    }
}

#[test]
fn four_changes_among_sixty_four_take_fourteen_bytes_and_all_of_them_under_two_hundred() {
    let members = members_of(64);
    let mut sender = VectorSender::new(&members);
    let all: Vec<_> = (0..64).map(|index| (index, 2_000_000 + index as u64)).collect();
    let vector = raised(&VersionVector::over(&members), &all);
    assert_eq!(encoded(&mut sender, &vector).len(), 198);
    let vector = raised(&vector, &[(3, 1), (17, 2), (40, 100), (63, 127)]);
    assert_eq!(encoded(&mut sender, &vector).len(), 14);
}

#[test]
fn the_bytes_are_as_documented() {
    let members = members_of(3);
    let mut sender = VectorSender::new(&members);
    let vector = raised(&VersionVector::over(&members), &[(0, 3), (2, 300)]);
    let whole = encoded(&mut sender, &vector);
    assert_eq!((whole[0], &whole[5..]), (1, &[3, 3, 0, 0xAC, 0x02][..]));
    let delta = encoded(&mut sender, &raised(&vector, &[(2, 5)]));
    assert_eq!((delta[0], &delta[5..]), (2, &[1, 2, 5][..]));
}

#[test]
fn each_fault_is_refused_by_name() {
    let members = members_of(3);
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
    let mut other = VectorReceiver::new(&members_of(4));
    assert!(matches!(other.decode(&whole), Err(CompactError::OtherMembers { .. })));
    let mut foreign = VectorSender::new(&members_of(4));
    assert_eq!(foreign.encode(&VersionVector::over(&members), &mut Vec::new()), Err(OtherMembers));
}

proptest! {
    /// Good messages, damaged in one place. Disproved by one that is read as what it does not encode, or by a receiver
    /// that a refused message has changed.
    #[test]
    fn a_damaged_message_is_refused_or_is_another_good_one(
        first in changes(),
        second in changes(),
        is_whole: bool,
        at in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let members = members_of(12);
        let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
        let before = raised(&VersionVector::over(&members), &first);
        receiver.decode(&encoded(&mut sender, &before)).unwrap();
        if is_whole {
            sender.reset();
        }
        let mut bytes = encoded(&mut sender, &raised(&before, &second));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        hold(&mut receiver, &bytes);
    }
}

/// Disproved by a byte that changed: then peers of two versions no longer understand each other.
#[test]
fn the_bytes_are_golden() {
    let members = members_of(3);
    let mut sender = VectorSender::new(&members);
    let vector = raised(&VersionVector::over(&members), &[(0, 3), (2, 300)]);
    assert_eq!(encoded(&mut sender, &vector), GOLDEN_WHOLE);
    assert_eq!(encoded(&mut sender, &raised(&vector, &[(2, 5)])), GOLDEN_DELTA);
}

const GOLDEN_WHOLE: [u8; 10] = [1, 0xC1, 0xA5, 0x8F, 0x62, 3, 3, 0, 0xAC, 0x02];
const GOLDEN_DELTA: [u8; 8] = [2, 0x34, 0x3D, 0x46, 0x61, 1, 2, 5];

#[test]
fn a_whole_vector_replaces_all_of_the_one_before() {
    let members = members_of(20);
    let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
    let high = raised(&VersionVector::over(&members), &[(3, 9), (19, 9)]);
    let low = raised(&VersionVector::over(&members), &[(3, 2)]);
    receiver.decode(&encoded(&mut sender, &high)).unwrap();
    sender.reset();
    assert_eq!(receiver.decode(&encoded(&mut sender, &low)).unwrap(), &low);
}

#[test]
fn an_increase_beyond_the_range_is_refused() {
    let members = members_of(3);
    let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
    let almost = raised(&VersionVector::over(&members), &[(1, MAX_COUNTER - 1)]);
    receiver.decode(&encoded(&mut sender, &almost)).unwrap();
    let mut delta = encoded(&mut sender, &raised(&almost, &[(1, 1)]));
    let last = delta.len() - 1;
    delta[last] = 2;
    assert_eq!(receiver.decode(&delta), Err(CompactError::CounterTooLarge { slot: 1 }));
    delta[last] = 1;
    assert_eq!(receiver.decode(&delta).unwrap().upto(members.id(Slot::at(1)).unwrap()), MAX_COUNTER);
}

/// A clock whose table was replaced by an equal one goes on sending; ids that only look alike joined do not pass.
#[test]
fn members_are_the_same_by_content() {
    let (members, equal) = (members_of(12), members_of(12));
    let (mut sender, mut receiver) = (VectorSender::new(&members), VectorReceiver::new(&members));
    let mut vector = VersionVector::over(&members);
    for table in [&members, &equal, &members] {
        vector = raised(&vector, &[(4, 1)]);
        let lanes = vector.used_lanes().to_vec();
        vector = VersionVector::from_lanes(table.clone(), &lanes);
        assert_eq!(receiver.decode(&encoded(&mut sender, &vector)).unwrap(), &vector);
    }
    let named = |ids: [&'static str; 2]| Membership::of(ids).unwrap();
    let (left, right) = (named(["a\nb", "c"]), named(["a", "b\nc"]));
    let mut bytes = Vec::new();
    VectorSender::new(&left).encode(&VersionVector::over(&left), &mut bytes).unwrap();
    assert!(matches!(VectorReceiver::new(&right).decode(&bytes), Err(CompactError::OtherMembers { .. })));
}
