//! One decision that was not "pass", with the numbers that suffice to repeat it.

use std::cmp::Ordering as Order;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::fault::Place;
use crate::rule::RuleId;

/// A lane as it is called in the journal, and how far it has come.
#[derive(Debug)]
pub(crate) struct LaneName {
    /// `a->b`, what it carries.
    pub(crate) flow: String,
    /// `a->b` or `b->a`, the link its connection came in by.
    pub(crate) link: String,
    /// Of the connection, on its link.
    pub(crate) ordinal: u64,
    /// Frames decided so far; bytes on a lane without frames.
    taken: AtomicU64,
    /// Above the highest frame of which an event is not kept any more.
    forgotten: AtomicU64,
}

impl LaneName {
    pub(crate) fn new(flow: &str, link: &str, ordinal: u64) -> Self {
        Self {
            flow: flow.to_owned(),
            link: link.to_owned(),
            ordinal,
            taken: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
        }
    }

    /// `a->b#3`
    pub(crate) fn conn(&self) -> String {
        format!("{}#{}", self.link, self.ordinal)
    }

    pub(crate) fn set_taken(&self, taken: u64) {
        self.taken.store(taken, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// An event of this frame is not kept any more.
    pub(crate) fn forget(&self, frame: u64) {
        self.forgotten.fetch_max(frame.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn may_be_forgotten(&self, frame: u64) -> bool {
        frame < self.forgotten.load(Ordering::Relaxed)
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", content = "params", rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// Lost in a cut with mode=drop.
    Cut,
    /// Steps aside until the cut that chose it ends.
    Aside,
    Drop,
    Dup {
        copies: u32,
        gap_ns: u64,
    },
    /// The frame `back` frames before this one is sent again behind it.
    Replay {
        back: u64,
    },
    /// These bits flip, counted from the start of the frame.
    Flip {
        bits: Vec<usize>,
    },
    /// The frame loses its last bytes.
    Truncate {
        bytes: u64,
    },
    /// The byte at this offset is combined with this number (exclusive or).
    Damage {
        xor: u8,
    },
    Delay {
        ns: u64,
    },
    Reorder {
        gap: u64,
        max_ns: u64,
    },
    /// This frame is the last one of an aborted connection.
    ResetBehind,
    /// The connection is aborted. This and what follows is driven by time, by bytes, or by a command, and is not
    /// repeated by `--replay`.
    Reset,
    /// The connection's bytes are thrown away from here on.
    BlackHole,
    /// The connection is closed.
    Close,
    Limit {
        bytes: u64,
    },
    SlowClose {
        ns: u64,
    },
    Inject {
        bytes: u64,
    },
}

impl Decision {
    /// Whether bytes are altered by it.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Decision::Flip { .. } | Decision::Truncate { .. } | Decision::Damage { .. })
    }

    /// Whether `--replay` repeats it.
    pub(crate) fn is_of_a_frame(&self) -> bool {
        match self {
            Decision::Cut
            | Decision::Aside
            | Decision::Drop
            | Decision::Dup { .. }
            | Decision::Replay { .. }
            | Decision::Flip { .. }
            | Decision::Truncate { .. }
            | Decision::Damage { .. }
            | Decision::Delay { .. }
            | Decision::Reorder { .. }
            | Decision::ResetBehind => true,
            Decision::Reset
            | Decision::BlackHole
            | Decision::Close
            | Decision::Limit { .. }
            | Decision::SlowClose { .. }
            | Decision::Inject { .. } => false,
        }
    }
}

/// Nanoseconds, of durations that are hours at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A decision with its place and time.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Instant,
    pub(crate) epoch: u64,
    pub(crate) lane: Arc<LaneName>,
    pub(crate) place: Place,
    /// 0 for the frame itself, else which of its copies.
    pub(crate) copy: u32,
    /// The rule that decided; none for a command that was carried out once.
    pub(crate) rule: Option<RuleId>,
    pub(crate) decision: Decision,
}

/// An event as it is written: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) t_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<u64>,
    pub(crate) flow: String,
    pub(crate) conn: String,
    /// Number of the frame in its lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) frame: Option<u64>,
    /// On a lane without frames, the offset of the byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) copy: u32,
    pub(crate) rule: Option<u32>,
    #[serde(flatten)]
    pub(crate) decision: Decision,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Event {
    /// The whole event, its time counted from `start`.
    pub(crate) fn timed(&self, start: Instant) -> Line {
        let t_ns = Some(nanos(self.at.saturating_duration_since(start)));
        Line { t_ns, epoch: Some(self.epoch), ..self.canonical() }
    }

    /// Only what is the same in every run.
    pub(crate) fn canonical(&self) -> Line {
        let (frame, offset) = match self.place {
            Place::Frame(number) => (Some(number), None),
            Place::Offset(offset) => (None, Some(offset)),
        };
        Line {
            t_ns: None,
            epoch: None,
            flow: self.lane.flow.clone(),
            conn: self.lane.conn(),
            frame,
            offset,
            copy: self.copy,
            rule: self.rule.map(|rule| rule.0),
            decision: self.decision.clone(),
        }
    }
}

impl Line {
    pub(crate) fn place(&self) -> Option<Place> {
        match (self.frame, self.offset) {
            (Some(number), None) => Some(Place::Frame(number)),
            (None, Some(offset)) => Some(Place::Offset(offset)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Sorts by flow, connection, place and copy. What was decided about one frame stays in its order; whether it was
    /// decided before or after what happened to its copies may be chance.
    pub(crate) fn compare(&self, other: &Self) -> Order {
        let conn = |line: &Self| match line.conn.rsplit_once('#') {
            Some((link, ordinal)) => (link.to_owned(), ordinal.parse::<u64>().unwrap_or(u64::MAX)),
            None => (line.conn.clone(), u64::MAX),
        };
        let by_place = || self.place().cmp(&other.place());
        let by_copy = || self.copy.cmp(&other.copy);
        let by_conn = || conn(self).cmp(&conn(other));
        self.flow.cmp(&other.flow).then_with(by_conn).then_with(by_place).then_with(by_copy)
    }

    /// The line as JSON, without a line end.
    pub(crate) fn to_json(&self) -> String {
        // Numbers and texts under fixed keys: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(place: Place, decision: Decision) -> Event {
        let lane = Arc::new(LaneName::new("b->a", "a->b", 3));
        Event { at: Instant::now(), epoch: 2, lane, place, copy: 0, rule: Some(RuleId(4)), decision }
    }

    #[test]
    fn a_line_says_it_all_and_is_read_back_as_it_was() {
        let drop = event(Place::Frame(7), Decision::Drop).canonical();
        assert_eq!(drop.to_json(), r#"{"flow":"b->a","conn":"a->b#3","frame":7,"rule":4,"action":"drop"}"#);
        for decision in [
            Decision::Drop,
            Decision::Dup { copies: 2, gap_ns: 5 },
            Decision::Flip { bits: vec![33, 90] },
            Decision::Delay { ns: u64::MAX },
            Decision::ResetBehind,
        ] {
            let event = event(Place::Offset(9), decision);
            let line = event.timed(event.at);
            assert_eq!(serde_json::from_str::<Line>(&line.to_json()).unwrap(), line);
        }
    }

    #[test]
    fn lines_sort_by_numbers_and_not_by_digits() {
        let line = |conn: &str, frame| Line {
            conn: conn.to_owned(),
            ..event(Place::Frame(frame), Decision::Drop).canonical()
        };
        assert_eq!(line("a->b#10", 1).compare(&line("a->b#9", 2)), Order::Greater);
        assert_eq!(line("a->b#9", 10).compare(&line("a->b#9", 9)), Order::Greater);
        assert_eq!(line("a->b#9", 9).compare(&line("a->b#9", 9)), Order::Equal);
        let copy = Line { copy: 1, ..line("a->b#9", 9) };
        assert_eq!(
            copy.compare(&line("a->b#9", 9)),
            Order::Greater,
            "behind its frame, whenever it was decided"
        );
    }
}
