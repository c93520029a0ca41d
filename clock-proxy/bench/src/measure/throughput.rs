//! Bytes a second on one connection and on four, small frames a second, and what a byte costs the relay's processor.

use std::collections::BTreeMap;
use std::io;

use super::{Bench, Contestant};
use crate::load::bulk::{Moved, bulk};
use crate::load::{Pair, SMALL_BYTES, Upstream, frames};
use crate::peer::{Peer, Relay};
use crate::statistics::{median, number};

/// A write of the sender.
const CHUNK_BYTES: usize = 256 * 1024;
/// Frames of the bulk, length included: the size of a large message.
const BULK_FRAME_BYTES: usize = 16 * 1024;
const GIGA: f64 = 1e9;

/// The columns, in the order of the table.
pub(crate) fn columns() -> [String; 4] {
    [rate(1), rate(4), cpu(1), cpu(4)]
}

/// Gigabytes a second on so many connections.
pub(crate) fn rate(connections: usize) -> String {
    format!("GB/s, {connections} conn.")
}

/// Seconds of processor time for a gigabyte.
pub(crate) fn cpu(connections: usize) -> String {
    format!("CPU s/GB, {connections} conn.")
}

/// Millions of small frames a second.
pub(crate) const FRAMES: &str = "million frames/s";

/// Throughput and its cost.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let chunk = frames(BULK_FRAME_BYTES, CHUNK_BYTES / BULK_FRAME_BYTES);
    for connections in [1, 4] {
        measure_chunk(bench, &chunk, connections, |bench, contestant, cost| {
            let peer = contestant.relay.peer;
            let gigabytes = contestant.samples().map(|samples| median(samples).map(|rate| rate / GIGA));
            bench.put(&rate(connections), peer, gigabytes);
            if peer != Peer::Direct {
                bench.put(&cpu(connections), peer, Ok(cost));
            }
        })?;
    }
    Ok(())
}

/// Small frames, many in a write.
pub(crate) fn measure_frames(bench: &mut Bench<'_>) -> io::Result<()> {
    let chunk = frames(SMALL_BYTES, CHUNK_BYTES / SMALL_BYTES);
    measure_chunk(bench, &chunk, 1, |bench, contestant, _cost| {
        let peer = contestant.relay.peer;
        let scale = 1e6 * number(SMALL_BYTES);
        let millions = contestant.samples().map(|samples| median(samples).map(|rate| rate / scale));
        bench.put(FRAMES, peer, millions);
    })
}

fn measure_chunk(
    bench: &mut Bench<'_>,
    chunk: &[u8],
    connections: usize,
    note: impl Fn(&mut Bench<'_>, &mut Contestant, Option<f64>),
) -> io::Result<()> {
    let upstream = Upstream::bind()?;
    let relays = Relay::start_all(&Peer::ALL, bench.programs, upstream.address(), connections);
    let mut contestants = Contestant::all(relays);
    let mut costs: BTreeMap<Peer, Cost> = BTreeMap::new();
    for _ in 0..bench.effort.bulk_rounds {
        for contestant in &mut contestants {
            let cost = costs.entry(contestant.relay.peer).or_default();
            contestant.take(|relay| {
                let before = relay.cpu_seconds();
                let mut pairs = open(&upstream, relay, connections)?;
                let moved = bulk(&mut pairs, chunk, bench.effort.bulk)?;
                cost.add(moved, relay.cpu_seconds() - before);
                Ok(vec![number(moved.bytes) / moved.seconds])
            });
        }
    }
    for mut contestant in contestants {
        let cost = costs.get(&contestant.relay.peer).and_then(Cost::seconds_per_gigabyte);
        note(bench, &mut contestant, cost);
    }
    Ok(())
}

fn open(upstream: &Upstream, relay: &Relay, connections: usize) -> io::Result<Vec<Pair>> {
    // One entry: the links of our proxy are no more parallel than its connections.
    (0..connections).map(|_| upstream.pair(relay.entry(0))).collect()
}

/// Processor time over all rounds: of a single one it would be a few ticks.
#[derive(Default)]
struct Cost {
    gigabytes: f64,
    seconds: f64,
}

impl Cost {
    fn add(&mut self, moved: Moved, seconds: f64) {
        self.gigabytes += number(moved.bytes) / GIGA;
        self.seconds += seconds;
    }

    fn seconds_per_gigabyte(&self) -> Option<f64> {
        (self.gigabytes > 0.0).then(|| self.seconds / self.gigabytes)
    }
}
