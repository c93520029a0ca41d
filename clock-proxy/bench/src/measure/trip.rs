//! What a relay adds to a round trip.

use std::io;

use super::{Bench, Contestant};
use crate::load::trips::trips;
use crate::load::{Pair, Upstream};
use crate::peer::{Peer, Process, Relay};
use crate::processor::{all_cores, pin};
use crate::statistics::{micros, quantile};

/// Where the relay and both ends run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Wherever the system puts them.
    Free,
    /// All of them on the first core.
    One,
}

impl Cores {
    pub(crate) const ALL: [Self; 2] = [Self::Free, Self::One];

    const fn name(self) -> &'static str {
        match self {
            Self::Free => "free cores",
            Self::One => "one core",
        }
    }
}

/// The percentiles that are told.
pub(crate) const PARTS: [(&str, f64); 2] = [("p50", 0.5), ("p99", 0.99)];

/// Microseconds of a round trip.
pub(crate) fn whole(cores: Cores, part: &str) -> String {
    format!("{part} µs, {}", cores.name())
}

/// Microseconds more than without a relay.
pub(crate) fn added(cores: Cores, part: &str) -> String {
    format!("added {part}, {}", cores.name())
}

/// The columns, in the order of the table.
pub(crate) fn columns() -> Vec<String> {
    let of_cores =
        |cores| PARTS.into_iter().flat_map(move |(part, _)| [whole(cores, part), added(cores, part)]);
    Cores::ALL.into_iter().flat_map(of_cores).collect()
}

/// Round trips on all cores and on one.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let upstream = Upstream::bind()?;
    let relays = Relay::start_all(&Peer::ALL, bench.programs, upstream.address(), 1);
    let mut processes = vec![std::process::id()];
    processes.extend(relays.iter().filter_map(|relay| relay.process.as_ref()).map(Process::id));
    // Asked now: once pinned, this process knows of one core only.
    let everywhere = all_cores();
    let mut contestants = Contestant::all(relays);
    let mut pairs = Vec::new();
    for contestant in &mut contestants {
        pairs.push(contestant.relay_pair(&upstream));
    }
    for cores in Cores::ALL {
        if cores == Cores::One && !pin(&processes, "0") {
            eprintln!("without `taskset` nothing is measured on one core");
            break;
        }
        rounds(bench, &mut contestants, &mut pairs);
        note(bench, &mut contestants, cores);
    }
    pin(&processes, &everywhere);
    Ok(())
}

fn rounds(bench: &Bench<'_>, contestants: &mut [Contestant], pairs: &mut [Option<Pair>]) {
    for _ in 0..bench.effort.trip_rounds {
        for (contestant, pair) in contestants.iter_mut().zip(&mut *pairs) {
            let Some(pair) = pair else { continue };
            contestant.take(|_| trips(pair, bench.effort.trips));
        }
    }
}

/// Takes the samples out, so that the next cores begin with none.
fn note(bench: &mut Bench<'_>, contestants: &mut [Contestant], cores: Cores) {
    for contestant in contestants {
        let peer = contestant.relay.peer;
        let mut samples = contestant.samples().map(std::mem::take);
        for (part, quantile_part) in PARTS {
            let time = match &mut samples {
                Ok(samples) => Ok(quantile(samples, quantile_part).map(micros)),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            let of_direct = bench.figures.value(&whole(cores, part), Peer::Direct);
            if let Some((time, direct)) = time.as_ref().ok().copied().flatten().zip(of_direct) {
                bench.put(&added(cores, part), peer, Ok(Some(time - direct)));
            }
            bench.put(&whole(cores, part), peer, time);
        }
    }
}

impl Contestant {
    /// The connection of all rounds.
    fn relay_pair(&mut self, upstream: &Upstream) -> Option<Pair> {
        match upstream.pair(self.relay.entry(0)) {
            Ok(pair) => Some(pair),
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}
