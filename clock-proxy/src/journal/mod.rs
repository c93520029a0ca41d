//! What was decided, and why: the journal of all faults.
//!
//! A fault that cannot be explained afterwards is a bug report nobody can act on. So every decision other than "pass"
//! is an [`Event`] with the numbers that suffice to make it again. Lanes note events without any lock; a connection
//! hands them over in batches through a bounded channel to one thread, which writes the file, keeps the last ones for
//! questions, and tells subscribers. Nothing is lost: a lane whose events have not been taken stops deciding, and
//! its sender waits.
//!
//! What is an event: each frame lost, set aside, duplicated, damaged, shortened, delayed (on lanes with frames) or
//! reordered; each damaged byte and each lost read of a lane without frames; the aborts, closes, limits, slow closes,
//! black holes and injections of a connection, once each. What is not: frames that a cut of the whole flow holds,
//! bytes that a rate or a slice holds back, delays on lanes without frames, and bytes swallowed by a black hole. All of
//! these follow from time alone and say nothing that could be repeated.

mod event;
mod explain;
mod hand_over;
mod record;
mod scribe;
mod writer;

pub(crate) use event::{Decision, Event, LaneName, nanos};
pub(crate) use explain::{Account, Inquiry};
pub(crate) use hand_over::HandOver;
pub(crate) use record::LaneRecord;
pub use record::{Recording, RecordingError};
pub(crate) use scribe::Scribe;
pub(crate) use writer::EventsFile;
pub use writer::{Events, EventsForm};

use std::sync::Arc;
use std::thread;

use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::error;

use writer::{Message, Writer};

/// Batches on their way to the thread. One per connection that is busy, and each of a few hundred kilobytes at most.
const BATCHES_MAX: usize = 64;

/// Connections that may end at once while the thread is behind: more than a process has descriptors for.
const LAST_WORDS_MAX: usize = 1 << 20;

/// Events a subscriber may be behind before it misses some, and is told how many.
const BEHIND_MAX: usize = 4096;

/// When a step of a scenario was to be carried out, and when it was, both since the scenario's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepTimes {
    pub(crate) planned_us: u64,
    pub(crate) actual_us: u64,
}

/// Where events go. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    messages: mpsc::Sender<Message>,
    /// Events of connections that were ended while the channel was full: one batch each.
    last_words: mpsc::Sender<Vec<Event>>,
    live: broadcast::Sender<Arc<str>>,
    recording: Option<Arc<Recording>>,
}

impl Journal {
    /// Starts the thread. It ends when everybody who could hand it something is gone.
    pub(crate) fn start(events: Option<EventsFile>, recording: Option<Arc<Recording>>) -> Self {
        let (messages, received) = mpsc::channel(BATCHES_MAX);
        let (last_words, spilled) = mpsc::channel(LAST_WORDS_MAX);
        let live = broadcast::Sender::new(BEHIND_MAX);
        let writer = Writer::new(events, live.clone(), spilled);
        let started = thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(received));
        if let Err(error) = started {
            // A process without threads has other worries; what it relays is relayed all the same.
            error!(%error, "there is no journal");
        }
        Self { messages, last_words, live, recording }
    }

    /// What was decided about this lane in the run that is replayed, if one is.
    pub(crate) fn record_of(&self, lane: &LaneName) -> Option<Arc<LaneRecord>> {
        self.recording.as_ref().map(|recording| recording.lane(&lane.flow, &lane.conn()))
    }

    /// Each event from now on, as a line of JSON in the timed form. A reader that lags is told how many it missed.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<str>> {
        self.live.subscribe()
    }

    /// How many read along.
    pub(crate) fn followers(&self) -> usize {
        self.live.receiver_count()
    }

    /// The last events, oldest first, `count` of them at most, as lines of JSON.
    pub(crate) async fn last(&self, count: usize) -> Vec<String> {
        self.ask(|reply| Message::Last { count, reply }).await.unwrap_or_default()
    }

    /// What is known about one frame. None if the proxy is going down.
    pub(crate) async fn explain(&self, inquiry: Inquiry) -> Option<Vec<Account>> {
        self.ask(|reply| Message::Explain { inquiry, reply }).await
    }

    /// Writes a line that is no decision: a text of the user, or a step of a scenario, with the time at which it was
    /// planned and the time at which it was carried out, so that lateness can be seen. Waits for room.
    pub(crate) async fn mark(&self, text: &str, step: Option<StepTimes>) {
        let mark = Message::Mark { text: text.to_owned(), step };
        // The thread ends after everybody who could ask it.
        let _ = self.messages.send(mark).await;
    }

    /// Writes what has come so far, and closes the file. What comes later is lost, so this comes last.
    pub(crate) async fn finish(&self) {
        self.ask(Message::Finish).await;
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answered) = oneshot::channel();
        self.messages.send(message(reply)).await.ok()?;
        answered.await.ok()
    }
}
