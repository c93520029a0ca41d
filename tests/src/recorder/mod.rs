//! Histories of real processes: clients that write down what they asked and what they were told, while it happens.
//!
//! Everything runs on one thread, so the lines are in the order in which it happened: a question is written down
//! before it is sent, an answer after it has arrived. They go to a file at once. At the end the file is read back and
//! checked, as `clock-check` would; it stays only if something is wrong, or if `KEEP_HISTORIES` names a folder.

mod answer;
mod client;
mod worker;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use clock_core::wire::{Receipt, Terms};
use clock_core::{Dot, Key, RequestId};
use tempfile::NamedTempFile;

pub use client::{NotAnswered, Place, RecordingClient, Write, WriteKind};
pub use worker::{Worker, Workload};

use crate::check::Checker;
use crate::history::{Call, Line, Phase, ValueDigest, What};

/// The one book that all clients of a test write to. Clones share it.
#[derive(Debug, Clone)]
pub struct Recorder(Rc<RefCell<Book>>);

/// What was recorded, for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations that were sent.
    pub operations: u64,
    /// Writes with a receipt, retries included.
    pub acknowledged: u64,
    /// Operations that were refused.
    pub refused: u64,
    /// Operations whose outcome the client does not know.
    pub unknown: u64,
    /// Reads that showed more than one version.
    pub conflicts: u64,
    /// Reads that came with all that the station had of the key.
    pub looked_behind: u64,
    /// Stations that were killed or stopped.
    pub stopped: u64,
}

#[derive(Debug)]
struct Book {
    begun: Instant,
    last_us: u64,
    next_op: u64,
    next_client: u32,
    next_batch: u64,
    counts: Counts,
    acknowledged: BTreeMap<Dot, Acknowledged>,
    lines: BufWriter<File>,
    place: Kept,
}

/// What the client asked for that has the receipt: the key, its id and the value.
type Acknowledged = (Key, RequestId, ValueDigest);

/// Where the lines are, and whether they go with the test.
#[derive(Debug)]
enum Kept {
    /// Unless something is wrong.
    ForNow(Option<NamedTempFile>),
    /// In any case.
    Always(PathBuf),
}

impl Recorder {
    /// An empty history of the test that runs on this thread.
    ///
    /// # Panics
    /// If no file can be made for it.
    pub fn start() -> Self {
        let name = std::thread::current().name().unwrap_or("history").replace("::", "-");
        let (place, file) = open(&name).unwrap_or_else(|error| panic!("no file for the history: {error}"));
        let recorder = Self(Rc::new(RefCell::new(Book {
            begun: Instant::now(),
            last_us: 0,
            next_op: 1,
            next_client: 0,
            next_batch: 0,
            counts: Counts::default(),
            acknowledged: BTreeMap::new(),
            lines: BufWriter::new(file),
            place,
        })));
        recorder.note(What::Phase { phase: Phase::Safety });
        recorder
    }

    /// Writes down something that the test itself did or saw.
    pub fn note(&self, what: What) {
        self.0.borrow_mut().note(what);
    }

    /// One more client, which writes down all it does.
    pub fn client(&self) -> RecordingClient {
        let mut book = self.0.borrow_mut();
        let number = book.next_client;
        book.next_client += 1;
        RecordingClient::new(self.clone(), number)
    }

    /// What was recorded so far.
    pub fn counts(&self) -> Counts {
        self.0.borrow().counts
    }

    /// The writes that a client has a receipt of.
    pub fn acknowledged(&self) -> BTreeMap<Dot, (Key, RequestId, ValueDigest)> {
        self.0.borrow().acknowledged.clone()
    }

    /// Checks the history from its file.
    ///
    /// # Panics
    /// If it breaks a property: then the file stays, and its path is printed.
    pub fn check(&self) -> Counts {
        let mut book = self.0.borrow_mut();
        book.lines.flush().expect("the history can be written");
        if let Err(wrong) = check_file(book.place.path()) {
            let path = book.place.keep();
            panic!("{wrong}\nthe history is in {}", path.display());
        }
        book.counts
    }

    fn invoke(&self, (client, place): (u32, &Place), call: Call, terms: &Terms, batch: Option<u64>) -> u64 {
        let mut book = self.0.borrow_mut();
        let op = book.next_op;
        book.next_op += 1;
        book.counts.operations += 1;
        let station = place.station.clone();
        let (w, session) = (answer::copies(terms), terms.session.as_ref().map(answer::last_events));
        book.note(What::Invoke { op, client, station, call, w, session, batch });
        op
    }

    /// A number that no batch of this history has.
    fn next_batch(&self) -> u64 {
        let mut book = self.0.borrow_mut();
        book.next_batch += 1;
        book.next_batch
    }

    fn acknowledge(&self, receipt: &Receipt, write: &Write) {
        let mut book = self.0.borrow_mut();
        book.counts.acknowledged += 1;
        let asked = (write.key.clone(), write.request, write.digest());
        let known = book.acknowledged.insert(receipt.dot.clone(), asked.clone());
        assert!(known.is_none_or(|known| known == asked), "{} names two writes", receipt.dot);
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.borrow_mut().counts);
    }
}

impl Book {
    fn note(&mut self, what: What) {
        let elapsed = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_us = elapsed.max(self.last_us);
        match &what {
            What::Fail { .. } => self.counts.refused += 1,
            What::Info { .. } => self.counts.unknown += 1,
            What::Stopped { .. } => self.counts.stopped += 1,
            _ => {}
        }
        let line = Line { at_us: self.last_us, what };
        writeln!(self.lines, "{}", line.to_json()).expect("the history can be written");
    }
}

/// A test that fails for another reason leaves its history, too.
impl Drop for Book {
    fn drop(&mut self) {
        let flushed = self.lines.flush().is_ok();
        if std::thread::panicking() && flushed {
            println!("the history is in {}", self.place.keep().display());
        }
    }
}

impl Kept {
    fn path(&self) -> &Path {
        match self {
            Self::ForNow(file) => file.as_ref().map_or(Path::new(""), NamedTempFile::path),
            Self::Always(path) => path,
        }
    }

    /// From now on the file stays.
    fn keep(&mut self) -> PathBuf {
        let path = self.path().to_owned();
        if let Self::ForNow(file) = self
            && let Some(file) = file.take()
        {
            file.keep().expect("a temporary file can be kept");
            *self = Self::Always(path.clone());
        }
        path
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, acknowledged, refused, unknown, conflicts, looked_behind, stopped } = self;
        write!(
            formatter,
            "{operations} operations, {acknowledged} acknowledged writes, {refused} refused, "
        )?;
        write!(formatter, "{unknown} unknown, {conflicts} reads of conflicts, ")?;
        write!(formatter, "{looked_behind} reads with all their writes, {stopped} stops")
    }
}

fn open(name: &str) -> std::io::Result<(Kept, File)> {
    match std::env::var_os("KEEP_HISTORIES") {
        Some(folder) => {
            std::fs::create_dir_all(&folder)?;
            let path = Path::new(&folder).join(format!("{name}.jsonl"));
            let file = File::create(&path)?;
            Ok((Kept::Always(path), file))
        }
        None => {
            let prefix = format!("history-{name}-");
            let file = tempfile::Builder::new().prefix(&prefix).suffix(".jsonl").tempfile()?;
            let handle = file.reopen()?;
            Ok((Kept::ForNow(Some(file)), handle))
        }
    }
}

/// Reads a history and checks it; says what is wrong, and in which line.
///
/// # Errors
/// The first property that it breaks, or a line that is none.
fn check_file(path: &Path) -> Result<(), String> {
    let opened = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut checker = Checker::default();
    for (number, text) in BufReader::new(opened).lines().enumerate() {
        let text = text.map_err(|error| error.to_string())?;
        let line = Line::from_json(&text).map_err(|error| format!("line {}: {error}", number + 1))?;
        let observed = checker.observe(&line);
        observed.map_err(|violation| format!("line {}: {violation}\n{text}", number + 1))?;
    }
    checker.end().map_err(|violation| violation.to_string())
}
