//! What is to happen to which flow: the words of the rules, and the policy a lane obeys.
//!
//! [`RuleBook`] holds the rules as the user gave them; [`Config`] is what they mean for every flow, made
//! once per change and never altered; [`decision`] answers the dice questions. Nothing here does I/O or
//! reads a clock.

mod book;
mod change;
mod config;
pub(crate) mod decision;
mod fault;
mod fits;
mod guard;
mod toxic;
mod trigger;

pub(crate) use book::{Rule, RuleBook, Verdict};
pub(crate) use change::{Action, Change, ChangeKind, NewRule, Owner, Place, Which};
pub(crate) use config::{Config, Door, Policy, Retirement};
pub(crate) use fault::{
    Corrupt, CutMode, Delay, Duplicate, Fault, Kind, Loss, Rate, RateScope, Reorder, ResetAfter, Slice,
    Spread, Target,
};
pub(crate) use fits::fits;
pub(crate) use guard::{Comparison, Condition, Conns, FrameView, Guard};
pub(crate) use toxic::{AttributeError, Attributes, Stream, Toxic, ToxicKind};
pub(crate) use trigger::{Trigger, TriggerId};

use serde::Serialize;

/// Number of a rule, counted from 1 in the order of the commands. Part of every decision's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct RuleId(pub(crate) u32);
