//! Changes that wait for a frame: the one way to hit an exact point, which no clock can.

use std::sync::Arc;

use super::Change;
use crate::directory::FlowId;

/// Number of a trigger, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TriggerId(pub(crate) u64);

/// When a lane of `flow` has `frame` frames behind it, it stops until `changes` are in force. Happens once.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) id: TriggerId,
    pub(crate) flow: FlowId,
    /// The ordinal of the connection on its link; any if absent.
    pub(crate) connection: Option<u64>,
    pub(crate) frame: u64,
    pub(crate) changes: Arc<[Change]>,
}
