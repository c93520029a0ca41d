//! The end of a history: by now as much is known of every write as ever will be.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Outside, Read, is_refused, wrong};
use crate::check::Property;
use crate::check::counts::Counts;
use crate::check::finding::Verdict;
use crate::check::known::Known;
use crate::check::names::{DotAt, KeyId, ReplicaIndex, WriteId};
use crate::check::sibling_exactness::sorted;

impl Outside {
    pub(in crate::check) fn end(&self, known: &Known) -> Verdict {
        self.reads.iter().try_for_each(|read| self.read(known, read))?;
        self.refused_are_absent(known)?;
        self.clocks(known)?;
        self.read_back(known)
    }

    fn read(&self, known: &Known, read: &Read) -> Verdict {
        self.nothing_is_gone(known, read)?;
        self.is_exact(known, read)?;
        self.no_false_conflict(known, read)
    }

    /// C2 and C3: all that the station had shown, with what is in its past, is still there.
    fn nothing_is_gone(&self, known: &Known, read: &Read) -> Verdict {
        let has = |write: &WriteId| read.seen.binary_search(write).is_ok();
        let station = known.station_text(read.station);
        let of_key = self.by_key.get(&read.key).into_iter().flatten();
        if let Some(gone) = of_key.clone().find(|write| read.floor.covers(known.dot(**write)) && !has(write))
        {
            let text = format!(
                "{station} does not have {}, which it, or what follows it, had shown before",
                known.text(*gone)
            );
            return wrong(Property::Session, text);
        }
        for write in &read.seen {
            let mut past = self.contexts.get(write).into_iter().flatten();
            if let Some(missing) = past.find(|earlier| !has(earlier)) {
                let (text, missing) = (known.text(*write), known.text(*missing));
                let text = format!("{station} has {text} without {missing}, which it superseded");
                return wrong(Property::CausalClosure, text);
            }
            let Some(vector) = self.vectors.get(write) else { continue };
            if let Some(missing) =
                of_key.clone().find(|earlier| vector.covers(known.dot(**earlier)) && !has(earlier))
            {
                let (text, missing) = (known.text(*write), known.text(*missing));
                let text = format!("{station} has {text} without {missing}, which happened before it");
                return wrong(Property::CausalClosure, text);
            }
        }
        Ok(())
    }

    /// C1: what no write that the station has supersedes, and nothing else.
    fn is_exact(&self, known: &Known, read: &Read) -> Verdict {
        let contexts: Vec<_> =
            read.seen.iter().filter_map(|write| Some((write, self.contexts.get(write)?))).collect();
        let superseded: HashSet<WriteId> =
            contexts.iter().flat_map(|(_, context)| context.iter().copied()).collect();
        let station = known.station_text(read.station);
        for write in &read.returned {
            let text = known.text(*write);
            if read.seen.binary_search(write).is_err() {
                return wrong(
                    Property::SiblingExactness,
                    format!("{station} returned {text}, which it does not have"),
                );
            }
            if superseded.contains(write) {
                let by = contexts
                    .iter()
                    .find(|(_, context)| context.contains(write))
                    .map(|(by, _)| known.text(**by));
                let by = by.unwrap_or_default();
                let text = format!("{station} returned {text}, although it has {by}, which superseded it");
                return wrong(Property::SiblingExactness, text);
            }
        }
        // A write whose context nobody was ever told may have superseded what is missing.
        if !read.is_complete || contexts.len() < read.seen.len() {
            return Ok(());
        }
        let missing =
            read.seen.iter().find(|write| !superseded.contains(write) && !read.returned.contains(write));
        let Some(missing) = missing else { return Ok(()) };
        let (text, all) = (known.text(*missing), known.names.list(&read.returned));
        let text = format!(
            "{station} did not return {text}, which no write that it has superseded: it returned {all}"
        );
        wrong(Property::SiblingExactness, text)
    }

    /// C1: a write that left its context to the station does not stand beside what the station had shown before.
    fn no_false_conflict(&self, known: &Known, read: &Read) -> Verdict {
        for write in &read.returned {
            let view = self.views.get(write).map_or(&[][..], Vec::as_slice);
            let of_request = |write: &WriteId| known.truth(*write).map(|truth| (truth.request, truth.value));
            let stands_beside =
                |other: &&WriteId| view.contains(other) && of_request(other) != of_request(write);
            let Some(other) = read.returned.iter().find(stands_beside) else { continue };
            let (station, text, other) =
                (known.station_text(read.station), known.text(*write), known.text(*other));
            let text = format!(
                "{station} returned {text} beside {other}, which its origin had shown before: a false conflict"
            );
            return wrong(Property::SiblingExactness, text);
        }
        Ok(())
    }

    /// C8.
    fn refused_are_absent(&self, known: &Known) -> Verdict {
        for (write, _) in known.writes() {
            let Some(truth) = known.truth(write) else { continue };
            if is_refused(known, write, truth.request) {
                let (text, request) = (known.text(write), known.names.request_text(truth.request));
                let text =
                    format!("{text} is of request {request}, which its station had refused every time");
                return wrong(Property::Indeterminate, text);
            }
        }
        Ok(())
    }

    /// C9, among writes with receipts. By induction along each replica it is enough to look at what a write has in its
    /// vector that its replica's last one had not.
    fn clocks(&self, known: &Known) -> Verdict {
        let mut receipted: HashMap<ReplicaIndex, BTreeMap<u64, WriteId>> = HashMap::new();
        for write in self.vectors.keys() {
            let DotAt { replica, seq } = known.dot(*write);
            receipted.entry(replica).or_default().insert(seq, *write);
        }
        let last_upto =
            |dot: DotAt| receipted.get(&dot.replica)?.range(..=dot.seq).next_back().map(|(_, write)| *write);
        let nothing = Counts::default();
        for (write, vector) in &self.vectors {
            let dot = known.dot(*write);
            let before = last_upto(DotAt { seq: dot.seq - 1, ..dot });
            let base = before.and_then(|before| self.vectors.get(&before)).unwrap_or(&nothing);
            let news = vector.entries().filter(|last| last.replica != dot.replica && !base.covers(*last));
            for earlier in news.filter_map(last_upto).chain(before) {
                self.in_order(known, earlier, *write)?;
            }
        }
        Ok(())
    }

    /// `later` has `earlier` in its vector.
    fn in_order(&self, known: &Known, earlier: WriteId, later: WriteId) -> Verdict {
        let (Some(before), Some(after)) = (known.write(earlier).stamps, known.write(later).stamps) else {
            return Ok(());
        };
        let (first, second) = (known.text(earlier), known.text(later));
        let missing = self.vectors[&later].first_missing(&self.vectors[&earlier]);
        if let Some(missing) = missing {
            let missing = known.names.dot_text(missing);
            let text =
                format!("the vector of {second} has {first}, but not {missing}, which happened before that");
            return wrong(Property::Clocks, text);
        }
        let is_same_replica = known.dot(earlier).replica == known.dot(later).replica;
        if before.lamport >= after.lamport || (is_same_replica && before.hlc >= after.hlc) {
            let text = format!(
                "{second} happened after {first}, but its clocks say {after:?}, not above {before:?}"
            );
            return wrong(Property::Clocks, text);
        }
        Ok(())
    }

    /// C4 and C6: the last reads of a key show the same everywhere, with every acknowledged write in it.
    fn read_back(&self, known: &Known) -> Verdict {
        let mut reads: HashMap<KeyId, Vec<&Read>> = HashMap::new();
        self.reads
            .iter()
            .filter(|read| read.is_last)
            .for_each(|read| reads.entry(read.key).or_default().push(read));
        for (key, reads) in reads {
            for pair in reads.windows(2) {
                let same = pair[0].seen == pair[1].seen
                    && (!pair[0].is_complete
                        || sorted(pair[0].returned.clone()) == sorted(pair[1].returned.clone()));
                if !same {
                    let stations = [0, 1].map(|one| known.station_text(pair[one].station));
                    let text = format!("{stations:?} do not show the same of {}", known.names.key_text(key));
                    return wrong(Property::Convergence, text);
                }
            }
            let acked =
                self.by_key.get(&key).into_iter().flatten().filter(|write| known.write(**write).is_acked);
            for write in acked {
                if let Some(read) = reads.iter().find(|read| read.seen.binary_search(write).is_err()) {
                    let (station, text) = (known.station_text(read.station), known.text(*write));
                    let text = format!("{station} does not have {text}, which was acknowledged");
                    return wrong(Property::NoLostUpdate, text);
                }
            }
        }
        Ok(())
    }
}
