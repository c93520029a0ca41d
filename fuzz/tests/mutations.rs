//! Seeded mutations of the seeds and the corpus, on stable: what a fuzzer does without the coverage, the same on every run.
//!
//! `FUZZ_SEED` and `FUZZ_INPUTS` (for each decoder) change the draw, `FUZZ_ONLY` takes the decoders whose name begins so
//! (several behind commas), and `FUZZ_THREADS` says how many run side by side; a failure prints the input, and the seed is printed first.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clock_fuzz::{DECODERS, Decoder, Outcome, Usage, corpus, seeds};
use fastrand::Rng;

/// Two seconds of work for two threads.
const INPUTS: u64 = 100_000;
const SEED: u64 = 2_604_001;

/// Numbers on which lengths, counters and varints turn.
const EDGES: [u64; 12] =
    [0, 1, 0x7F, 0x80, 0xFB, 0xFF, 0x100, 0xFFFF, 0x10_0000, u32::MAX as u64, (1 << 63) - 1, u64::MAX];

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Disproved by an input that a decoder mistakes, or that it spends too much memory on; and by a decoder of which the
/// mutations only ever saw one side.
#[test]
fn mutated_seeds_break_no_promise() {
    let (seed, inputs) = (setting("FUZZ_SEED", SEED), setting("FUZZ_INPUTS", INPUTS));
    let only = env::var("FUZZ_ONLY").unwrap_or_default();
    println!("seed {seed}, {inputs} inputs for each decoder");
    let meant: Vec<&Decoder> = DECODERS
        .iter()
        .copied()
        .filter(|decoder| only.split(',').any(|name| decoder.name.starts_with(name)))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| meant.get(next.fetch_add(1, Ordering::Relaxed)));
        taken.filter(|decoder| !holds(decoder, seed, inputs)).map(|decoder| decoder.name).collect::<Vec<_>>()
    };
    let failed: Vec<&str> = thread::scope(|scope| {
        let threads: Vec<_> = (0..setting("FUZZ_THREADS", 2)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("panics are caught within")).collect()
    });
    assert_eq!(failed, Vec::<&str>::new(), "these decoders failed, each with its input above");
}

fn holds(decoder: &Decoder, seed: u64, inputs: u64) -> bool {
    let made = seeds::all().into_iter().filter(|seed| seed.decoder == decoder.name).map(|seed| seed.bytes);
    let found = corpus::of(decoder.name).expect("a readable corpus").into_iter().map(|(_, bytes)| bytes);
    let seeds: Vec<Vec<u8>> = made.chain(found).collect();
    let mut rng = Rng::with_seed(seed);
    let (mut accepted, mut worst, started) = (0, Usage::default(), Instant::now());
    for index in 0..inputs {
        let mut bytes = seeds[rng.usize(..seeds.len())].clone();
        for _ in 0..rng.u32(1..=4) {
            change(&mut bytes, &seeds, &mut rng);
        }
        bytes.truncate(decoder.input_bytes_max);
        let Ok(execution) = catch_unwind(AssertUnwindSafe(|| decoder.run(&bytes))) else {
            eprintln!("{}, seed {seed}, input {index}: {bytes:02x?}", decoder.name);
            return false;
        };
        accepted += u64::from(execution.outcome == Outcome::Accepted);
        worst = worst.max(execution.usage);
    }
    let (name, Usage { largest_bytes, peak_bytes }) = (decoder.name, worst);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{name}: {inputs} executions in {seconds:.1} s, {accepted} accepted, at most {largest_bytes} bytes at once, \
         {peak_bytes} live"
    );
    (1..inputs).contains(&accepted)
}

/// One change: a bit, a byte, a number, a cut, a repetition, or a piece of another seed.
fn change(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut Rng) {
    let at = rng.usize(..=bytes.len());
    let until = (at + rng.usize(..16)).min(bytes.len());
    match rng.u8(..8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        1 if at < bytes.len() => bytes[at] = rng.u8(..),
        2 => drop(bytes.drain(at..until)),
        3 => bytes.insert(at, rng.u8(..)),
        4 => {
            let repeated = bytes[at..until].to_vec();
            bytes.splice(at..at, repeated);
        }
        5 => {
            let other = &seeds[rng.usize(..seeds.len())];
            let from = rng.usize(..=other.len());
            bytes.splice(at..until, other[from..].iter().copied());
        }
        6 => {
            let number = EDGES[rng.usize(..EDGES.len())].to_be_bytes();
            bytes.splice(at..until, number[8 - [1, 2, 4, 8][rng.usize(..4)]..].iter().copied());
        }
        _ => bytes.truncate(at),
    }
}
