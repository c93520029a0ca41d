//! Power cuts: the store writes to a disk that remembers every write and sync, the power is cut at drawn points, and
//! the file that the disk could have left is opened as a station opens it.
//!
//! `POWER_CUTS` (500) says how many cuts, `POWER_SEED` where the seeds begin. A failure names the seed of its session:
//! `POWER_SEED=that POWER_CUTS=25` is that session alone.

#![allow(clippy::panic, reason = "test helpers stop the test")]

mod support;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clock_core::replica::Lsn;
use clock_node::store::{self, OpenedStore, Progress, StoreWriter};
use support::disk::{Recorder, Step};
use support::image::{Tail, after_cut};
use support::model::Held;
use support::{FILE, commit, folder, identity, setting, silence_the_engine};

/// Cuts that are drawn in the life of one store.
const CUTS_A_SESSION: u64 = 25;
const UNFINISHED: &str = "catalog.redb.new";
const TAILS: [Tail; 5] = [Tail::Lost, Tail::Kept, Tail::Torn, Tail::Scattered, Tail::Scattered];

/// What the store was to hold after each batch, and the highest number that any event ever had.
#[derive(Clone)]
struct Timeline {
    held: Vec<Held>,
    highest: u64,
}

/// How often what happened.
type Tally = BTreeMap<&'static str, u64>;

/// One cut: what is on the disk now, and what the clients of the store may rely on.
struct Cut {
    image: Vec<u8>,
    /// Behind so many steps.
    at: usize,
    /// What the file was called then.
    name: &'static str,
    /// So many batches were reported as durable.
    acknowledged: usize,
    /// So many were begun.
    begun: usize,
}

struct Session {
    rng: fastrand::Rng,
    tally: Tally,
    /// The disk once says that it has synced, and has not.
    lies: bool,
}

impl Session {
    /// A store from its making on, written to, cut so often at other points.
    fn run(&mut self, cuts: u64) -> Result<(), String> {
        let mut timeline = Timeline { held: vec![Held::nothing()], highest: 0 };
        let (folder, recorder) = (folder(), Recorder::default());
        let store = open_recorded(&recorder, folder.path()).map_err(|error| error.to_string())?;
        let batches = self.rng.usize(3..30);
        self.write(&store, &recorder, &mut timeline, batches);
        drop(store);
        let steps = recorder.steps();
        let enough = self.cuts() + cuts;
        while self.cuts() < enough {
            let cut = self.cut_new(&steps);
            self.come_back(&cut, timeline.clone())?;
        }
        Ok(())
    }

    fn write(&mut self, store: &OpenedStore, recorder: &Recorder, timeline: &mut Timeline, batches: usize) {
        let two_phase = self.rng.u8(..4) == 0;
        let mut writer = StoreWriter::start(store, two_phase).expect("the writer starts");
        for _ in 0..batches {
            let last = timeline.held.last().expect("never empty");
            let (records, next) = last.next_batch(timeline.highest, &mut self.rng);
            timeline.highest = next.last_seq;
            let upto = Lsn(next.last_lsn);
            timeline.held.push(next);
            recorder.note(Step::Begun(timeline.held.len() - 1));
            let progress = commit(&mut writer, records, upto);
            assert!(matches!(progress, Progress::Durable(reached) if reached == upto), "{progress:?}");
            recorder.note(Step::Acknowledged(timeline.held.len() - 1));
        }
        writer.finish();
    }

    fn cut(&mut self, before: &[u8], steps: &[Step], acknowledged_before: usize) -> Cut {
        let at = self.rng.usize(..=steps.len());
        let mut steps = steps[..at].to_vec();
        let (mut acknowledged, mut begun) = (acknowledged_before, acknowledged_before);
        for step in &steps {
            match step {
                Step::Acknowledged(batches) => acknowledged = *batches,
                Step::Begun(batches) => begun = *batches,
                _ => {}
            }
        }
        if self.lies
            && let Some(last) = steps.iter().rposition(|step| *step == Step::Synced)
        {
            steps.remove(last);
        }
        let tail = *self.rng.choice(&TAILS).expect("not empty");
        self.count(match tail {
            Tail::Lost => "tail lost",
            Tail::Kept => "tail kept",
            Tail::Torn => "tail torn",
            Tail::Scattered => "tail scattered",
        });
        let image = after_cut(before, &steps, tail, &mut self.rng);
        Cut { image, at, name: FILE, acknowledged, begun: begun.max(acknowledged) }
    }

    /// The same for a store that is made on this tape: it is made under another name than it is opened by.
    fn cut_new(&mut self, steps: &[Step]) -> Cut {
        let cut = self.cut(&[], steps, 0);
        let opened: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == Step::Opened).collect();
        let name = match cut.at.cmp(&opened[1]) {
            Ordering::Less => UNFINISHED,
            // Renamed, or about to be.
            Ordering::Equal => self.rng.choice([UNFINISHED, FILE]).expect("not empty"),
            Ordering::Greater => FILE,
        };
        if name == UNFINISHED {
            self.count("cuts while making");
        }
        Cut { name, ..cut }
    }

    /// Opens what the cut left, for good or to be cut again.
    fn come_back(&mut self, cut: &Cut, timeline: Timeline) -> Result<(), String> {
        self.count("cuts");
        let folder = folder();
        fs::write(folder.path().join(cut.name), &cut.image).expect("written");
        if self.rng.u8(..10) < 6 {
            let store = store::open(folder.path(), &identity("pacific"));
            let store = store.map_err(|error| format!("refused: {error}"))?;
            return self.check(&store, cut, &timeline).map(drop);
        }
        self.cut_while_opening(folder.path(), cut, timeline)
    }

    fn cut_while_opening(&mut self, folder: &Path, cut: &Cut, mut timeline: Timeline) -> Result<(), String> {
        self.count("cuts while opening or soon after");
        let recorder = Recorder::default();
        let store = open_recorded(&recorder, folder).map_err(|error| format!("refused: {error}"))?;
        let recovered = self.check(&store, cut, &timeline)?;
        // What the store has shown may not be taken back any more.
        recorder.note(Step::Acknowledged(recovered));
        timeline.held.truncate(recovered + 1);
        let batches = self.rng.usize(..4);
        self.write(&store, &recorder, &mut timeline, batches);
        drop(store);
        let steps = recorder.steps();
        let shown = steps.iter().position(|step| *step == Step::Acknowledged(recovered));
        let again = match cut.name {
            FILE => self.cut(&cut.image, &steps, cut.acknowledged),
            _ => self.cut_new(&steps),
        };
        if shown.is_some_and(|shown| again.at <= shown) {
            self.count("cuts while opening");
        }
        // Whatever was in flight at the first cut may still be found, or not.
        let again = Cut { begun: again.begun.max(recovered), ..again };
        self.come_back(&again, timeline)
    }

    /// How many batches the store holds: all that were acknowledged, one more at most, each wholly.
    fn check(&mut self, store: &OpenedStore, cut: &Cut, timeline: &Timeline) -> Result<usize, String> {
        if store.salvaged.is_some() {
            return Err("a power cut was taken for damage".to_owned());
        }
        let mut possible = (cut.acknowledged..=cut.begun).rev();
        let recovered = possible.find(|batches| timeline.held[*batches].compare(store).is_ok());
        let Some(recovered) = recovered else {
            let wrong = timeline.held[cut.acknowledged].compare(store).expect_err("it was just compared");
            let flag = store.recovered.may_have_lost_events;
            return Err(format!(
                "{} batches acknowledged, events may be lost: {flag}; {wrong}",
                cut.acknowledged
            ));
        };
        match (cut.begun > cut.acknowledged, recovered > cut.acknowledged) {
            (true, true) => self.count("in flight, kept"),
            (true, false) => self.count("in flight, gone"),
            (false, _) => self.count("nothing in flight"),
        }
        if store.recovered.may_have_lost_events {
            self.count("events may be lost");
        }
        Ok(recovered)
    }

    fn cuts(&self) -> u64 {
        self.tally.get("cuts").copied().unwrap_or_default()
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }
}

fn open_recorded(recorder: &Recorder, folder: &Path) -> Result<OpenedStore, store::StoreError> {
    store::open_on(&*recorder.disk(), folder, &identity("pacific"))
}

/// The wrong sessions, and how often what happened.
fn sessions(cuts: u64, seed: u64, lies: bool) -> (Vec<String>, Tally) {
    let (mut wrong, mut tally) = (Vec::new(), Tally::new());
    for number in 0..cuts.div_ceil(CUTS_A_SESSION) {
        let seed = seed.wrapping_add(number);
        let mut session = Session { rng: fastrand::Rng::with_seed(seed), tally, lies };
        let found = session.run(CUTS_A_SESSION.min(cuts - number * CUTS_A_SESSION));
        wrong.extend(found.err().map(|what| format!("seed {seed}: {what}")));
        tally = session.tally;
    }
    (wrong, tally)
}

/// Disproved by a store that does not open after a power cut, lacks a batch that was reported as durable, has a part of
/// one, another order, another incarnation or other content.
#[test]
fn a_power_cut_loses_nothing_that_was_reported_durable() {
    silence_the_engine();
    let (cuts, seed) = (setting("POWER_CUTS", 500), setting("POWER_SEED", 20_261_120));
    println!("{cuts} power cuts, seed {seed}");
    let (wrong, tally) = sessions(cuts, seed, false);
    println!("{tally:?}");
    assert!(wrong.is_empty(), "{} sessions went wrong:\n{}", wrong.len(), wrong.join("\n"));
    for what in
        ["in flight, kept", "in flight, gone", "cuts while opening", "events may be lost", "tail torn"]
    {
        assert!(cuts < 500 || tally.get(what).is_some_and(|times| *times > 0), "never happened: {what}");
    }
}

/// Disproved by a disk that confirms what it did not write, and nobody notices: then the test above proves nothing.
#[test]
fn a_disk_that_lies_about_a_sync_is_found_out() {
    silence_the_engine();
    let (wrong, tally) = sessions(250, 815, true);
    println!("{} of 10 sessions found it: {}\n{tally:?}", wrong.len(), wrong.join("\n"));
    assert!(wrong.len() >= 5, "the sweep hardly notices: {wrong:?}");
}
