//! The two clocks of a station: both go on above every event it mints or receives, and neither decides anything.

use super::input::Now;
use super::mistakes;
use crate::bugs::{Bug, planted};
use crate::clocks::{HybridClock, HybridTimestamp, LamportClock};
use crate::event::WriteEvent;

/// The Lamport clock and the hybrid clock of one station.
#[derive(Debug)]
pub(super) struct Clocks {
    lamport: LamportClock,
    hlc: HybridClock,
    drift_max_ms: u64,
}

/// What a clock has to say in reports: which of them, and why.
pub(super) type Refused = String;

/// A copy of the whole replica has clocks of its own. The clocks themselves cannot be copied, so that no program
/// issues one timestamp twice by accident.
impl Clone for Clocks {
    fn clone(&self) -> Self {
        Self::going_on(self.lamport.current(), self.hlc.last(), self.drift_max_ms)
    }
}

impl Clocks {
    /// Clocks that have issued nothing.
    pub(super) fn new(drift_max_ms: u64) -> Self {
        Self::going_on(0, HybridTimestamp::from_packed(0), drift_max_ms)
    }

    fn going_on(lamport: u64, hlc: HybridTimestamp, drift_max_ms: u64) -> Self {
        let drift_max_ms = if planted(Bug::FarFutureAccepted) { u64::MAX } else { drift_max_ms };
        let hlc = HybridClock::restored(hlc).with_max_drift_ms(drift_max_ms);
        Self { lamport: LamportClock::starting_at(lamport), hlc, drift_max_ms }
    }

    /// The Lamport time of the latest event.
    pub(super) fn lamport(&self) -> u64 {
        self.lamport.current()
    }

    /// Goes on above an event that this station minted before it stopped, whatever the wall clock shows by now.
    pub(super) fn resume(&mut self, own: &WriteEvent) {
        let (mut lamport, mut hlc) = (self.lamport().max(own.lamport), self.hlc.last().max(own.hlc));
        if planted(Bug::LamportNotResumed) {
            lamport = self.lamport();
        }
        if planted(Bug::HybridNotResumed) {
            hlc = self.hlc.last();
        }
        *self = Self::going_on(lamport, hlc, self.drift_max_ms);
    }

    /// Receiving is an event of the clocks too. A timestamp out of bounds is refused for the clock; the data stays.
    pub(super) fn receive(&self, now: Now, event: &WriteEvent) -> Vec<Refused> {
        let lamport = match planted(Bug::LamportNotRaised) {
            true => None,
            false => self.lamport.try_observe(event.lamport).err().map(|error| error.to_string()),
        };
        let hlc = self.hlc.observe_at(event.hlc, now.wall_ms).err().map(|error| error.to_string());
        lamport.into_iter().chain(hlc).collect()
    }

    /// The Lamport time and the hybrid timestamp of a new event.
    pub(super) fn tick(&self, now: Now) -> Result<(u64, HybridTimestamp), Refused> {
        // A wall clock beyond year 2527 shows nonsense; the hybrid clock then counts on from where it is.
        let counting_on = self.hlc.last().wall_ms();
        let hlc = self.hlc.tick_at(now.wall_ms).or_else(|_| self.hlc.tick_at(counting_on));
        let hlc = hlc.map_err(|error| error.to_string())?;
        let lamport = self.lamport.try_tick().map_err(|error| error.to_string())?;
        if planted(Bug::HybridCounterWraps) {
            return Ok((lamport, mistakes::wrapped(hlc)));
        }
        if planted(Bug::WallShownAsHybrid) {
            return Ok((lamport, mistakes::wall(now).unwrap_or(hlc)));
        }
        Ok((lamport, hlc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replica::Mono;

    /// Disproved by a copy that starts over, or that moves the clocks it was made from.
    #[test]
    fn a_copy_goes_on_from_the_same_place_by_itself() {
        let now = Now { mono: Mono(0), wall_ms: 1_760_000_000_000 };
        let clocks = Clocks::new(500);
        (0..3).for_each(|_| assert!(clocks.tick(now).is_ok()));
        let copy = clocks.clone();
        let next = copy.tick(now).unwrap();
        assert_eq!(next.0, 4);
        copy.tick(now).unwrap();
        assert_eq!(clocks.tick(now).unwrap(), next);
    }
}
