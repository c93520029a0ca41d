//! How long a fault takes to end while the receiver does not read.

use std::io;
use std::time::{Duration, Instant};

use super::Bench;
use crate::load::{Upstream, flood, frames};
use crate::peer::{Fault, Peer, Relay};
use crate::statistics::median;

/// Milliseconds until the relay has said that the fault has ended.
pub(crate) const REMOVAL: &str = "ms until removed";

/// The fault: long against nothing, so that the lane is full of delayed bytes.
const DELAY: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;

/// Several times, each on a relay of its own, since one that hangs stays like that.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let upstream = Upstream::bind()?;
    for peer in Peer::WITH_FAULTS {
        let mut samples = Vec::new();
        for _ in 0..ROUNDS {
            let relay = Relay::start_all(&[peer], bench.programs, upstream.address(), 1).pop();
            let Some(relay) = relay else { break };
            match one(&upstream, relay) {
                Ok(seconds) => samples.push(seconds * 1e3),
                Err(note) => {
                    bench.note(&[REMOVAL.to_owned()], peer, &note);
                    samples.clear();
                    break;
                }
            }
        }
        if let Some(milliseconds) = median(&mut samples) {
            bench.figures.put_value(REMOVAL, peer, Some(milliseconds));
        }
    }
    Ok(())
}

fn one(upstream: &Upstream, mut relay: Relay) -> Result<f64, String> {
    let failed = |error: io::Error| error.to_string();
    let mut pair = upstream.pair(relay.entry(0)).map_err(failed)?;
    relay.set(Fault::Delay(DELAY)).map_err(|refused| refused.note())?;
    flood::fill(&mut pair, &frames(16 * 1024, 16)).map_err(failed)?;
    let start = Instant::now();
    relay.set(Fault::None).map_err(|refused| refused.note())?;
    Ok(start.elapsed().as_secs_f64())
}
