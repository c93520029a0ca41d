//! Short connections a second.

use std::io;

use super::{Bench, Contestant};
use crate::load::short::Answerer;
use crate::peer::{Peer, Relay};
use crate::statistics::median;

/// Connections a second: made, one small frame there and back, closed.
pub(crate) const RATE: &str = "connections/s";

/// In rounds over all relays.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let answerer = Answerer::bind()?;
    let relays = Relay::start_all(&Peer::ALL, bench.programs, answerer.address(), 1);
    let mut contestants = Contestant::all(relays);
    for _ in 0..bench.effort.accept_rounds {
        for contestant in &mut contestants {
            contestant.take(|relay| Ok(vec![answerer.rate(relay.entry(0), bench.effort.accepts)?]));
        }
    }
    for mut contestant in contestants {
        let peer = contestant.relay.peer;
        let rate = contestant.samples().map(|samples| median(samples));
        bench.put(RATE, peer, rate);
    }
    Ok(())
}
