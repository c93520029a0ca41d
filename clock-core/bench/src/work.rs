//! How an operation is repeated so that only the operation is timed.

use std::hint::black_box;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::pair;

type Timed = Box<dyn FnMut(u64) -> Duration>;
type Shared = Box<dyn Fn(usize, u64) + Sync>;

/// On cache lines of its own, two of which are fetched at a time.
#[repr(align(128))]
struct Apart<T>(T);

/// How long it took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// For all repetitions together, as each thread saw it.
    pub taken: Duration,
    /// Whether it is what was asked for: two threads did run at the same time.
    pub counts: bool,
}

/// Something that can be done a given number of times, and says how long it took.
pub enum Work {
    /// On the measuring thread.
    Alone(Timed),
    /// On two threads at once; each is told its number, 0 or 1.
    Pair(Shared),
}

impl Work {
    /// The same thing again and again, on state that may be used again.
    pub fn repeated<R>(mut op: impl FnMut() -> R + 'static) -> Self {
        Self::Alone(Box::new(move |times| {
            let start = Instant::now();
            for _ in 0..times {
                black_box(op());
            }
            start.elapsed()
        }))
    }

    /// As [`repeated`](Self::repeated), for what acts on shared memory and says a number. `black_box` stores what it is
    /// given, and an atomic read-modify-write waits for stores before it: that is 2 to 4 ns which are not its own. What
    /// shared memory sees cannot be left out by the compiler, so a sum of the numbers is enough.
    pub fn counted(mut op: impl FnMut() -> u64 + 'static) -> Self {
        Self::Alone(Box::new(move |times| {
            let start = Instant::now();
            black_box((0..times).fold(0, |sum: u64, _| sum ^ op()));
            start.elapsed()
        }))
    }

    /// As [`counted`](Self::counted), on two threads at once.
    pub fn counted_on_two_threads(op: impl Fn() -> u64 + Sync + 'static) -> Self {
        Self::Pair(Box::new(move |_, times| {
            black_box((0..times).fold(0, |sum: u64, _| sum ^ op()));
        }))
    }

    /// Each time on a state of its own, made beforehand and dropped afterwards, `batch` of them at a time: as many as
    /// stay in the nearest cache, since a state that was just received is there too.
    pub fn on_fresh<S: 'static, R>(
        batch: usize,
        mut fresh: impl FnMut() -> S + 'static,
        mut op: impl FnMut(&mut S) -> R + 'static,
    ) -> Self {
        let mut states = Vec::with_capacity(batch);
        Self::Alone(Box::new(move |times| {
            let mut total = Duration::ZERO;
            let mut left = usize::try_from(times).unwrap_or(usize::MAX);
            while left > 0 {
                let count = left.min(batch);
                states.clear();
                states.extend((0..count).map(|_| fresh()));
                let start = Instant::now();
                for state in &mut states {
                    black_box(op(black_box(state)));
                }
                total += start.elapsed().saturating_sub(empty_region());
                left -= count;
            }
            total
        }))
    }

    /// A round of steps that build on each other, each told its number from 0. A round starts with `restart`, which is
    /// not timed.
    pub fn in_rounds<S: 'static, R>(
        steps: usize,
        mut state: S,
        mut restart: impl FnMut(&mut S) + 'static,
        mut step: impl FnMut(&mut S, usize) -> R + 'static,
    ) -> Self {
        Self::Alone(Box::new(move |times| {
            let mut total = Duration::ZERO;
            let mut left = usize::try_from(times).unwrap_or(usize::MAX);
            while left > 0 {
                let count = left.min(steps);
                restart(&mut state);
                let start = Instant::now();
                for number in 0..count {
                    black_box(step(black_box(&mut state), number));
                }
                total += start.elapsed().saturating_sub(empty_region());
                left -= count;
            }
            total
        }))
    }

    /// On two threads at once, on what they share.
    pub fn on_two_threads<R>(op: impl Fn(usize) -> R + Sync + 'static) -> Self {
        Self::Pair(Box::new(move |thread, times| {
            for _ in 0..times {
                black_box(op(thread));
            }
        }))
    }

    /// On two threads at once, each on state of its own.
    pub fn on_two_states<S: Send + 'static, R>(
        mut fresh: impl FnMut() -> S,
        op: impl Fn(&mut S) -> R + Sync + 'static,
    ) -> Self {
        let states = [fresh(), fresh()].map(|state| Apart(Mutex::new(state)));
        Self::Pair(Box::new(move |thread, times| {
            let mut state = states[thread].0.lock().expect("the state of one thread alone");
            for _ in 0..times {
                black_box(op(black_box(&mut state)));
            }
        }))
    }

    /// How many threads take part.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self {
            Self::Alone(_) => 1,
            Self::Pair(_) => 2,
        }
    }

    /// How long it takes on the measuring thread alone: to find out how often to do it.
    pub fn run_alone(&mut self, times: u64) -> Duration {
        match self {
            Self::Alone(timed) => timed(times),
            Self::Pair(shared) => {
                let start = Instant::now();
                shared(0, times);
                start.elapsed()
            }
        }
    }

    /// Does it `times` times.
    pub fn run(&mut self, times: u64) -> Run {
        match self {
            Self::Alone(timed) => Run { taken: timed(times), counts: true },
            Self::Pair(shared) => pair::run(shared, times),
        }
    }
}

/// What is measured when nothing is: one reading of the clock.
fn empty_region() -> Duration {
    static EMPTY: OnceLock<Duration> = OnceLock::new();
    *EMPTY.get_or_init(|| {
        let mut samples: Vec<Duration> = (0..2001).map(|_| Instant::now().elapsed()).collect();
        samples.sort_unstable();
        samples[samples.len() / 2]
    })
}
