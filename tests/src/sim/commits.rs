//! Disks at work: commits one after the other, reads, and what a crash leaves.

use clock_core::Dot;
use clock_core::replica::{Input, LogQuery, LogRecord, SessionId};

use super::disk::Disk;
use super::plan::DiskFate;
use super::station::Batch;
use super::twin_bug::TwinBug;
use super::world::{Event, World};
use crate::history::What;

/// A commit that has this many records takes no further batch, as in the store.
const COMMIT_RECORDS_MAX: usize = 256;

impl World<'_> {
    /// Begins the next commit with all that has collected, unless one is under way.
    pub(super) fn begin_commit(&mut self, station: usize) {
        let now_us = self.heap.now_us();
        let at = &mut self.stations[station];
        let boot = at.boot;
        let Some(process) = at.process.as_mut().filter(|process| process.committing.is_none()) else {
            return;
        };
        let Some(mut batch) = process.queue.pop_front() else { return };
        while batch.records.len() < COMMIT_RECORDS_MAX
            && let Some(next) = process.queue.pop_front()
        {
            batch.upto = batch.upto.max(next.upto);
            batch.records.extend(next.records);
        }
        let upto = batch.upto;
        process.committing = Some(batch);
        let slower = if at.trouble.slow_until > now_us { u64::from(at.trouble.slow_times.max(1)) } else { 1 };
        let takes = at.commit_time.draw(&mut at.rng).saturating_mul(slower);
        self.heap.after(takes, Event::Committed { station, boot });
        if self.options.twin_bug == Some(TwinBug::ReportedEarly) {
            self.heap.after(0, Event::Synced { station, boot, upto });
        }
    }

    /// A commit has ended: on the disk, or not.
    pub(super) fn committed(&mut self, station: usize, boot: u32) {
        if !self.runs(station, boot) {
            return;
        }
        let now_us = self.heap.now_us();
        let at = &mut self.stations[station];
        let Some(Batch { records, upto }) = at.process.as_mut().and_then(|process| process.committing.take())
        else {
            return;
        };
        let is_full = at.trouble.full_until > now_us;
        let failed = at.trouble.fail_commit.take().or(is_full.then_some(false));
        match failed {
            None => self.make_durable(station, records),
            Some(whole) => {
                self.counters.failed_commits += 1;
                if whole {
                    self.make_durable(station, records);
                }
                if self.options.twin_bug != Some(TwinBug::FailedCommitIgnored) {
                    return self.end_by_itself(station, "a commit failed", DiskFate::Absent);
                }
            }
        }
        let later = self.rng.u64(0..50);
        self.heap.after(later, Event::Synced { station, boot, upto });
        self.begin_commit(station);
    }

    fn make_durable(&mut self, station: usize, records: Vec<LogRecord>) {
        let dots = self.stations[station].disk.commit(records, self.options.twin_bug);
        self.counters.commits += 1;
        if !dots.is_empty() {
            let station = self.id(station);
            self.line(What::Durable { station, dots });
        }
    }

    /// Reads the log for a session, a moment after the replica has asked.
    pub(super) fn read_log(&mut self, station: usize, boot: u32, session: SessionId, query: Box<LogQuery>) {
        if !self.runs(station, boot) {
            return;
        }
        if let Some(until) = self.paused(station) {
            return self.heap.at(until, Event::Read { station, boot, session, query });
        }
        let bug = self.options.twin_bug;
        let at = &mut self.stations[station];
        let failed = std::mem::take(&mut at.trouble.fail_read);
        let Some(process) = &at.process else { return };
        let pending = process.committing.iter().chain(&process.queue).flat_map(|batch| &batch.records);
        let pending: Vec<LogRecord> = match bug_reads_pending(query.upto, &at.disk) {
            true => pending.chain(&process.batch).cloned().collect(),
            false => Vec::new(),
        };
        match at.disk.read(&query, &pending, bug) {
            Ok((events, next)) if !failed => self.handle(station, Input::LogRead { session, events, next }),
            _ => {
                self.counters.failed_reads += 1;
                self.end_by_itself(station, "a read of the log failed", DiskFate::Absent);
            }
        }
    }

    /// What a crash leaves of the commit under way, and of the disk.
    pub(super) fn settle_disk(&mut self, station: usize, fate: DiskFate, under_way: Option<Batch>) {
        match fate {
            DiskFate::Absent => {}
            DiskFate::Whole => {
                under_way.into_iter().for_each(|batch| self.make_durable(station, batch.records));
            }
            DiskFate::Torn => {
                if under_way.is_some() {
                    self.stations[station].disk.tear();
                }
            }
            DiskFate::Empty => {
                self.counters.disks_lost += 1;
                self.replace_disk(station, Disk::default());
            }
            DiskFate::Backup => {
                if let Some(backup) = self.stations[station].backup.clone() {
                    self.counters.backups_restored += 1;
                    self.replace_disk(station, backup);
                }
            }
        }
    }

    /// Another disk takes the place of this one. A damaged event on it is as good as lost.
    fn replace_disk(&mut self, station: usize, disk: Disk) {
        let at = &mut self.stations[station];
        let dots = lost_and_found(&at.disk, &disk);
        at.disk = disk;
        let id = at.id.clone();
        let (lost, found) = dots;
        if !lost.is_empty() {
            self.line(What::Lost { station: id.clone(), dots: lost });
        }
        if !found.is_empty() {
            self.line(What::Durable { station: id, dots: found });
        }
    }

    /// Flips a bit of a stored event, if another disk has the event too.
    pub(super) fn flip(&mut self, station: usize, event: u32, bit: u32) {
        let Some(dot) = self.stations[station].disk.nth(event).cloned() else { return };
        let mut others = self.stations.iter().enumerate().filter(|(other, _)| *other != station);
        if !others.any(|(_, other)| other.disk.is_sound(&dot)) {
            return;
        }
        if self.stations[station].disk.flip(&dot, bit) {
            self.counters.flips += 1;
            let station = self.id(station);
            self.line(What::Lost { station, dots: vec![dot] });
        }
    }
}

/// What the old disk holds and the new one does not, and the other way round.
fn lost_and_found(old: &Disk, new: &Disk) -> (Vec<Dot>, Vec<Dot>) {
    let lost = old.dots().filter(|dot| old.is_sound(dot) && !new.is_sound(dot));
    let found = new.dots().filter(|dot| new.is_sound(dot) && !old.is_sound(dot));
    (lost.cloned().collect(), found.cloned().collect())
}

/// A replica asks for what is behind the committed log only if it is wrong about what is durable.
fn bug_reads_pending(upto: clock_core::replica::Lsn, disk: &Disk) -> bool {
    upto > disk.last_lsn()
}
