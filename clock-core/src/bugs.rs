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
    /// Of two concurrent versions the one with the larger hybrid timestamp survives.
    LastWriterWins,
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
