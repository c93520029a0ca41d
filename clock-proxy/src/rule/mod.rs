//! What is to happen to which flow: the words of the rules, and the policy a lane obeys.
//!
//! [`RuleBook`] holds the rules as the user gave them; [`Config`] is what they mean for every flow, made
//! once per change and never altered; [`decision`] answers the dice questions. Nothing here does I/O or
//! reads a clock.

mod book;
mod change;
mod config;
pub(crate) mod decision;

pub(crate) use book::{Rule, RuleBook, Verdict};
pub(crate) use change::{Change, ChangeKind, Rest};
pub(crate) use config::{Config, Policy, Retirement};

use std::time::Duration;

use serde::Serialize;

/// Number of a rule, counted from 1 in the order of the commands. Part of every decision's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct RuleId(pub(crate) u32);

/// What happens to bytes that may not cross a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CutMode {
    /// Read, kept in order, released at heal. Past the bound the lane stops reading.
    #[default]
    Hold,
    /// Not read at all: the sender's TCP window fills up, and everything arrives after heal.
    Stall,
    /// Whole frames are read and thrown away. Lanes without frames hold instead.
    Drop,
}

impl CutMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            CutMode::Hold => "hold",
            CutMode::Stall => "stall",
            CutMode::Drop => "drop",
        }
    }
}

/// A frame becomes due this long after its arrival; the order of a lane is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) base: Duration,
    /// Each frame's delay lies evenly in `base - jitter ..= base + jitter`, and not below zero.
    pub(crate) jitter: Duration,
}

/// A chosen frame waits until `gap` later frames have come, or `max` has passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reorder {
    pub(crate) probability: f64,
    pub(crate) gap: u64,
    pub(crate) max: Duration,
}
