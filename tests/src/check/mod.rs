//! The oracle: properties of histories, one file each. It never trusts what a station computed.
//!
//! [`Checker::observe`] takes the lines of a history one by one, as they happen or from a file, and stops at the first
//! that breaks a property. What a line establishes is kept in `known`; a property's file asks it, and keeps what only
//! it needs. Each line is first judged by what was known before it, then taken up; answers are taken up first, and
//! judged by all that is known at that moment.

mod batches;
mod causal_closure;
mod clocks;
mod convergence;
mod copies;
mod counts;
mod durability;
mod exactly_once;
mod finding;
mod indeterminate;
mod known;
mod lines;
mod liveness;
mod names;
mod no_lost_update;
mod outside;
mod resources;
mod seen;
mod session;
mod sibling_exactness;
mod snapshot;
mod station;
mod told;
mod walls;

use std::fmt;

use self::clocks::Clocks;
use self::convergence::Convergence;
use self::copies::Copies;
use self::exactly_once::ExactlyOnce;
use self::finding::Finding;
use self::known::Known;
use self::liveness::Liveness;
use self::outside::Outside;
pub use self::seen::Seen;
use self::session::Session;
use self::sibling_exactness::SiblingExactness;
use crate::history::Line;

/// What must hold of every history. The texts say what a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// C1: a read returns exactly the versions that no visible write supersedes.
    SiblingExactness,
    /// C2: what a station shows is closed under happens-before.
    CausalClosure,
    /// C3: a client that stays at a station, and its neighbours there, never see it go back; nor does one that roams with
    /// a token.
    Session,
    /// C4: equal writes give equal states.
    Convergence,
    /// C5: what is acknowledged is on the disk, on as many as its receipt says, and comes back from it.
    Durability,
    /// C6: every acknowledged write stands, or was superseded by one whose writer had read it.
    NoLostUpdate,
    /// C7: a request is applied once, and a dot is used once.
    ExactlyOnce,
    /// C8: a refused write was not applied; one with an unknown outcome wholly or not at all.
    Indeterminate,
    /// C9: the clocks tell happens-before as it was.
    Clocks,
    /// C10: when faults end, everything awaited happens.
    Liveness,
    /// C11: every resource stays within its stated limit.
    Resources,
    /// A station keeps the rules that it checks itself, and does not panic.
    Invariant,
    /// The history is one: operations begin before they end, and end once.
    History,
}

/// A history that breaks a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which property.
    pub property: Property,
    /// The time of the line that shows it, in microseconds.
    pub at_us: u64,
    /// What was expected, of which writes, and what came instead.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} at {} us: {}", self.property, self.at_us, self.text)
    }
}

/// All properties, checked line by line.
#[derive(Debug)]
pub struct Checker {
    requests_remembered: usize,
    known: Known,
    siblings: SiblingExactness,
    copies: Copies,
    session: Session,
    convergence: Convergence,
    exactly_once: ExactlyOnce,
    clocks: Clocks,
    liveness: Liveness,
    outside: Outside,
    seen: Seen,
    now_us: u64,
}

impl Default for Checker {
    fn default() -> Self {
        Self::remembering(exactly_once::REQUESTS_REMEMBERED)
    }
}

impl Checker {
    /// For stations that remember the requests of so many writes.
    pub fn remembering(requests_remembered: usize) -> Self {
        Self {
            requests_remembered,
            known: Default::default(),
            siblings: Default::default(),
            copies: Default::default(),
            session: Default::default(),
            convergence: Default::default(),
            exactly_once: Default::default(),
            clocks: Default::default(),
            liveness: Default::default(),
            outside: Default::default(),
            seen: Default::default(),
            now_us: 0,
        }
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The first property that it breaks.
    pub fn observe(&mut self, line: &Line) -> Result<(), Violation> {
        self.seen.lines += 1;
        let at_us = line.at_us;
        self.take(at_us, &line.what).map_err(|finding| violation(at_us, finding))
    }

    /// The history has ended.
    ///
    /// # Errors
    /// A property that it breaks as a whole.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.judge_whole().map_err(|finding| violation(self.now_us, finding))
    }

    /// What the history had in it so far; complete after [`end`](Self::end).
    pub fn counters(&self) -> &Seen {
        &self.seen
    }
}

fn violation(at_us: u64, finding: Finding) -> Violation {
    Violation { property: finding.property, at_us, text: finding.text }
}
