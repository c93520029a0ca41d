//! Vectors on a stream, beside a naive receiver that is told the fingerprint and the tag and does the rest by itself.
//!
//! After each message both must agree on whether it is taken and on every counter; a refused message must leave the
//! receiver as it was, which an empty delta on its base proves; an accepted one must be the one canonical encoding.

use clock_core::{MAX_COUNTER, VectorReceiver, VectorSender, VersionVector};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::group::{self, Group};
use crate::input::Input;
use crate::varint;

const WHOLE: u8 = 1;
const DELTA: u8 = 2;

/// No length is believed, so the input does not count: a list of at most 130 changes of 24 bytes that grew by doubling,
/// and a copy of the counters where somebody holds a snapshot.
const LIMIT: Limit = Limit { constant_bytes: 12 * 1024, bytes_per_byte: 0 };

/// One message to a fresh receiver, as it is or behind the right fingerprint or tag.
pub static VECTOR_MESSAGE: Decoder =
    Decoder { name: "vector_message", check: vector_message, limit: LIMIT, input_bytes_max: 2048 };
/// A sequence of messages: honest, lost, repeated, and forged behind the right fingerprint or tag.
pub static VECTOR_STREAM: Decoder =
    Decoder { name: "vector_stream", check: vector_stream, limit: LIMIT, input_bytes_max: 4096 };

fn vector_message(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let mut stream = Stream::new(group::pick(input.byte()));
    let message = stream.forged(input.byte(), input.rest());
    Outcome::of(stream.deliver(meter, &message))
}

fn vector_stream(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let mut stream = Stream::new(group::pick(input.byte()));
    let mut accepted = stream.deliver(meter, &[]);
    while !input.is_empty() {
        accepted |= stream.step(meter, &mut input);
    }
    stream.hold_snapshot();
    Outcome::of(accepted)
}

struct Stream {
    group: &'static Group,
    receiver: VectorReceiver,
    /// What a naive receiver holds.
    counters: Vec<u64>,
    /// How a delta names it as its base.
    tag: [u8; 4],
    /// A copy somebody took of the last vector, and what was in it.
    snapshot: Option<(VersionVector, Vec<u64>)>,
    sender: VectorSender,
    /// The honest sender's own vector.
    truth: VersionVector,
    /// The honest message before this one.
    last: Vec<u8>,
}

impl Stream {
    fn new(group: &'static Group) -> Self {
        Self {
            group,
            receiver: group.receiver.clone(),
            counters: vec![0; group.members.len()],
            tag: group.tag_of(&VersionVector::over(&group.members)),
            snapshot: None,
            sender: group.sender.clone(),
            truth: VersionVector::over(&group.members),
            last: Vec::new(),
        }
    }

    /// One step of the sequence; whether a message was taken.
    fn step(&mut self, meter: &Meter, input: &mut Input<'_>) -> bool {
        match input.byte() % 8 {
            op @ 0..3 => {
                let message = self.forged(op, input.short());
                self.deliver(meter, &message)
            }
            op @ (3 | 4) => {
                let message = self.honest(input.short());
                // 4: lost on the way.
                op == 3 && self.deliver(meter, &message)
            }
            5 => {
                let message = std::mem::take(&mut self.last);
                self.deliver(meter, &message)
            }
            6 => {
                self.sender.reset();
                false
            }
            _ => {
                self.snapshot = Some((self.held(), self.counters.clone()));
                false
            }
        }
    }

    /// The bytes as they are, behind the right fingerprint, or behind the right tag.
    fn forged(&self, mode: u8, bytes: &[u8]) -> Vec<u8> {
        match mode % 3 {
            0 => bytes.to_vec(),
            1 => [&[WHOLE], self.group.fingerprint.as_slice(), bytes].concat(),
            _ => [&[DELTA], self.tag.as_slice(), bytes].concat(),
        }
    }

    /// The next message of a sender that counted some events; each byte names whose.
    fn honest(&mut self, events: &[u8]) -> Vec<u8> {
        let slots: Vec<_> = self.group.members.iter().map(|(slot, _)| slot).collect();
        for event in events.iter().filter(|_| !slots.is_empty()) {
            self.truth.tick(slots[usize::from(*event) % slots.len()]).expect("far from the end");
        }
        let mut message = Vec::new();
        self.sender.encode(&self.truth, &mut message).expect("a vector over the group");
        self.last.clone_from(&message);
        message
    }

    /// Hands a message to both receivers, compares them, and says whether it was taken.
    fn deliver(&mut self, meter: &Meter, message: &[u8]) -> bool {
        let expected = self.expected(message);
        let decoded = meter.decode(message.len(), || self.receiver.decode(message).cloned());
        assert_eq!(decoded.is_ok(), expected.is_some(), "{message:02x?} gave {decoded:?}");
        let before = self.counters.clone();
        self.counters = expected.unwrap_or_else(|| before.clone());
        match &decoded {
            Ok(vector) => {
                assert_eq!(by_slot(vector), self.counters, "what {message:02x?} means");
                self.tag = self.group.tag_of(&vector_of(self.group, &self.counters));
                self.hold_canonical(message, vector, &before);
            }
            Err(error) => assert!(!error.to_string().is_empty(), "an error says what was expected"),
        }
        assert_eq!(by_slot(&self.held()), self.counters, "what the receiver holds after {decoded:?}");
        decoded.is_ok()
    }

    /// The receiver's vector: what it returns for an empty delta on its own base.
    fn held(&self) -> VersionVector {
        let probe = [&[DELTA], self.tag.as_slice(), &[0]].concat();
        self.receiver.clone().decode(&probe).expect("the base is what was received last").clone()
    }

    /// What a naive receiver would hold after this message; `None` if it refuses.
    fn expected(&self, message: &[u8]) -> Option<Vec<u64>> {
        let (form, rest) = message.split_first()?;
        let (tag, mut rest) = rest.split_first_chunk::<4>()?;
        let rest = &mut rest;
        let after = match *form {
            WHOLE if *tag == self.group.fingerprint => whole(rest, self.counters.len())?,
            DELTA if *tag == self.tag => delta(rest, &self.counters)?,
            _ => return None,
        };
        rest.is_empty().then_some(after)
    }

    /// An accepted message is what its content encodes to.
    fn hold_canonical(&self, message: &[u8], vector: &VersionVector, before: &[u64]) {
        if message[0] == WHOLE {
            let mut again = Vec::new();
            self.group.sender.clone().encode(vector, &mut again).expect("a vector over the group");
            assert_eq!(again, message, "another encoding of {vector}");
            return;
        }
        let mut again = message[..5].to_vec();
        let changes: Vec<_> =
            (0..before.len()).filter(|slot| before[*slot] != self.counters[*slot]).collect();
        varint::put(&mut again, changes.len() as u64);
        let mut next = 0;
        for slot in changes {
            varint::put(&mut again, (slot - next) as u64);
            varint::put(&mut again, self.counters[slot] - before[slot]);
            next = slot + 1;
        }
        assert_eq!(again, message, "another encoding of the change to {vector}");
    }

    fn hold_snapshot(&self) {
        if let Some((vector, counters)) = &self.snapshot {
            assert_eq!(by_slot(vector), *counters, "a snapshot changed");
        }
    }
}

fn whole(rest: &mut &[u8], members: usize) -> Option<Vec<u64>> {
    let count = usize::try_from(varint::take(rest)?).ok().filter(|count| *count <= members)?;
    let mut counters = (0..count).map(|_| varint::take(rest)).collect::<Option<Vec<_>>>()?;
    let is_legal = counters.iter().all(|counter| *counter <= MAX_COUNTER) && counters.last() != Some(&0);
    counters.resize(members, 0);
    is_legal.then_some(counters)
}

fn delta(rest: &mut &[u8], before: &[u64]) -> Option<Vec<u64>> {
    let mut counters = before.to_vec();
    let count = varint::take(rest)?;
    let mut next = 0_u64;
    for _ in 0..count {
        let slot = next.checked_add(varint::take(rest)?)?;
        let increase = varint::take(rest)?;
        let counter = counters.get_mut(usize::try_from(slot).ok()?)?;
        *counter = counter.checked_add(increase).filter(|now| increase > 0 && *now <= MAX_COUNTER)?;
        next = slot + 1;
    }
    Some(counters)
}

fn by_slot(vector: &VersionVector) -> Vec<u64> {
    vector.members().iter().map(|(slot, _)| vector.at(slot)).collect()
}

/// A vector over the group's own members, which only a receiver or a sequence of events can make: received whole.
fn vector_of(group: &Group, counters: &[u64]) -> VersionVector {
    let used = counters.iter().rposition(|counter| *counter != 0).map_or(0, |last| last + 1);
    let mut message = [&[WHOLE], group.fingerprint.as_slice()].concat();
    varint::put(&mut message, used as u64);
    counters[..used].iter().for_each(|counter| varint::put(&mut message, *counter));
    group.receiver.clone().decode(&message).expect("a whole vector is taken").clone()
}
