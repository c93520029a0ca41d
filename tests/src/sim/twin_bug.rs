//! Bugs of the parts that the simulator replaces: the store and the shell around the replica. Planted like the
//! replica's own, to prove that the checks would see a real store or shell that does so.

/// One bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinBug {
    /// A4. A commit that failed is reported as done.
    FailedCommitIgnored,
    /// A5. A commit that failed is tried again, without what it held, and then reported as done.
    FailedCommitRetried,
    /// A7. The log ends at the first damaged event, and nobody is told.
    CutAtDamage,
    /// A8. Stored events are not checked when they are read.
    ServeDamaged,
    /// Damaged events are quarantined, but the replica is told that the store is sound.
    DamageUnsaid,
    /// A new incarnation is never written.
    IncarnationNotStored,
    /// A9. A commit is reported when it is submitted.
    ReportedEarly,
    /// E6. The delay between dials only ever grows, far beyond its limit.
    BackoffNeverReset,
    /// Nobody dials again after a session has ended.
    NeverRedials,
    /// A session that has gone silent is kept for ever.
    SilenceIgnored,
    /// A request that was answered when its client had gone is given to the next one.
    AnswersMixedUp,
}
