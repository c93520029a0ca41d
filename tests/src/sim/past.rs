//! Questions about the past, answered from the log a moment after the replica has passed them on.

use clock_core::VersionVector;
use clock_core::replica::{LogQuestion, lineage};

use super::plan::DiskFate;
use super::world::{Event, World};

impl World<'_> {
    pub(super) fn answer_from_log(
        &mut self,
        (station, boot): (usize, u32),
        op: u64,
        token: Option<VersionVector>,
        question: Box<LogQuestion>,
    ) {
        if !self.runs(station, boot) {
            return;
        }
        if let Some(until) = self.paused(station) {
            return self.heap.at(until, Event::Past { station, boot, op, token, question });
        }
        match lineage::answer(&self.stations[station].disk, &question) {
            Ok(response) => self.answered(station, op, token.as_ref(), response),
            Err(_) => {
                self.counters.failed_reads += 1;
                self.end_by_itself(station, "a read of the log failed", DiskFate::Absent);
            }
        }
    }
}
