//! Memory of a relay for each connection that says nothing.

use std::fs;
use std::io::{self, Read, Write};

use super::Bench;
use crate::load::{Pair, SMALL_BYTES, Upstream, frames};
use crate::peer::{Peer, Process, Relay};
use crate::statistics::number;

/// KiB for one connection.
pub(crate) const MEMORY: &str = "KiB per connection";
/// How many there were.
pub(crate) const COUNT: &str = "connections";

/// A process each is heavy enough to be seen in a few.
const SOCAT_MAX: usize = 200;
/// It sets files aside for pipes, and takes fewer connections than the limit on open files allows.
const HAPROXY_MAX: usize = 5_000;
/// Files that are open besides the connections.
const FILES_SPARE: usize = 300;

/// As many as allowed, on one relay after the other.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let most = bench.effort.idle.min(open_files_max().saturating_sub(FILES_SPARE) / 2);
    for peer in Peer::ALL.into_iter().filter(|peer| *peer != Peer::Direct) {
        let count = match peer {
            Peer::Socat => most.min(SOCAT_MAX),
            Peer::Haproxy => most.min(HAPROXY_MAX),
            _ => most,
        };
        let upstream = Upstream::bind()?;
        let relays = Relay::start_all(&[peer], bench.programs, upstream.address(), count);
        for relay in relays {
            let measured = one(&upstream, &relay, count);
            bench.put(COUNT, peer, Ok(Some(number(count))));
            bench.put(MEMORY, peer, measured.map(Some));
        }
    }
    Ok(())
}

/// Each connection has passed one frame, so that it is open on both sides and has met its buffers.
fn one(upstream: &Upstream, relay: &Relay, count: usize) -> io::Result<f64> {
    let memory = || relay.process.as_ref().map_or(0.0, Process::memory_bytes);
    let (frame, mut received) = (frames(SMALL_BYTES, 1), [0; SMALL_BYTES]);
    let before = memory();
    let mut pairs: Vec<Pair> = Vec::with_capacity(count);
    for index in 0..count {
        let mut pair = upstream.pair(relay.entry(index))?;
        pair.client.write_all(&frame)?;
        pair.server.read_exact(&mut received)?;
        pairs.push(pair);
    }
    Ok((memory() - before) / number(pairs.len()) / 1024.0)
}

/// The soft limit of this process, which the relays inherit.
fn open_files_max() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}
