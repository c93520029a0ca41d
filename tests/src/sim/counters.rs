//! What runs reached. A run of many seeds in which one of these stays at zero has proven less than it says.

use serde::Serialize;

use crate::check::Checker;

macro_rules! counters {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// Sums over runs.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
        pub struct Counters {
            $($(#[doc = $what])+ pub $name: u64,)*
            /// What the checks met.
            pub checked: crate::check::Seen,
        }

        impl Counters {
            /// Adds another run's.
            pub fn merge(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
                self.checked.merge(&other.checked);
            }

            /// Every count of the simulator with its name.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Runs.
    seeds,
    /// Events off the heap.
    events,
    /// Frames that arrived whole.
    frames,
    /// Sessions that were connected.
    sessions,
    /// Commits.
    commits,
    /// Events that came from another station and became visible.
    relayed_or_shipped,
    /// Events that waited for their past.
    held_back,
    /// Events that found the hold-back buffer full.
    hold_back_full,
    /// Events that came again.
    duplicates,
    /// Remote timestamps that a clock refused.
    timestamps_refused,
    /// Times a peer knew more of a station's events than itself.
    losses_noticed,
    /// Times a station took a new incarnation.
    new_incarnations,
    /// Times a peer had missed something and got it again.
    resends,
    /// Frames lost within a session.
    frames_lost,
    /// Frames sent twice.
    frames_repeated,
    /// Frames that overtook another.
    frames_swapped,
    /// Frames damaged or forged on their way.
    frames_tampered,
    /// Second contents of dots that a station noticed.
    forgeries_noticed,
    /// Frames that were refused for their bytes.
    frames_refused,
    /// Sessions that a replica refused.
    refusals,
    /// Sessions closed for silence.
    silences,
    /// Links blocked.
    blocks,
    /// Sessions broken.
    breaks,
    /// Second sessions for one pair.
    twins,
    /// Processes killed.
    crashes,
    /// Processes that ended by themselves, as they have to.
    ended_by_themselves,
    /// Commits that failed.
    failed_commits,
    /// Reads that failed.
    failed_reads,
    /// Torn commits found when a disk was opened.
    torn,
    /// Bits flipped in stored events.
    flips,
    /// Damaged events put in quarantine.
    quarantined,
    /// Stored events whose past was missing when a disk was opened.
    stranded,
    /// Disks replaced by empty ones.
    disks_lost,
    /// Disks replaced by backups.
    backups_restored,
    /// Processes paused.
    pauses,
    /// Wall clocks set.
    clock_steps,
    /// Answers lost on the way to a client.
    answers_lost,
    /// Requests sent again.
    retries,
    /// Requests whose outcome the client never learnt.
    unknown_outcomes,
    /// Deletions that were asked for.
    deletes,
    /// Batches that were asked for.
    batches,
    /// Writes answered as committed.
    committed,
    /// Writes answered as indeterminate.
    indeterminate,
    /// Writes reported committed after they had been answered as indeterminate.
    committed_later,
    /// Receipts asked for after the faults.
    receipts_asked_later,
    /// Requests refused because a station was behind the session.
    behind,
    /// Requests that waited for what their session had seen, and were answered.
    waited_and_served,
    /// Requests refused because the station was busy.
    busy,
    /// Requests refused.
    refused_requests,
}

impl Counters {
    /// Takes over what the checks met.
    pub(super) fn take_from(&mut self, checker: &Checker) {
        self.checked = *checker.counters();
    }

    /// What must be above zero in a long run, and is not.
    pub fn unreached(&self) -> Vec<String> {
        let all = self.named().into_iter().chain(self.checked.all());
        // The excuse is one that had better not be needed.
        all.filter(|(name, count)| *count == 0 && *name != "dots_used_again")
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}
