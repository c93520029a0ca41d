//! The Lamport clock: one counter that respects causality (Lamport 1978, rules IR1 and IR2).
//!
//! If `a` happened before `b`, then `a`'s value is smaller than `b`'s. The converse does not hold: a smaller
//! value proves nothing, so a Lamport value may sort a display and must never pick a winner.
//!
//! Invariant: the counter never goes below a value that was returned, and every value returned for an event
//! was put there by a read-modify-write that raised it. Therefore no two events of a clock share a value, and
//! the values strictly increase across all threads that share the clock. All of it is lock-free.
//!
//! A peer can neither wrap the counter nor use it up: values above [`MAX_COUNTER`] are ignored, and at the
//! network boundary [`LamportClock::try_observe`] and [`LamportClock::try_witness`] also bound the jump of a
//! single message. [`LamportClock::try_tick`] is the form for values that go to peers: it ends with an error.
//!
//! Reading: Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", CACM 21(7), 1978.

use super::MAX_COUNTER;
use super::atomic::{AtomicU64, Ordering, const_unless_loom};
use thiserror::Error;

/// How far above the local value a received value may be, in events: 2^40.
///
/// A million events a second for twelve days, which is more than an honest peer gets ahead between two
/// messages. Twice as much would not help anyone; half would still do. A hostile peer needs 2^23 accepted
/// messages to use up the range, which is visible long before it succeeds.
pub const MAX_JUMP: u64 = 1 << 40;

/// A Lamport logical clock that threads may share.
///
/// Relaxed atomics suffice: all operations are read-modify-writes of one location, which have a single total
/// order, and the value guards no other memory.
#[derive(Debug, Default)]
pub struct LamportClock {
    counter: AtomicU64,
}

impl LamportClock {
    const_unless_loom! {
        /// A clock at 0: no event yet.
        #[must_use]
        pub const fn new() -> Self {
            Self { counter: AtomicU64::new(0) }
        }
    }

    const_unless_loom! {
        /// A clock that goes on from a value it reached before, say after a restart.
        ///
        /// A value above [`MAX_COUNTER`] was never issued by a working clock and counts as `MAX_COUNTER`.
        #[must_use]
        pub const fn starting_at(value: u64) -> Self {
            let value = if value > MAX_COUNTER { MAX_COUNTER } else { value };
            Self { counter: AtomicU64::new(value) }
        }
    }

    /// Counts one local event and returns its value (Lamport 1978, IR1).
    ///
    /// Never wraps: the start is at most 2^63 - 1, and 2^63 further ticks take centuries. A clock that has
    /// been driven above [`MAX_COUNTER`], which takes 2^23 hostile messages through
    /// [`try_observe`](Self::try_observe), goes on counting, but peers refuse its values: where they matter,
    /// use [`try_tick`](Self::try_tick).
    #[inline]
    pub fn tick(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// As [`tick`](Self::tick), and the checked form: no value above [`MAX_COUNTER`] is ever returned.
    ///
    /// # Errors
    /// [`LamportExhausted`] if the range is used up. No event was counted, however often it is called.
    #[inline]
    pub fn try_tick(&self) -> Result<u64, LamportExhausted> {
        // Adding first costs one read-modify-write, looking first one and a half under contention. The undo
        // is exact: while a thread holds a refused value nobody else was given it, and if another thread
        // counted on meanwhile the undo fails and is left. What that leaves behind would take millennia to
        // wrap.
        let value = self.tick();
        if value <= MAX_COUNTER {
            return Ok(value);
        }
        let _undone_or_left =
            self.counter.compare_exchange(value, value - 1, Ordering::Relaxed, Ordering::Relaxed);
        Err(LamportExhausted { limit: MAX_COUNTER })
    }

    /// Counts the receipt of `incoming` and returns a value above both it and the local one (IR2).
    ///
    /// For values of this process. A value above [`MAX_COUNTER`] is impossible by protocol and therefore
    /// hostile: it is ignored and the call only ticks. Network input belongs in
    /// [`try_observe`](Self::try_observe), which reports the refusal and bounds the jump as well.
    ///
    /// Unlike there, the jump is not bounded, and a clock never goes back: one `observe(MAX_COUNTER)` uses up
    /// the range. It returns `MAX_COUNTER + 1`, which peers refuse, and every later
    /// [`try_tick`](Self::try_tick) fails.
    #[inline]
    pub fn observe(&self, incoming: u64) -> u64 {
        let trusted = if incoming > MAX_COUNTER { 0 } else { incoming };
        self.raised_above(trusted, self.current()).unwrap_or_else(|| self.tick())
    }

    /// As [`observe`](Self::observe), for a value that a peer sent; and like [`try_tick`](Self::try_tick) it
    /// never returns a value that peers refuse.
    ///
    /// # Errors
    /// [`LamportRefused::Jump`] if `incoming` is more than [`MAX_JUMP`] above the local value, or above
    /// [`MAX_COUNTER`]; [`LamportRefused::Exhausted`] if there is no value above both. No event was counted.
    #[inline]
    pub fn try_observe(&self, incoming: u64) -> Result<u64, LamportRefused> {
        let local = self.current();
        within_jump(incoming, local)?;
        if incoming == MAX_COUNTER {
            return Err(LamportExhausted { limit: MAX_COUNTER }.into());
        }
        match self.raised_above(incoming, local) {
            Some(above) => Ok(above),
            None => Ok(self.try_tick()?),
        }
    }

    /// Raises the clock to at least `incoming`, without an event of its own: later events are above it.
    ///
    /// IR2 without its tick, for what is learned in passing. Where the clock is ahead already it is one load,
    /// so that threads do not contend. As in [`observe`](Self::observe), a value above [`MAX_COUNTER`] is
    /// ignored.
    #[inline]
    pub fn witness(&self, incoming: u64) {
        if incoming <= MAX_COUNTER {
            self.raise(incoming, self.current());
        }
    }

    /// As [`witness`](Self::witness), for a value that a peer sent.
    ///
    /// # Errors
    /// [`LamportJump`] if `incoming` is more than [`MAX_JUMP`] above the local value, or above
    /// [`MAX_COUNTER`]. The clock is unchanged.
    #[inline]
    pub fn try_witness(&self, incoming: u64) -> Result<(), LamportJump> {
        let local = self.current();
        within_jump(incoming, local)?;
        self.raise(incoming, local);
        Ok(())
    }

    /// The value of the latest event or the latest one witnessed, 0 if there was none. Other threads may move
    /// it at any time.
    #[inline]
    pub fn current(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    /// The value right above `incoming`, if this call raised the counter to it; if not, the counter is above
    /// `incoming`, and a tick is an event above it. `incoming` is at most [`MAX_COUNTER`]; `local` was read
    /// before.
    ///
    /// The counter goes down only where a refused value above [`MAX_COUNTER`] is undone, never below
    /// `incoming`. So a clock once seen ahead needs only to tick, which cannot fail and retry as a
    /// compare-and-swap loop does. Otherwise the value right above `incoming` belongs to the thread whose
    /// maximum raised the counter to it, and to no other.
    #[inline]
    fn raised_above(&self, incoming: u64, local: u64) -> Option<u64> {
        if incoming <= local {
            return None;
        }
        let above = incoming + 1;
        (self.counter.fetch_max(above, Ordering::Relaxed) < above).then_some(above)
    }

    fn raise(&self, incoming: u64, local: u64) {
        if incoming > local {
            self.counter.fetch_max(incoming, Ordering::Relaxed);
        }
    }
}

/// Judged by a `local` that may be outdated by now: the limit never falls, so what it accepts stays
/// acceptable.
fn within_jump(incoming: u64, local: u64) -> Result<(), LamportJump> {
    let limit = jump_limit(local);
    if incoming > limit { Err(LamportJump { incoming, local, limit }) } else { Ok(()) }
}

fn jump_limit(local: u64) -> u64 {
    local.saturating_add(MAX_JUMP).min(MAX_COUNTER)
}

/// A peer's Lamport value was too far ahead to be honest.
///
/// The clock did not change. The caller may refuse the message and count it against the peer; retrying the
/// same value is useless until the local clock has come closer. Who sent it the clock does not know: the
/// caller adds that to what it reports, and [`RefusalLog`](super::RefusalLog) keeps the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("lamport value {incoming} is above the limit {limit} (local value {local})")]
pub struct LamportJump {
    /// The value received.
    pub incoming: u64,
    /// The local value at that moment.
    pub local: u64,
    /// The highest value that would have been accepted.
    pub limit: u64,
}

/// A Lamport clock has issued all the values there are.
///
/// No event was counted. Only a forged history gets there: start from a clock that was not fed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no lamport value above {limit} exists")]
pub struct LamportExhausted {
    /// The largest value there is: [`MAX_COUNTER`].
    pub limit: u64,
}

/// Why a [`LamportClock`] did not count the receipt of a peer's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LamportRefused {
    /// The value was too far ahead: count it against the peer. The clock is unchanged.
    #[error(transparent)]
    Jump(#[from] LamportJump),
    /// There is no value above both the received and the local one. The peer need not be at fault.
    #[error(transparent)]
    Exhausted(#[from] LamportExhausted),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Disproved by any returned value that is not above its predecessor and its input.
        #[test]
        fn values_strictly_increase_over_any_sequence(
            steps in prop::collection::vec(prop::option::of(0u64..1 << 50), 1..100),
        ) {
            let clock = LamportClock::new();
            for step in steps {
                let before = clock.current();
                let after = step.map_or_else(|| clock.tick(), |incoming| clock.observe(incoming));
                prop_assert!(after > before && after > step.unwrap_or(0));
                prop_assert_eq!(clock.current(), after);
            }
        }

        #[test]
        fn a_refused_jump_changes_nothing(start in any::<u64>(), incoming in any::<u64>()) {
            let clock = LamportClock::starting_at(start);
            let before = clock.current();
            match clock.try_observe(incoming) {
                Ok(after) => prop_assert!(after > before && after > incoming && after <= MAX_COUNTER),
                Err(LamportRefused::Jump(refusal)) => {
                    prop_assert!(incoming > refusal.limit);
                    prop_assert_eq!((clock.current(), refusal.local), (before, before));
                }
                Err(LamportRefused::Exhausted(_)) => {
                    prop_assert!(before.max(incoming) == MAX_COUNTER && clock.current() == before);
                }
            }
        }
    }

    #[test]
    fn a_hostile_maximum_neither_wraps_nor_poisons() {
        let clock = LamportClock::starting_at(5);
        assert_eq!(clock.observe(u64::MAX), 6);
        assert_eq!(clock.observe(MAX_COUNTER + 1), 7);
        let refusal = LamportJump { incoming: u64::MAX, local: 7, limit: 7 + MAX_JUMP };
        assert_eq!(clock.try_observe(u64::MAX), Err(LamportRefused::Jump(refusal)));
        assert_eq!(clock.tick(), 8);
    }

    #[test]
    fn a_start_beyond_the_range_cannot_make_it_wrap() {
        assert_eq!(LamportClock::starting_at(u64::MAX).tick(), MAX_COUNTER + 1);
    }

    #[test]
    fn the_jump_limit_is_inclusive() {
        let clock = LamportClock::starting_at(1);
        assert!(clock.try_observe(MAX_JUMP + 2).is_err());
        assert_eq!(clock.try_observe(MAX_JUMP + 1), Ok(MAX_JUMP + 2));
    }

    #[test]
    fn the_checked_tick_ends_and_never_wraps() {
        let clock = LamportClock::starting_at(MAX_COUNTER - 1);
        assert_eq!(clock.try_tick(), Ok(MAX_COUNTER));
        for _ in 0..1_000 {
            assert_eq!(clock.try_tick(), Err(LamportExhausted { limit: MAX_COUNTER }));
        }
        assert_eq!(clock.current(), MAX_COUNTER);
    }

    /// Disproved by a value that every peer refuses.
    #[test]
    fn a_receipt_at_the_end_is_refused_and_changes_nothing() {
        let exhausted = Err(LamportRefused::Exhausted(LamportExhausted { limit: MAX_COUNTER }));
        for (start, incoming) in
            [(MAX_COUNTER, 1), (MAX_COUNTER, MAX_COUNTER), (MAX_COUNTER - 9, MAX_COUNTER)]
        {
            let clock = LamportClock::starting_at(start);
            assert_eq!((clock.try_observe(incoming), clock.current()), (exhausted, start));
        }
        assert_eq!(LamportClock::starting_at(MAX_COUNTER - 9).try_observe(MAX_COUNTER - 1), Ok(MAX_COUNTER));
    }

    #[test]
    fn an_unchecked_maximum_uses_up_the_range() {
        let clock = LamportClock::new();
        assert_eq!(clock.observe(MAX_COUNTER), MAX_COUNTER + 1);
        assert!(clock.try_tick().is_err() && clock.try_observe(1).is_err());
    }

    /// Disproved by a value beyond the range, or by one that is issued twice or not at all.
    #[test]
    fn threads_at_the_end_share_what_is_left() {
        let clock = LamportClock::starting_at(MAX_COUNTER - 100);
        let record = || (0..10_000).filter_map(|_| clock.try_tick().ok()).collect::<Vec<u64>>();
        let mut issued: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(record)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        issued.sort_unstable();
        assert!(issued.into_iter().eq(MAX_COUNTER - 99..=MAX_COUNTER));
        assert!(clock.current() <= MAX_COUNTER + 40_000);
    }

    #[test]
    fn a_witness_raises_and_never_ticks() {
        let clock = LamportClock::new();
        clock.witness(7);
        clock.witness(3);
        clock.witness(u64::MAX);
        assert_eq!(clock.try_witness(7), Ok(()));
        assert_eq!(clock.current(), 7);
        let refusal = LamportJump { incoming: MAX_JUMP + 8, local: 7, limit: MAX_JUMP + 7 };
        assert_eq!(clock.try_witness(MAX_JUMP + 8), Err(refusal));
        assert_eq!(clock.tick(), 8);
    }

    /// Disproved by a value that two calls share, or by one thread seeing a step back.
    #[test]
    fn threads_never_share_a_value() {
        let clock = LamportClock::new();
        let record = |thread: u64| -> Vec<u64> {
            let call = |n: u64| if n % 3 == thread { clock.observe(n * 2) } else { clock.tick() };
            (0..20_000).map(call).collect()
        };
        let record = &record;
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|id| scope.spawn(move || record(id))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.chunks(20_000).all(|thread| thread.is_sorted_by(|a, b| a < b)));
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "two calls returned the same value");
    }
}
