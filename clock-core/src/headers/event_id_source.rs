//! Where the ids of new events come from.
//!
//! A UUID of version 7 sorts by time, which is kind to databases and to readers of logs; order between events
//! is for their vectors to say. The time and the randomness are handed in, so that this module reads no clock
//! and draws nothing, and a test gets the same ids twice.
//!
//! Source: RFC 9562, section 5.7 (layout) and section 6.2, method 1 (a dedicated counter, seeded at each new
//! millisecond). Of the 74 bits that are not time, version or variant, 42 are the counter and 32 are random
//! in each id.

use alloc::format;
use core::fmt;

use thiserror::Error;
use uuid::Builder;
use uuid::fmt::Hyphenated;

use super::EventId;
use crate::id::NodeId;

/// Makes the ids of one service's events. No id is made twice.
pub trait EventIdSource {
    /// The next id, at this wall time in milliseconds since 1970.
    ///
    /// # Errors
    /// [`IdsExhausted`] if there is no further one. Nothing changed.
    fn next_id(&mut self, wall_ms: u64) -> Result<EventId, IdsExhausted>;
}

/// The source has made all the ids that it can: no real time and no real history gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no event id is left after millisecond {wall_ms}")]
pub struct IdsExhausted {
    /// The last time that an id was made for.
    pub wall_ms: u64,
}

/// The last millisecond that 48 bits hold, in the year 10889.
const WALL_MS_MAX: u64 = (1 << 48) - 1;
const COUNTER_MAX: u64 = (1 << 42) - 1;
/// A millisecond's counter starts in the lower half, which leaves 2^41 ids of room at least.
const COUNTER_START_MAX: u64 = COUNTER_MAX >> 1;

/// UUIDs of version 7, strictly ascending as text, also when the wall clock stands still or steps back: then
/// the time of the last id stays and its counter goes on.
#[derive(Clone)]
pub struct UuidV7Source<R> {
    random: R,
    wall_ms: u64,
    counter: u64,
    has_begun: bool,
}

impl<R: FnMut() -> u64> UuidV7Source<R> {
    /// A source that draws its random bits from `random`, uniform in all 64 bits. Two sources that share a
    /// seed make the same ids.
    #[must_use]
    pub fn new(random: R) -> Self {
        Self { random, wall_ms: 0, counter: 0, has_begun: false }
    }

    /// Moves to the place of the next id: behind the last one, whatever the wall clock says.
    fn advance(&mut self, wall_ms: u64) -> Result<(), IdsExhausted> {
        let wall_ms = wall_ms.min(WALL_MS_MAX);
        if !self.has_begun || wall_ms > self.wall_ms {
            self.begin(wall_ms);
        } else if self.counter < COUNTER_MAX {
            self.counter += 1;
        } else if self.wall_ms < WALL_MS_MAX {
            self.begin(self.wall_ms + 1);
        } else {
            return Err(IdsExhausted { wall_ms: self.wall_ms });
        }
        Ok(())
    }

    fn begin(&mut self, wall_ms: u64) {
        self.has_begun = true;
        self.wall_ms = wall_ms;
        self.counter = (self.random)() & COUNTER_START_MAX;
    }
}

impl<R: FnMut() -> u64> EventIdSource for UuidV7Source<R> {
    fn next_id(&mut self, wall_ms: u64) -> Result<EventId, IdsExhausted> {
        self.advance(wall_ms)?;
        let uuid = Builder::from_unix_timestamp_millis(self.wall_ms, &tail(self.counter, (self.random)()));
        let mut text = [0; Hyphenated::LENGTH];
        let text: &str = uuid.into_uuid().hyphenated().encode_lower(&mut text);
        Ok(EventId::new(text).expect("a UUID is 36 visible ASCII characters"))
    }
}

/// The ten bytes behind the time. The builder overwrites the four bits of the version, before the counter's
/// first twelve, and the two of the variant, before its other thirty.
fn tail(counter: u64, random: u64) -> [u8; 10] {
    let upper = (counter >> 30) & 0xfff;
    let lower = counter & ((1 << 30) - 1);
    let bits = u128::from(upper) << 64 | u128::from(lower) << 32 | u128::from(random >> 32);
    let [_, _, _, _, _, _, tail @ ..] = bits.to_be_bytes();
    tail
}

impl<R> fmt::Debug for UuidV7Source<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UuidV7Source").field("wall_ms", &self.wall_ms).finish_non_exhaustive()
    }
}

/// Ids that count: `order-svc-1`, `order-svc-2`. For logs and tests that are to be the same each time; a
/// service that restarts goes on from the number it had stored, or its ids come twice.
#[derive(Clone, Debug)]
pub struct CountingSource {
    node: NodeId,
    last: u64,
}

impl CountingSource {
    /// The ids of a node after the one numbered `last`; 0 if there was none.
    #[must_use]
    pub fn after(node: NodeId, last: u64) -> Self {
        Self { node, last }
    }
}

impl EventIdSource for CountingSource {
    fn next_id(&mut self, wall_ms: u64) -> Result<EventId, IdsExhausted> {
        self.last = self.last.checked_add(1).ok_or(IdsExhausted { wall_ms })?;
        let text = format!("{}-{}", self.node, self.last);
        Ok(EventId::new(&text)
            .expect("a node name, a dash and 20 digits are at most 85 visible ASCII characters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::{Uuid, Variant};

    fn source(mut state: u64) -> UuidV7Source<impl FnMut() -> u64> {
        UuidV7Source::new(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state
        })
    }

    proptest! {
        /// Disproved by an id that is not above the one before, at any walk of the wall clock.
        #[test]
        fn ids_strictly_ascend_whatever_the_wall_clock_does(seed: u64, walls in prop::collection::vec(0u64..50, 1..100)) {
            let mut source = source(seed);
            let ids: Vec<EventId> = walls.iter().map(|wall| source.next_id(*wall).unwrap()).collect();
            prop_assert!(ids.is_sorted_by(|a, b| a < b), "{:?}", ids);
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_its_time() {
        let id = source(1).next_id(0x0192_3456_789a).unwrap();
        let uuid = Uuid::parse_str(id.as_str()).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, Variant::RFC4122));
        assert!(id.as_str().starts_with("01923456-789a-7"), "{id}");
    }

    /// From random words that are told apart in the text: the counter's 42 bits are of the first one, without
    /// the highest; the last eight digits are the upper half of a fresh one in each id.
    #[test]
    fn ids_of_fixed_randomness_are_golden() {
        let mut words = [
            u64::MAX,
            0x1234_5678_0000_0000,
            0x9abc_def0_ffff_ffff,
            0x0123_4567_89ab_cdef,
            0xfeed_beef_0000_0000,
        ];
        words.reverse();
        let mut words = words.to_vec();
        let mut source = UuidV7Source::new(move || words.pop().unwrap());
        let ids: Vec<String> = [5, 5, 6].map(|wall| source.next_id(wall).unwrap().to_string()).to_vec();
        assert_eq!(
            ids,
            [
                "00000000-0005-77ff-bfff-ffff12345678",
                "00000000-0005-7800-8000-00009abcdef0",
                "00000000-0006-759e-89ab-cdeffeedbeef",
            ]
        );
    }

    /// Disproved by a millisecond that starts with less than half of its ids left.
    #[test]
    fn a_counter_starts_in_the_lower_half() {
        let mut source = UuidV7Source::new(|| u64::MAX);
        source.next_id(1).unwrap();
        assert_eq!(source.counter, (1 << 41) - 1);
    }

    #[test]
    fn a_used_up_counter_borrows_the_next_millisecond() {
        let mut source = source(7);
        source.next_id(5).unwrap();
        source.counter = COUNTER_MAX;
        let last = source.next_id(5).unwrap();
        assert!(last.as_str().starts_with("00000000-0006-7"), "{last}");
        assert!(source.next_id(5).unwrap() > last);
    }

    #[test]
    fn the_end_of_time_is_an_error_and_no_repeat() {
        let mut source = source(7);
        source.next_id(u64::MAX).unwrap();
        source.counter = COUNTER_MAX;
        assert_eq!(source.next_id(u64::MAX), Err(IdsExhausted { wall_ms: WALL_MS_MAX }));
    }

    #[test]
    fn counted_ids_say_whose_they_are() {
        let mut source = CountingSource::after(NodeId::new("order-svc").unwrap(), 41);
        assert_eq!(source.next_id(0).unwrap().as_str(), "order-svc-42");
    }
}
