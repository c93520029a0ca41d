//! The journal's thread: the file, the last events, the subscribers.
//!
//! In the canonical form a file is what two runs can compare byte for byte: it has no times, and it is sorted when the
//! proxy ends, since which lane was first is chance. Until then it is in the order in which it was written.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tracing::error;

use super::event::{Event, Line};
use super::explain::{Account, Inquiry, Knowledge};
use super::record::parse;
use super::{LaneName, StepTimes, nanos};
use crate::fault::Place;

/// The last events that are kept for questions: some 10 MB.
const KEPT_MAX: usize = 65_536;

/// Lanes that are remembered after they have ended.
const LANES_MAX: usize = 8192;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum EventsForm {
    /// With the time and the epoch, as it happens.
    #[default]
    Timed,
    /// Only what is the same in every run, sorted when the proxy ends.
    Canonical,
}

/// Where to write events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// The file. What it held before is lost.
    pub path: PathBuf,
    /// How it is written.
    pub form: EventsForm,
}

/// An open file for events.
#[derive(Debug, Clone)]
pub(crate) struct EventsFile {
    events: Events,
    file: Arc<File>,
}

impl EventsFile {
    /// Makes the file, or opens it. It is emptied when a journal begins to write: a topology that is only read again
    /// must not touch what the running one has written.
    ///
    /// # Errors
    /// It cannot be made or written to.
    pub(crate) fn create(events: Events) -> io::Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(&events.path)?;
        Ok(Self { events, file: Arc::new(file) })
    }
}

/// What the thread is told and asked.
#[derive(Debug)]
pub(super) enum Message {
    Events(Vec<Event>),
    Lanes([Arc<LaneName>; 2]),
    Mark { text: String, step: Option<StepTimes> },
    Last { count: usize, reply: oneshot::Sender<Vec<String>> },
    Explain { inquiry: Inquiry, reply: oneshot::Sender<Vec<Account>> },
    Finish(oneshot::Sender<()>),
}

/// The thread's state.
pub(super) struct Writer {
    start: Instant,
    file: Option<(Events, BufWriter<Arc<File>>)>,
    kept: VecDeque<Event>,
    lanes: VecDeque<Arc<LaneName>>,
    live: broadcast::Sender<Arc<str>>,
    spilled: mpsc::Receiver<Vec<Event>>,
}

impl Writer {
    pub(super) fn new(
        file: Option<EventsFile>,
        live: broadcast::Sender<Arc<str>>,
        spilled: mpsc::Receiver<Vec<Event>>,
    ) -> Self {
        let file = file.map(|EventsFile { events, file }| {
            // A pipe or a terminal cannot be emptied, and need not be.
            let _ = file.set_len(0);
            (events, BufWriter::new(file))
        });
        let (kept, lanes) = (VecDeque::new(), VecDeque::new());
        Self { start: Instant::now(), file, kept, lanes, live, spilled }
    }

    /// Works until told to finish, or until nobody is left who could tell.
    pub(super) fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        while let Some(message) = messages.blocking_recv() {
            self.handle(message);
            if messages.is_empty() {
                self.flush();
            }
        }
        self.finish();
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Events(events) => self.take(events),
            Message::Lanes(lanes) => self.meet(lanes),
            Message::Mark { text, step } => self.mark(&text, step),
            // Whoever asked and has gone does not need the answer.
            Message::Last { count, reply } => drop(reply.send(self.last(count))),
            Message::Explain { inquiry, reply } => drop(reply.send(self.explain(&inquiry))),
            Message::Finish(reply) => {
                self.finish();
                let _ = reply.send(());
            }
        }
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            if let Some((Events { form, .. }, _)) = &self.file {
                let line = match form {
                    EventsForm::Timed => Some(event.timed(self.start)),
                    // How far a connection had come when something happened to it as a whole is chance.
                    EventsForm::Canonical => event.decision.is_of_a_frame().then(|| event.canonical()),
                };
                line.into_iter().for_each(|line| self.write(&line.to_json()));
            }
            if self.live.receiver_count() > 0 {
                // Nobody listening any more is no failure.
                let _ = self.live.send(event.timed(self.start).to_json().into());
            }
            self.keep(event);
        }
    }

    fn keep(&mut self, event: Event) {
        if self.kept.len() == KEPT_MAX
            && let Some(oldest) = self.kept.pop_front()
        {
            oldest.lane.forget(number(oldest.place));
        }
        self.kept.push_back(event);
    }

    fn meet(&mut self, lanes: [Arc<LaneName>; 2]) {
        for name in lanes {
            if self.lanes.len() == LANES_MAX {
                self.lanes.pop_front();
            }
            self.lanes.push_back(name);
        }
    }

    fn mark(&mut self, text: &str, step: Option<StepTimes>) {
        let t_ns = nanos(self.start.elapsed());
        let line = match step {
            Some(StepTimes { planned_us, actual_us }) => {
                json!({ "t_ns": t_ns, "mark": text, "planned_us": planned_us, "actual_us": actual_us })
            }
            None => json!({ "t_ns": t_ns, "mark": text }),
        };
        let line = line.to_string();
        // A mark is about time, which the canonical form leaves out.
        if self.file.as_ref().is_some_and(|(events, _)| events.form == EventsForm::Timed) {
            self.write(&line);
        }
        let _ = self.live.send(line.into());
    }

    fn last(&self, count: usize) -> Vec<String> {
        let skipped = self.kept.len().saturating_sub(count);
        self.kept.iter().skip(skipped).map(|event| event.timed(self.start).to_json()).collect()
    }

    fn explain(&self, inquiry: &Inquiry) -> Vec<Account> {
        let is_meant = |lane: &&Arc<LaneName>| lane.flow == inquiry.flow && lane.ordinal == inquiry.ordinal;
        self.lanes.iter().filter(is_meant).map(|lane| self.account(lane, inquiry.number)).collect()
    }

    fn account(&self, lane: &Arc<LaneName>, frame: u64) -> Account {
        let is_its = |event: &&Event| Arc::ptr_eq(&event.lane, lane) && number(event.place) == frame;
        let line = |event: &Event| serde_json::to_value(event.timed(self.start)).unwrap_or_default();
        let events: Vec<_> = self.kept.iter().filter(is_its).map(line).collect();
        let is_forgotten = lane.may_be_forgotten(frame);
        let taken = lane.taken();
        let (verdict, why) = if frame >= taken {
            (Knowledge::NotYetSeen, format!("this lane has decided about {taken} so far"))
        } else if is_forgotten && events.is_empty() {
            (Knowledge::Forgotten, self.oldest())
        } else if events.is_empty() {
            (Knowledge::PassedUntouched, "no rule in force did anything to it".to_owned())
        } else if is_forgotten {
            (Knowledge::Decided, format!("earlier decisions may be forgotten; {}", self.oldest()))
        } else {
            (Knowledge::Decided, "by these rules, in this order".to_owned())
        };
        let (flow, conn) = (lane.flow.clone(), lane.conn());
        Account { flow, conn, frame, verdict, why, events }
    }

    fn oldest(&self) -> String {
        match self.kept.front() {
            Some(event) => {
                let (conn, place) = (event.lane.conn(), number(event.place));
                format!("the oldest of {} decisions that are kept is {conn}:{place}", self.kept.len())
            }
            None => "no decision is kept".to_owned(),
        }
    }

    fn write(&mut self, line: &str) {
        let Some((events, file)) = &mut self.file else { return };
        if let Err(error) = writeln!(file, "{line}") {
            error!(%error, path = %events.path.display(), "events are not written any more");
            self.file = None;
        }
    }

    fn flush(&mut self) {
        if let Some((_, file)) = &mut self.file
            && let Err(error) = file.flush()
        {
            error!(%error, "events were not written");
        }
    }

    /// Writes what is left, and brings a canonical file into its order.
    fn finish(&mut self) {
        while let Ok(events) = self.spilled.try_recv() {
            self.take(events);
        }
        self.flush();
        let Some((events, file)) = self.file.take() else { return };
        drop(file);
        if events.form == EventsForm::Canonical
            && let Err(error) = sort(&events)
        {
            error!(%error, path = %events.path.display(), "events were not sorted");
        }
    }
}

fn number(place: Place) -> u64 {
    match place {
        Place::Frame(number) | Place::Offset(number) => number,
    }
}

/// Sorts the lines of a file: a new one takes its place when it is complete.
fn sort(events: &Events) -> io::Result<()> {
    let text = fs::read_to_string(&events.path)?;
    let mut lines: Vec<Line> = text.lines().filter_map(|line| parse(line).ok()).collect();
    lines.sort_by(Line::compare);
    let mut sorted = events.path.clone().into_os_string();
    sorted.push(".sorted");
    let mut file = BufWriter::new(File::create(&sorted)?);
    for line in &lines {
        writeln!(file, "{}", line.to_json())?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(sorted, &events.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Decision, Journal};
    use crate::rule::RuleId;

    fn event(lane: &Arc<LaneName>, frame: u64) -> Event {
        let (place, lane) = (Place::Frame(frame), Arc::clone(lane));
        let rule = Some(RuleId(1));
        Event { at: Instant::now(), epoch: 1, lane, place, copy: 0, rule, decision: Decision::Drop }
    }

    fn inquiry(number: u64) -> Inquiry {
        Inquiry { flow: "a->b".to_owned(), ordinal: 0, number }
    }

    #[tokio::test]
    async fn a_canonical_file_is_sorted_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        let events = Events { path: path.clone(), form: EventsForm::Canonical };
        let journal = Journal::start(Some(EventsFile::create(events).unwrap()), None);
        let lanes = [Arc::new(LaneName::new("a->b", "a->b", 10)), Arc::new(LaneName::new("a->b", "a->b", 9))];
        for frame in [30, 4] {
            let batch = lanes.iter().map(|lane| event(lane, frame)).collect();
            journal.messages.send(Message::Events(batch)).await.unwrap();
        }
        journal.mark("not in this form", None).await;
        let whole = Event { decision: Decision::Limit { bytes: 9 }, ..event(&lanes[0], 6) };
        journal.messages.send(Message::Events(vec![whole])).await.unwrap();
        journal.last_words.try_send(vec![event(&lanes[0], 5)]).unwrap();
        journal.finish().await;
        let text = fs::read_to_string(path).unwrap();
        let places: Vec<_> = text
            .lines()
            .map(|line| parse(line).unwrap())
            .map(|line| (line.conn, line.frame.unwrap()))
            .collect();
        let expected = [("a->b#9", 4), ("a->b#9", 30), ("a->b#10", 4), ("a->b#10", 5), ("a->b#10", 30)];
        assert_eq!(places, expected.map(|(conn, frame)| (conn.to_owned(), frame)));
        assert!(!text.contains("t_ns") && !text.contains("epoch"));
    }

    /// Disproved by events that are gone when a topology file with the same events is read again.
    #[tokio::test]
    async fn a_plan_that_is_not_started_leaves_the_events_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        fs::write(&path, "of an earlier run").unwrap();
        let create = || EventsFile::create(Events { path: path.clone(), form: EventsForm::Timed }).unwrap();
        let journal = Journal::start(Some(create()), None);
        journal.mark("one", None).await;
        let written = async {
            while !fs::read_to_string(&path).unwrap().ends_with('\n') {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), written).await.unwrap();
        drop(create());
        journal.mark("two", None).await;
        journal.finish().await;
        let text = fs::read_to_string(&path).unwrap();
        let marks: Vec<_> = text.lines().map(|line| &line[..14]).collect();
        assert_eq!(marks, [r#"{"mark":"one","#, r#"{"mark":"two","#], "{text:?}");
    }

    /// Disproved by "untouched" for a frame whose events may have been forgotten.
    #[tokio::test]
    async fn what_is_known_of_a_frame_is_said_and_no_more() {
        let journal = Journal::start(None, None);
        let lane = Arc::new(LaneName::new("a->b", "a->b", 0));
        journal.messages.send(Message::Lanes([Arc::clone(&lane), Arc::clone(&lane)])).await.unwrap();
        lane.set_taken(200_000);
        let batch = vec![event(&lane, 0), event(&lane, 7)];
        journal.messages.send(Message::Events(batch)).await.unwrap();
        let verdict = async |frame| journal.explain(inquiry(frame)).await.unwrap()[0].verdict;
        assert_eq!(verdict(7).await, Knowledge::Decided);
        assert_eq!(verdict(8).await, Knowledge::PassedUntouched);
        assert_eq!(verdict(200_000).await, Knowledge::NotYetSeen);
        let many = (0..u64::try_from(KEPT_MAX).unwrap()).map(|frame| event(&lane, 100 + frame)).collect();
        journal.messages.send(Message::Events(many)).await.unwrap();
        assert_eq!(verdict(7).await, Knowledge::Forgotten);
        assert_eq!(verdict(8).await, Knowledge::PassedUntouched);
        assert_eq!(journal.last(3).await.len(), 3);
    }

    #[tokio::test]
    async fn a_subscriber_that_lags_is_told_how_many_it_missed() {
        let journal = Journal::start(None, None);
        let mut live = journal.subscribe();
        let lane = Arc::new(LaneName::new("a->b", "a->b", 0));
        let many = (0..5000).map(|frame| event(&lane, frame)).collect();
        journal.messages.send(Message::Events(many)).await.unwrap();
        journal.finish().await;
        assert!(matches!(live.recv().await, Err(broadcast::error::RecvError::Lagged(904))));
        assert!(live.recv().await.unwrap().contains("\"frame\":904"));
    }
}
