//! The oracle: properties of histories, one file each. It never trusts what a station computed.

use std::fmt;

use crate::history::Line;

/// What must hold of every history. The texts say what a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// C1: a read returns exactly the versions that no visible write supersedes.
    SiblingExactness,
    /// C2: what a station shows is closed under happens-before.
    CausalClosure,
    /// C3: a client that stays at a station, and its neighbours there, never see it go back.
    Session,
    /// C4: equal writes give equal states.
    Convergence,
    /// C5: what is acknowledged is on the disk, and comes back from it.
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
#[derive(Debug, Default)]
pub struct Checker {}

impl Checker {
    /// Takes the next line.
    ///
    /// # Errors
    /// The first property that it breaks.
    pub fn observe(&mut self, _line: &Line) -> Result<(), Violation> {
        Ok(())
    }

    /// The history has ended.
    ///
    /// # Errors
    /// A property that it breaks as a whole.
    pub fn end(&mut self) -> Result<(), Violation> {
        Ok(())
    }
}

/// What the checks met.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Seen {}

impl Seen {
    /// Adds.
    pub fn merge(&mut self, _other: &Self) {}

    /// Zeros.
    pub fn unreached(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Checker {
    /// Counts.
    pub fn counters(&self) -> Seen {
        Seen::default()
    }
}
