//! A Lamport time and whose it is.

use core::fmt;
use core::str::FromStr;

use serde::de::{self, Deserializer};
use serde::ser::{self, Serializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::json::check_counter;
use super::{Malformed, text};
use crate::clocks::MAX_COUNTER;
use crate::id::NodeId;

/// A node's Lamport time, as it travels: `order-svc:42`. The time is at most [`MAX_COUNTER`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LamportTimestamp {
    node: NodeId,
    time: u64,
}

impl LamportTimestamp {
    /// A node's time.
    ///
    /// # Errors
    /// [`LamportTooLarge`] if it is above [`MAX_COUNTER`], which no working clock reaches.
    pub fn new(node: NodeId, time: u64) -> Result<Self, LamportTooLarge> {
        if time > MAX_COUNTER {
            return Err(LamportTooLarge { time, limit: MAX_COUNTER });
        }
        Ok(Self { node, time })
    }

    /// Whose time it is.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The time, in events; 0 before the first.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The text that travels.
impl fmt::Display for LamportTimestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.node, self.time)
    }
}

/// From the text that travels.
impl FromStr for LamportTimestamp {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        text::decode_lamport(text)
    }
}

#[derive(Serialize)]
#[serde(rename = "LamportTimestamp")]
struct LamportOut<'a> {
    node_id: &'a NodeId,
    time: u64,
}

#[derive(Deserialize)]
#[serde(rename = "LamportTimestamp")]
struct LamportIn {
    node_id: NodeId,
    time: u64,
}

/// `{"node_id":"order-svc","time":42}`.
impl Serialize for LamportTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            check_counter(self.node.as_str(), self.time).map_err(ser::Error::custom)?;
        }
        LamportOut { node_id: &self.node, time: self.time }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LamportTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let LamportIn { node_id, time } = LamportIn::deserialize(deserializer)?;
        Self::new(node_id, time).map_err(de::Error::custom)
    }
}

/// No working clock reaches such a Lamport time: it is forged or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("lamport time {time} is above the limit {limit}")]
pub struct LamportTooLarge {
    /// The time.
    pub time: u64,
    /// [`MAX_COUNTER`].
    pub limit: u64,
}
