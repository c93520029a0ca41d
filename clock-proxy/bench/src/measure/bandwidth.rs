//! By how much a rate misses what was asked for.

use std::io;

use super::Bench;
use crate::load::{Upstream, flood, frames};
use crate::peer::{Fault, Peer, Relay};

/// What is asked for, in bytes a second.
pub(crate) const RATES: [u64; 5] = [100_000, 1_000_000, 10_000_000, 100_000_000, 500_000_000];

/// Up to this rate frames are small, for there are few in the time.
const SMALL_RATE_MAX: u64 = 1_000_000;
const SMALL_FRAME_BYTES: usize = 1_000;
const LARGE_FRAME_BYTES: usize = 16 * 1024;

/// Percent too much.
pub(crate) fn error(rate: u64) -> String {
    match rate / 1_000_000 {
        0 => "0.1 MB/s, % off".to_owned(),
        megabytes => format!("{megabytes} MB/s, % off"),
    }
}

/// The columns, in the order of the table.
pub(crate) fn columns() -> Vec<String> {
    RATES.into_iter().map(error).collect()
}

/// All rates.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    for rate in RATES {
        let upstream = Upstream::bind()?;
        for relay in Relay::start_all(&Peer::WITH_FAULTS, bench.programs, upstream.address(), 1) {
            one(bench, &upstream, relay, rate);
        }
    }
    Ok(())
}

fn one(bench: &mut Bench<'_>, upstream: &Upstream, mut relay: Relay, rate: u64) {
    let (peer, column) = (relay.peer, error(rate));
    if let Err(refused) = relay.set(Fault::Rate(rate)) {
        bench.note(&[column], peer, &refused.note());
        return;
    }
    let duration = if rate == RATES[0] { bench.effort.rate_lowest } else { bench.effort.rate };
    let chunk =
        if rate <= SMALL_RATE_MAX { frames(SMALL_FRAME_BYTES, 16) } else { frames(LARGE_FRAME_BYTES, 16) };
    let measured = upstream.pair(relay.entry(0)).and_then(|pair| flood::rate(pair, &chunk, duration));
    #[allow(clippy::cast_precision_loss, reason = "five round numbers")]
    let asked = rate as f64;
    let percent = measured.map(|measured| measured.map(|measured| (measured / asked - 1.0) * 100.0));
    bench.put(&column, peer, percent);
}
