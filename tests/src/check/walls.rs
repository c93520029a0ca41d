//! What the stations' wall clocks can have shown, by what the harness tells of them.

use super::names::StationId;

/// From here until the next mark a wall clock shows at least this, and at most that plus twice the time since.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at_us: u64,
    least_ms: u64,
    most_ms: u64,
}

/// The marks of each station, oldest first.
#[derive(Debug, Default)]
pub(super) struct Walls {
    marks: Vec<Vec<Mark>>,
}

impl Walls {
    pub(super) fn mark(&mut self, at: StationId, at_us: u64, (least_ms, most_ms): (u64, u64)) {
        if self.marks.len() <= at.0 {
            self.marks.resize_with(at.0 + 1, Vec::new);
        }
        self.marks[at.0].push(Mark { at_us, least_ms, most_ms });
    }

    fn upto(&self, at: StationId, upto_us: u64) -> &[Mark] {
        let marks = self.marks.get(at.0).map_or(&[][..], Vec::as_slice);
        let count = marks.partition_point(|mark| mark.at_us <= upto_us);
        marks.get(..count).unwrap_or_default()
    }

    /// The least that it can have shown between these times; `None` if the harness does not tell.
    pub(super) fn least_ms(&self, at: StationId, from_us: u64, upto_us: u64) -> Option<u64> {
        let marks = self.upto(at, upto_us);
        let first = marks.partition_point(|mark| mark.at_us <= from_us).checked_sub(1)?;
        marks.get(first..)?.iter().map(|mark| mark.least_ms).min()
    }

    /// The most that it can have shown so far; `None` if the harness does not tell.
    pub(super) fn most_ms(&self, at: StationId, upto_us: u64) -> Option<u64> {
        let marks = self.upto(at, upto_us);
        let ends = marks.iter().skip(1).map(|next| next.at_us).chain([upto_us]);
        marks.iter().zip(ends).map(|(mark, end)| mark.most_ms + (end - mark.at_us) / 500 + 1).max()
    }
}
