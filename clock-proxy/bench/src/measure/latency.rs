//! By how much a delay misses what was asked for.

use std::io;
use std::time::Duration;

use super::Bench;
use super::trip::PARTS;
use crate::figures::Cell;
use crate::load::Upstream;
use crate::load::stamped::{Pace, stamped};
use crate::peer::{Fault, Peer, Relay};
use crate::statistics::quantile;

/// What is asked for.
pub(crate) const DELAYS_MS: [u64; 4] = [1, 10, 100, 500];
/// Frames a second.
pub(crate) const PACES: [u32; 2] = [100, 10_000];

/// Milliseconds too late.
pub(crate) fn error(per_second: u32, delay_ms: u64, part: &str) -> String {
    format!("{delay_ms} ms, {part} ms off, {per_second}/s")
}

/// The columns of one pace, in the order of the table.
pub(crate) fn columns(per_second: u32) -> Vec<String> {
    let of_delay = |delay_ms| PARTS.into_iter().map(move |(part, _)| error(per_second, delay_ms, part));
    DELAYS_MS.into_iter().flat_map(of_delay).collect()
}

/// All delays at both paces. Without a relay, the time on the way stands in the first columns.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let peers: Vec<Peer> = std::iter::once(Peer::Direct).chain(Peer::WITH_FAULTS).collect();
    for per_second in PACES {
        for delay_ms in DELAYS_MS {
            let upstream = Upstream::bind()?;
            let relays = Relay::start_all(&peers, bench.programs, upstream.address(), 1);
            for relay in relays {
                let is_base = relay.peer == Peer::Direct;
                if !is_base || delay_ms == DELAYS_MS[0] {
                    one(bench, &upstream, relay, per_second, delay_ms);
                }
            }
        }
    }
    Ok(())
}

fn one(bench: &mut Bench<'_>, upstream: &Upstream, mut relay: Relay, per_second: u32, delay_ms: u64) {
    let peer = relay.peer;
    let columns = PARTS.map(|(part, _)| error(per_second, delay_ms, part));
    let is_base = peer == Peer::Direct;
    let delay = Duration::from_millis(if is_base { 0 } else { delay_ms });
    if !is_base && let Err(refused) = relay.set(Fault::Delay(delay)) {
        bench.note(&columns, peer, &refused.note());
        return;
    }
    let duration = if per_second == PACES[0] { bench.effort.slow_frames } else { bench.effort.fast_frames };
    let pace = Pace::new(per_second, duration);
    let times = upstream.pair(relay.entry(0)).and_then(|mut pair| stamped(&mut pair, pace));
    match times {
        Ok(mut times) if times.len() == pace.frames => {
            for (part, quantile_part) in PARTS {
                let time = quantile(&mut times, quantile_part);
                let late_ms = time.map(|seconds| (seconds - delay.as_secs_f64()) * 1e3);
                bench.put(&error(per_second, delay_ms, part), peer, Ok(late_ms));
            }
        }
        Ok(times) => {
            let note = format!("{} of {} arrived", times.len(), pace.frames);
            bench.note(&columns, peer, &note);
        }
        Err(error) => {
            for column in &columns {
                bench.figures.put(column, peer, Cell::Note(error.to_string()));
            }
        }
    }
}
