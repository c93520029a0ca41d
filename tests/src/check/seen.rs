//! What a history had in it: a check that met nothing has proved nothing.

use serde::Serialize;

macro_rules! counters {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// How often the history had what the checks are about.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct Seen {
            $($(#[doc = $what])+ pub $name: u64,)*
        }

        impl Seen {
            /// Adds what another history had.
            pub fn merge(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Every counter with its name.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Lines.
    lines,
    /// Operations that clients began.
    operations,
    /// Reads that were answered.
    reads,
    /// Reads that returned more than one version.
    reads_with_siblings,
    /// Reads of keys that the station had never heard of.
    reads_of_nothing,
    /// Versions with more than one name: retries that were accepted at two stations.
    collapsed_retries,
    /// Writes that stations took.
    minted,
    /// Writes minted for a request that had become another write elsewhere, or before a crash.
    minted_again,
    /// Dots used a second time after every disk had lost the first write.
    dots_used_again,
    /// Writes that were acknowledged, each once.
    acknowledged,
    /// Acknowledgements of a request that had been asked before.
    retries_acknowledged,
    /// Receipts that named a version beside the write.
    receipts_with_siblings,
    /// Receipts of writes that were asked for later.
    receipts_asked_for,
    /// Snapshots that were answered.
    snapshots,
    /// Snapshots as of the frontier of an earlier one.
    snapshots_again,
    /// Reads that returned a deletion beside something else.
    deletions_in_conflict,
    /// Conflicts that a resolution ended.
    resolved,
    /// Operations that were refused.
    refused,
    /// Operations whose outcome the client never learned.
    unknown,
    /// Requests of unknown outcome that turned out applied.
    unknown_applied,
    /// Requests of unknown outcome that turned out never applied.
    unknown_not_applied,
    /// Writes that a station showed, its own and others'.
    shown,
    /// Processes that ended.
    stops,
    /// Processes that began.
    starts,
    /// Writes that a disk held when its process began, behind something that it lacked.
    held_at_start,
    /// Writes that the harness took from disks.
    lost_from_disks,
    /// Writes that at some time no disk held.
    lost_from_all_disks,
    /// Acknowledged writes that a station lacks in the end, with a good reason.
    excused,
    /// States of stations that were looked at.
    states,
    /// States that were compared with another of the same writes.
    states_compared,
    /// Hybrid times of different replicas that had to be in order.
    hybrid_times_across,
    /// Gauges that were held to their limits.
    gauges,
}
