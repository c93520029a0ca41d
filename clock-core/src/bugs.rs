//! Bugs planted on purpose, to prove that the checks would see them (feature `sim-bugs`).
//!
//! A bug is chosen at run time, for the current thread, and none is until somebody calls [`plant`]. Without the
//! feature every question is answered `false` at compile time, and nothing of this is left in the program.

#![cfg_attr(not(feature = "sim-bugs"), allow(dead_code, unreachable_pub))]

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// One bug. Its documentation begins with the class of mistakes it belongs to, and says what the code then does.
        ///
        /// A: durability and identity. B: causality. C: versions. D: requests. E: anti-entropy. F: clocks. G: resources,
        /// hostile bytes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $($(#[doc = $what])+ $name,)*
        }

        impl Bug {
            /// Every bug there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as in the source.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What the code then does, as in its documentation.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($what),+).trim(),)*
                }
            }

            /// The bug of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|bug| bug.name() == name)
            }
        }
    };
}

bugs! {
    /// A1. A write is answered before it is durable.
    AnsweredBeforeSync,
    /// A1. When the disk has spoken, everything staged counts as durable, also what it did not speak of.
    SyncCoversAll,
    /// A2. Peers are sent what is in the log and not durable yet.
    ShippedBeforeSync,
    /// D1. A write that waits for copies is answered as committed at once.
    CopiesIgnored,
    /// D1. What a peer claims in its welcome counts as a copy, although it may be on its way to its disk only.
    WelcomeIsCopy,
    /// D2. The station counts its own copy twice.
    SelfCountedTwice,
    /// D4. A passed deadline is reported as a refusal.
    TimeoutIsFailure,
    /// D6. A session's token is ignored.
    TokenIgnored,
    /// D6. The token that comes back is empty.
    TokenForgets,
    /// B2. A snapshot as of an earlier frontier shows what came later.
    SnapshotFrontierIgnored,
    /// D7. When a session has waited long enough it is served, although the station is behind it.
    ServedBehind,
    /// C1. The author of a write is not told what it met elsewhere.
    AuthorNotTold,
    /// C1. Who supersedes one name of a retried write leaves the other standing.
    TwinStands,
    /// C6. A name falls with its twin, whatever it supersedes itself: clients that retry crosswise end up with nothing.
    TwinsFallInCircles,
    /// C4. A deletion removes what was written concurrently.
    TombstoneWins,
    /// D. Of a batch that is refused, the writes before the refused one are made.
    BatchHalfMade,
    /// G1. A client is never told that the station is busy.
    NeverBusy,
    /// A3. A read shows what is not durable yet.
    UnsyncedShown,
    /// A11. The incarnation is kept although the store says that events may be lost; peers still warn.
    LossIgnored,
    /// A12. What peers know of our events is neither asked nor listened to.
    ClaimsIgnored,
    /// A12. An incarnation found on disk is minted under at once, before any peer could say what it has of it.
    OldBackupTrusted,
    /// A12. A peer's own hello counts as its word on what it has. Rare: an older frame must still be on its way there.
    HelloIsWitness,
    /// A12. A later session of a station does not end the earlier ones. Rare, as above.
    EarlierSessionsHeard,
    /// A12. A welcome keeps silent about what is not shown yet. Rare: a disk must be slower than a restart, or two disks
    /// damaged at once.
    WelcomeHidesUnshown,

    /// B1. An event is applied when its predecessor is, whatever else it follows.
    AppliedOnArrival,
    /// B2. What a peer claims to have counts as applied here.
    ClaimMerged,
    /// B3. A write's past is taken to be all that is in the log, also what nobody was shown yet.
    PastIncludesUnshown,
    /// B3. An event that this station had lost, and is sent again, counts as seen before it is shown.
    RefetchedSeen,
    /// B3. A write does not say what its station had applied.
    DeltaLeftOut,
    /// B3. A write in the station's view does not supersede the station's own writes that are on their way to the disk.
    OwnStagedNotSeen,
    /// B4. A write with an exact context supersedes all that the station shows, too.
    ExactContextWidened,
    /// B5. A blind write supersedes all that the station shows.
    BlindSeesAll,
    /// B6. An event is applied although its predecessor is missing.
    GapAccepted,
    /// B7. Whether a vector covers a dot is decided by the station alone, whatever the incarnation.
    IncarnationIgnored,
    /// B8. A write beside a current version that it does not supersede counts as that version, and is dropped.
    ConcurrentIsEqual,
    /// B9. A replica that one of two vectors does not name is left out of the comparison.
    MissingEntriesIgnored,
    /// B. A context that names a version which is not here yet is accepted, and forgotten for that version.
    ContextAheadAccepted,

    /// C1. Of two concurrent versions the one with the larger hybrid timestamp survives.
    LastWriterWins,
    /// C1. Of concurrent versions with one hybrid timestamp the one with the largest dot survives.
    LastWriterWinsTies,
    /// C2. A version is superseded by writes of its own station alone.
    DominatedKept,
    /// C3. An event that comes again is applied to its key again.
    AppliedTwice,
    /// C6. A conflict that changed since it was read can be resolved by its old name, and then ends as a whole.
    ChangedConflictResolved,
    /// C7. A key's versions stay in the order in which they arrived.
    ArrivalOrderShown,
    /// C. A write's retry at another station stays a version of its own.
    RetriesKeptApart,
    /// C. Concurrent writes with one request id are one version, whatever their values.
    ValuesOfOneRequestCollapse,
    /// C. Concurrent writes of one value are one version, whatever their requests.
    EqualValuesCollapse,
    /// C. Of a retry's two names the one that arrives later is forgotten.
    LaterNameForgotten,
    /// C. After a restart everything that a write had superseded stands beside it again.
    SupersededComeBack,
    /// C. A conflict that has ended is still listed.
    EndedConflictListed,
    /// C. A read shows the first version of a key alone.
    FirstVersionShown,

    /// D4. A write that follows another one to the disk is refused after it was appended.
    RefusedAfterAppend,
    /// D5. After a restart no request is remembered.
    RequestsForgottenAtRestart,
    /// D5. A retry is recognised only at the station that minted the write.
    ForeignRequestsForgotten,
    /// D5. A retry that comes while its write is on the way to the disk is a new write.
    RetryInFlightIsNew,
    /// D5. A request id that was used for another write is answered with that write's receipt.
    ReusedRequestAnswered,

    /// E1. Nobody asks for what was lost on the way.
    NeverAsksAgain,
    /// E1. A peer that comes back is sent what is written from then on, and nothing before.
    NoCatchUp,
    /// E1. Events of third stations are not relayed.
    NothingRelayed,
    /// E2. Events are shipped one origin after the other. Needs more of one origin than fits a window.
    ShippedByOrigin,
    /// E3. The last of its peers, by name, is sent nothing.
    LastPeerSkipped,
    /// E4. A resend goes on from where the cursor was.
    CursorKeptOnResend,
    /// E4. What was known of a peer, and the cursor, outlive the session; what was lost with it is not sent again.
    /// Others relay it, so it takes two stations, or one that hears nobody else.
    PeerStateKept,
    /// E5. A read that was overtaken by a resend counts as under way for ever. Rare, and others relay: see above.
    OvertakenReadNeverEnds,
    /// E5. What waits for its origin to ship it is never relayed.
    RelayNeverReleased,

    /// F1. Receiving an event does not raise the Lamport clock.
    LamportNotRaised,
    /// F1. After a restart the Lamport clock goes on from what others wrote alone.
    LamportNotResumed,
    /// F2. After a restart the hybrid clock goes on from what others wrote alone.
    HybridNotResumed,
    /// F3. The hybrid clock follows a peer however far it is ahead.
    FarFutureAccepted,
    /// F4. The counter of the hybrid clock has three bits, and wraps.
    HybridCounterWraps,
    /// F5. The hybrid clock shows the wall time, also when that stands still or steps back.
    WallShownAsHybrid,

    /// G1. The hold-back buffer has no bound.
    HoldBackUnbounded,
    /// G1. A peer's window has no bound.
    WindowUnbounded,
    /// G1. Every request is remembered for ever.
    RequestsUnbounded,
    /// G3. Bytes behind the end of a message are ignored. Needs a peer that forges frames.
    TrailingBytesIgnored,
    /// G6. A second content of a dot is dropped without a word. Needs a forger, or a reused dot.
    EquivocationSilent,
    /// A8. The checksum of an event is not compared.
    EventChecksumIgnored,
    /// A8. The checksum of a frame is not compared.
    FrameChecksumIgnored,
}

#[cfg(feature = "sim-bugs")]
mod planting {
    use core::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// From now on, this bug on this thread; `None`: none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    pub(crate) fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "sim-bugs")]
pub use planting::plant;
#[cfg(feature = "sim-bugs")]
pub(crate) use planting::planted;

/// Whether this bug is planted: never, in a build without the feature.
#[cfg(not(feature = "sim-bugs"))]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name_and_says_what_it_does() {
        for bug in Bug::ALL {
            assert_eq!(Bug::named(bug.name()), Some(*bug));
            let what = bug.what();
            assert!(what.starts_with(|class| ('A'..='G').contains(&class)) && what.ends_with('.'), "{what}");
        }
        assert_eq!(Bug::named("none"), None);
    }
}
