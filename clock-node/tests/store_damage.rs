//! Damaged files: whatever has happened to a station's file, nothing false is served, nothing is missing without a
//! word, and no dot is used twice.
//!
//! `DAMAGED_STORES` (500) says how many, `DAMAGE_SEED` where the seeds begin. A failure names its seed:
//! `DAMAGE_SEED=that DAMAGED_STORES=1` is that file alone.

#![allow(clippy::panic, reason = "test helpers stop the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use clock_node::store::{self, OpenedStore, StoreError};
use support::damage::{DAMAGES, Damage, RARE, damaged};
use support::model::true_events;
use support::{
    FILE, KEYS, everything, folder, history_entries, identity, key, mint, open, setting, silence_the_engine,
    write,
};

const EVENTS: u64 = 60;

/// A file at the end of its life, and as it was before.
struct Life {
    /// Closed in order; or as `kill -9` leaves it.
    files: [Vec<u8>; 2],
    old: Vec<Vec<u8>>,
}

impl Life {
    /// A station that wrote sixty events in commits of four, over two lives.
    fn lived() -> Self {
        let folder = folder();
        let file = folder.path().join(FILE);
        let mut old = Vec::new();
        let mut unclean = Vec::new();
        for life in 0..2 {
            let store = open(folder.path());
            for commit in life * 8..if life == 0 { 8 } else { EVENTS / 4 } {
                write(&store, (4 * commit + 1..=4 * commit + 4).map(|n| (n, n)));
                old.push(fs::read(&file).expect("the file, while it is open"));
            }
            unclean = old.pop().expect("just pushed");
            drop(store);
            old.push(fs::read(&file).expect("the file"));
        }
        let clean = old.pop().expect("just pushed");
        Self { files: [clean, unclean], old }
    }
}

/// What became of a damaged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Refused,
    Complete,
    /// What is missing was reported.
    Reported,
    /// Something is missing, and nothing in the file can tell: the replica has to reckon with it.
    Silent,
}

/// Opens a damaged file as its station would.
fn judge(bytes: &[u8], damage: Damage, seed: u64) -> Verdict {
    let folder = folder();
    fs::write(folder.path().join(FILE), bytes).expect("written");
    let store = match store::open(folder.path(), &identity("pacific")) {
        Ok(store) => store,
        Err(error) => {
            assert!(!matches!(error, StoreError::InUse(_)), "seed {seed}: {error}");
            return Verdict::Refused;
        }
    };
    let log = true_events(&store).unwrap_or_else(|wrong| panic!("seed {seed}, {damage:?}: {wrong}"));
    indexes_say_the_same(&store, &log, seed);
    if store.salvaged.is_some() {
        let files = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(files, 2, "seed {seed}: the damaged file is kept");
    }
    let kept = log.len() as u64;
    let is_once_true = kept.is_multiple_of(4) && log.into_iter().eq((1..=kept).map(|n| (n, n)));
    let is_complete = is_once_true && kept == EVENTS;
    let (flag, fresh) = (store.recovered.may_have_lost_events, store.events_count == 0);
    let verdict = match (is_complete, flag) {
        (true, _) => Verdict::Complete,
        (false, true) => Verdict::Reported,
        (false, false) => Verdict::Silent,
    };
    // Nothing inside a file tells that it is as it once was, or new; anything else has to be noticed.
    let may_be_silent = fresh || is_once_true && matches!(damage, Damage::Old | Damage::PartlyOld);
    assert!(verdict != Verdict::Silent || may_be_silent, "seed {seed}, {damage:?}: {:?}", everything(&store));
    no_dot_is_used_twice(&store, verdict, seed);
    verdict
}

/// Histories and the log are two views of the same events.
fn indexes_say_the_same(store: &OpenedStore, log: &BTreeMap<u64, u64>, seed: u64) {
    let mut indexed = BTreeSet::new();
    for number in 0..KEYS {
        let entries = history_entries(&store.reader(), &key(number)).expect("readable");
        indexed.extend(entries.iter().map(|entry| (entry.position, entry.dot.seq)));
    }
    assert!(
        indexed.iter().copied().eq(log.iter().map(|(lsn, seq)| (*lsn, *seq))),
        "seed {seed}: {indexed:?}"
    );
    assert_eq!(everything(store), log.values().copied().collect::<Vec<_>>(), "seed {seed}");
}

/// The station on this store mints a name that was never used, whether or not its peer has told it what it has.
fn no_dot_is_used_twice(store: &OpenedStore, verdict: Verdict, seed: u64) {
    let mut replica = mint::recovered(store, seed);
    if seed.is_multiple_of(2) {
        mint::hears_from_its_peer(&mut replica, EVENTS);
    }
    let dot = mint::mints(&mut replica);
    let used = dot.replica == support::dot(1).replica && dot.seq <= EVENTS;
    assert!(!used, "seed {seed}: {dot} is used again, {verdict:?}");
}

/// Disproved by a damaged file of which a false value is served, an event is missing in silence, or a dot used again.
#[test]
fn damage_is_never_served_and_never_passes_in_silence() {
    silence_the_engine();
    let (stores, seed) = (setting("DAMAGED_STORES", 500), setting("DAMAGE_SEED", 20_260_404));
    println!("{stores} damaged stores, seed {seed}");
    let life = Life::lived();
    let mut tally = BTreeMap::<(Damage, Verdict), u64>::new();
    for seed in seed..seed + stores {
        let mut rng = fastrand::Rng::with_seed(seed);
        let rare = *rng.choice(&RARE).expect("not empty");
        let damage = if rng.u8(..100) == 0 { rare } else { *rng.choice(&DAMAGES).expect("not empty") };
        let file = rng.choice(&life.files).expect("two");
        let bytes = damaged(file, rng.choice(&life.old).expect("some"), damage, &mut rng);
        *tally.entry((damage, judge(&bytes, damage, seed))).or_default() += 1;
    }
    tally.iter().for_each(|((damage, verdict), times)| println!("{damage:?}: {verdict:?} {times}"));
    for verdict in [Verdict::Refused, Verdict::Complete, Verdict::Reported, Verdict::Silent] {
        let times: u64 = tally.iter().filter(|((_, met), _)| *met == verdict).map(|(_, times)| times).sum();
        assert!(stores < 500 || times > 0, "no file was ever {verdict:?}");
    }
}

/// Disproved by a station that takes the file of another one for its own, whole or damaged.
#[test]
fn the_file_of_another_station_is_refused() {
    silence_the_engine();
    let life = Life::lived();
    let mut rng = fastrand::Rng::with_seed(31);
    for n in 0..40 {
        let folder = folder();
        let file = rng.choice(&life.files).expect("two");
        let bytes = if n == 0 { file.clone() } else { damaged(file, file, Damage::Zeroed, &mut rng) };
        fs::write(folder.path().join(FILE), bytes).expect("written");
        match store::open(folder.path(), &identity("atlantic")) {
            Err(_) => {}
            // What is left of it does not say whose it was: then nothing of it may be the station's own.
            Ok(store) => {
                assert!(n > 0 && store.recovered.may_have_lost_events, "file {n} was taken over in silence");
            }
        }
    }
}
