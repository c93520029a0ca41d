//! What happened to one frame, and how sure that is.

use serde::Serialize;
use serde_json::Value;

/// A question about a frame: `a->b#3:1042`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inquiry {
    /// `a->b`, what the lane carries.
    pub(crate) flow: String,
    /// The connection's ordinal, on whichever link it came in by.
    pub(crate) ordinal: u64,
    /// The frame, or the byte on a lane without frames.
    pub(crate) number: u64,
}

/// How much is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Knowledge {
    /// These are all decisions about it.
    Decided,
    /// No rule did anything to it.
    PassedUntouched,
    /// It has not come yet.
    NotYetSeen,
    /// What was decided is not kept any more.
    Forgotten,
}

impl Knowledge {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Knowledge::Decided => "decided",
            Knowledge::PassedUntouched => "passed untouched",
            Knowledge::NotYetSeen => "not yet seen",
            Knowledge::Forgotten => "forgotten",
        }
    }
}

/// The answer for one lane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Account {
    pub(crate) flow: String,
    pub(crate) conn: String,
    pub(crate) frame: u64,
    pub(crate) verdict: Knowledge,
    pub(crate) why: String,
    /// The decisions, in their order.
    pub(crate) events: Vec<Value>,
}
