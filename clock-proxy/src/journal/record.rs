//! The decisions of an earlier run, to be made again.
//!
//! A journal is read as a whole before anything listens, so a line that is wrong is an error of the start. Only what
//! was decided about frames is kept; see [`Decision::is_of_a_frame`].

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::event::{Decision, Line};
use crate::fault::Place;
use crate::rule::RuleId;

/// What was decided about a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) rule: Option<RuleId>,
    pub(crate) copy: u32,
    pub(crate) decision: Decision,
}

/// All decisions about one lane.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LaneRecord {
    by_place: BTreeMap<Place, Vec<Recorded>>,
    /// How many frames a replay in it reaches back to.
    pub(crate) reaches_back: usize,
}

impl LaneRecord {
    /// In the order in which it was decided.
    pub(crate) fn at(&self, place: Place) -> &[Recorded] {
        self.by_place.get(&place).map_or(&[], Vec::as_slice)
    }

    /// From the first place on, up to the second one.
    pub(crate) fn between(
        &self,
        from: Place,
        to_exclusive: Place,
    ) -> impl Iterator<Item = (Place, &Recorded)> {
        self.by_place.range(from..to_exclusive).flat_map(|(place, all)| all.iter().map(|one| (*place, one)))
    }

    fn push(&mut self, place: Place, recorded: Recorded) {
        if let Decision::Replay { back } = recorded.decision {
            self.reaches_back = self.reaches_back.max(usize::try_from(back).unwrap_or(usize::MAX));
        }
        self.by_place.entry(place).or_default().push(recorded);
    }
}

/// A journal that was read.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// By flow and connection.
    lanes: BTreeMap<(String, String), Arc<LaneRecord>>,
}

/// A journal that cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingError {
    /// The file as it was named.
    pub path: PathBuf,
    /// The line, from 1; none if the file could not be read at all.
    pub line: Option<usize>,
    /// What was expected.
    pub message: String,
}

impl std::error::Error for RecordingError {}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl Recording {
    /// Reads a journal in either form.
    ///
    /// # Errors
    /// The file cannot be read, or the first line that is no event.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let fail = |line, message| RecordingError { path: path.to_owned(), line, message };
        let unreadable = |error: io::Error| fail(None, format!("cannot be read: {error}"));
        let file = File::open(path).map_err(unreadable)?;
        let mut lanes: BTreeMap<(String, String), LaneRecord> = BTreeMap::new();
        for (number, text) in (1..).zip(BufReader::new(file).lines()) {
            let text = text.map_err(unreadable)?;
            if text.trim().is_empty() {
                continue;
            }
            if is_mark(&text) {
                continue;
            }
            let line = parse(&text).map_err(|message| fail(Some(number), message))?;
            let Some(place) = line.place().filter(|_| line.decision.is_of_a_frame()) else { continue };
            let recorded = Recorded { rule: line.rule.map(RuleId), copy: line.copy, decision: line.decision };
            lanes.entry((line.flow, line.conn)).or_default().push(place, recorded);
        }
        Ok(Self { lanes: lanes.into_iter().map(|(name, lane)| (name, Arc::new(lane))).collect() })
    }

    /// What was decided about a lane; an empty record if nothing was.
    pub(crate) fn lane(&self, flow: &str, conn: &str) -> Arc<LaneRecord> {
        self.lanes.get(&(flow.to_owned(), conn.to_owned())).cloned().unwrap_or_default()
    }
}

/// Whether a line is no decision, but a text that was written among them.
fn is_mark(text: &str) -> bool {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    value.is_some_and(|value| value.get("mark").is_some_and(serde_json::Value::is_string))
}

/// Text of one line to an event.
pub(super) fn parse(text: &str) -> Result<Line, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| {
        format!("an event is expected, e.g. {{\"flow\":\"a->b\",\"conn\":\"a->b#0\",\"frame\":7,\"rule\":1,\"action\":\"drop\"}}: {error}")
    })?;
    if line.place().is_none() {
        return Err("an event has either \"frame\" or \"offset\"".to_owned());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Recording, RecordingError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Recording::read(file.path())
    }

    #[test]
    fn a_record_keeps_what_was_decided_about_frames() {
        let text = concat!(
            r#"{"flow":"a->b","conn":"a->b#0","frame":7,"rule":1,"action":"drop"}"#,
            "\n\n",
            r#"{"t_ns":5,"epoch":1,"flow":"a->b","conn":"a->b#0","frame":7,"rule":2,"action":"delay","params":{"ns":9}}"#,
            "\n",
            r#"{"t_ns":5,"mark":"half time"}"#,
            "\n",
            r#"{"flow":"a->b","conn":"a->b#0","frame":8,"rule":null,"action":"reset"}"#,
            "\n",
        );
        let lane = read(text).unwrap().lane("a->b", "a->b#0");
        let decisions: Vec<_> = lane.at(Place::Frame(7)).iter().map(|one| one.decision.clone()).collect();
        assert_eq!(decisions, [Decision::Drop, Decision::Delay { ns: 9 }]);
        assert_eq!(lane.at(Place::Frame(8)), []);
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let good = r#"{"flow":"a->b","conn":"a->b#0","frame":7,"rule":1,"action":"drop"}"#;
        for bad in ["nonsense", "{}", &good.replace("drop", "lose"), &good.replace("frame", "place")] {
            let error = read(&format!("{good}\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, Some(2), "{error}");
            assert!(error.to_string().contains(":2: an event"), "{error}");
        }
    }
}
