//! Bugs of the parts that the simulator replaces: the store and the shell around the replica. Planted like the
//! replica's own, to prove that the checks would see a real store or shell that does so.

macro_rules! bugs {
    ($($(#[doc = $what:literal])+ $name:ident,)*) => {
        /// One bug. The letters are the classes of `clock_core::bugs::Bug`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum TwinBug {
            $($(#[doc = $what])+ $name,)*
        }

        impl TwinBug {
            /// Every bug there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as in the source.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What the part then does.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($what),+).trim(),)*
                }
            }
        }
    };
}

bugs! {
    /// A4. A commit that failed is reported as done.
    FailedCommitIgnored,
    /// A1. A commit is reported when it begins.
    ReportedEarly,
    /// A7. The log ends at the first damaged event, and nobody is told.
    CutAtDamage,
    /// A8. Stored events are not checked when they are read.
    ServeDamaged,
    /// A10. Events that are appended again are taken away instead of moved.
    MovedEventDropped,
    /// E6. Nobody dials again after a session has ended.
    NeverRedials,
    /// E5. A session that has gone silent is kept for ever.
    SilenceIgnored,
    /// E4. A read of the log begins one position late.
    ReadsSkipOne,
    /// E1. The replica's deadlines are never kept.
    DeadlineNeverComes,
}
