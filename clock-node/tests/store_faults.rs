//! Disks that say no: a write, a sync, a new length or a read fails, for whatever reason. The one who asked is told, and
//! nothing is acknowledged any more; what was acknowledged before is there afterwards.

#![allow(clippy::panic, reason = "test helpers stop the test")]

mod support;

use std::fs;
use std::io::ErrorKind;

use clock_core::replica::{LogQuery, Lsn};
use clock_node::store::{self, Batch, OpenedStore, Progress, StoreError, StoreWriter};
use support::disk::{Call, FOR_EVER, Fault, Recorder};
use support::image::{Tail, after_cut};
use support::model::{Held, true_events};
use support::{
    FILE, KEYS, commit, folder, history, identity, key, open, record, silence_the_engine, whole_log, write,
};

/// What an operating system says of a broken disk, and of a full one.
const REASONS: [ErrorKind; 2] = [ErrorKind::Other, ErrorKind::StorageFull];

/// The error is of the engine, and says why.
fn is_of_the_disk(error: &StoreError, reason: ErrorKind) -> bool {
    match error {
        StoreError::Engine(error) => match error.as_ref() {
            redb::Error::Io(source) => source.kind() == reason,
            // The engine remembers that the disk failed.
            redb::Error::PreviousIo => true,
            _ => false,
        },
        StoreError::Io { source, .. } => source.kind() == reason,
        _ => false,
    }
}

/// Commits batches until one fails; what was held after each that did not, and how it failed.
fn until_it_fails(store: &OpenedStore, rng: &mut fastrand::Rng) -> (Vec<Held>, StoreWriter, Progress) {
    let mut writer = StoreWriter::start(store, false).expect("the writer starts");
    let mut held = vec![Held::nothing()];
    loop {
        let last = held.last().expect("never empty");
        let (records, next) = last.next_batch(last.last_seq, rng);
        match commit(&mut writer, records, Lsn(next.last_lsn)) {
            Progress::Durable(upto) => assert_eq!(upto, Lsn(next.last_lsn)),
            failed @ Progress::Failed(_) => {
                held.push(next);
                return (held, writer, failed);
            }
        }
        held.push(next);
        assert!(held.len() < 1000, "the disk never failed");
    }
}

/// Disproved by a commit that is reported as durable although the disk said no, one that is reported after that, or an
/// earlier one that is gone when the power fails as well.
#[test]
fn a_commit_that_the_disk_refuses_is_never_acknowledged() {
    silence_the_engine();
    let seed = 20_261_121;
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut failures = 0;
    for (call, most) in [(Call::Write, 150), (Call::Sync, 20), (Call::SetLen, 2)] {
        for _ in 0..if call == Call::SetLen { 4 } else { 25 } {
            let (folder, recorder) = (folder(), Recorder::default());
            let store =
                store::open_on(&*recorder.disk(), folder.path(), &identity("pacific")).expect("opens");
            let error = *rng.choice(&REASONS).expect("not empty");
            recorder.break_down(Fault { call, after: rng.u64(..most), times: times(&mut rng), error });
            let (held, writer, failed) = until_it_fails(&store, &mut rng);
            let Progress::Failed(reason) = failed else { unreachable!() };
            assert!(is_of_the_disk(&reason, error), "{call:?} failed with {error:?}, reported as {reason}");
            nothing_is_acknowledged_any_more(writer);
            drop(store);
            let tail = *rng.choice(&[Tail::Lost, Tail::Kept, Tail::Scattered]).expect("not empty");
            let image = after_cut(&[], &recorder.steps(), tail, &mut rng);
            fs::write(folder.path().join(FILE), image).expect("written");
            let store = open(folder.path());
            let [.., before, after] = held.as_slice() else { unreachable!() };
            let whole = before.compare(&store).or_else(|_| after.compare(&store));
            whole.unwrap_or_else(|wrong| panic!("{call:?}, {error:?}: {wrong}"));
            failures += recorder.failed();
        }
    }
    println!("{failures} calls failed");
}

/// A disk may fail for a moment, or for good.
fn times(rng: &mut fastrand::Rng) -> u64 {
    if rng.bool() { 1 } else { FOR_EVER }
}

fn nothing_is_acknowledged_any_more(mut writer: StoreWriter) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        // The thread may not have ended yet: then the batch waits for nobody.
        let _ = writer.submit(Batch { records: vec![record(5000, 5000)], upto: Lsn(5000) }).await;
        while writer.progress.changed().await.is_ok() {
            let progress = writer.progress.borrow_and_update().clone();
            assert!(matches!(progress, Progress::Failed(_)), "after a failure: {progress:?}");
        }
    });
    writer.finish();
}

/// Disproved by a read that panics, hangs, or gives less than was asked for as if it were all.
#[test]
fn a_read_that_the_disk_refuses_is_an_error_and_not_an_empty_answer() {
    silence_the_engine();
    let folder = folder();
    write(&open(folder.path()), (1..=400).map(|n| (n, n)));
    let mut failures = 0;
    for after in 0..40 {
        let recorder = Recorder::default();
        let store = store::open_on(&*recorder.disk(), folder.path(), &identity("pacific")).expect("opens");
        recorder.break_down(Fault { call: Call::Read, after, times: 1 + after % 2, error: ErrorKind::Other });
        let log = store.reader().read(&LogQuery { upto: Lsn(400), ..whole_log() });
        match log {
            Ok((events, _)) => assert_eq!(events.len(), 400, "read {after} failed"),
            Err(error) => assert!(is_of_the_disk(&error, ErrorKind::Other), "{error}"),
        }
        for number in 0..KEYS {
            match history(&store.reader(), &key(number)) {
                Ok(entries) => assert!(entries.len() > 100, "read {after} failed: {}", entries.len()),
                Err(error) => assert!(is_of_the_disk(&error, ErrorKind::Other), "{error}"),
            }
        }
        failures += recorder.failed();
    }
    // With its own assertions on, the engine reads everything when it opens.
    assert!(failures > 0 || cfg!(debug_assertions), "no read ever reached the disk");
}

/// Disproved by an opening over a disk that fails which takes the store for a shorter one without a word.
#[test]
fn a_store_whose_disk_fails_while_it_opens_is_refused_or_says_what_may_be_lost() {
    silence_the_engine();
    let pristine = folder();
    write(&open(pristine.path()), (1..=400).map(|n| (n, n)));
    let (mut refused, mut reported) = (0, 0);
    for (call, most) in [(Call::Read, 80), (Call::Write, 12), (Call::Sync, 6), (Call::SetLen, 2)] {
        for (after, times) in (0..most).flat_map(|after| [(after, 1), (after, FOR_EVER)]) {
            let folder = folder();
            fs::copy(pristine.path().join(FILE), folder.path().join(FILE)).expect("copied");
            let recorder = Recorder::default();
            recorder.break_down(Fault { call, after, times, error: ErrorKind::Other });
            match store::open_on(&*recorder.disk(), folder.path(), &identity("pacific")) {
                Ok(store) => match true_events(&store).map(|log| log.len()) {
                    Ok(400) => {}
                    _ if store.recovered.may_have_lost_events => reported += 1,
                    read => assert!(
                        recorder.failed() > 0 && read.is_err(),
                        "{call:?} {after}, {times} times: {read:?}"
                    ),
                },
                Err(error) => {
                    refused += 1;
                    assert!(recorder.failed() > 0, "{call:?} {after}, {times} times: {error}");
                }
            }
            // On a disk that works it is what it was, or beside what could be read of it.
            let again = open(folder.path());
            let kept = fs::read_dir(folder.path()).expect("a folder").count() > 1;
            let all = true_events(&again).map(|log| log.len()) == Ok(400);
            assert!(
                all || kept,
                "{call:?} {after}, {times} times: events are gone, and so is the file they were in"
            );
        }
    }
    println!("{refused} refused, {reported} with events that may be lost");
    assert!(refused > 0, "the disk never failed");
}
