//! A hybrid timestamp with the node that issued it: unique, and so a total order for display.
//!
//! Two nodes may issue the same timestamp. Where events are listed, ties have to fall the same way on every
//! screen: by time, then by node. That order respects causality and decides nothing else: of concurrent
//! events, neither the larger time nor the larger name makes a winner.

use super::hybrid_timestamp::{HybridTimestamp, InvalidHybrid};
use crate::id::{InvalidId, NodeId};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// When and where: ordered by time, then by node, for display.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HybridStamp {
    /// When, in hybrid time.
    pub time: HybridTimestamp,
    /// The node whose clock issued it.
    pub node: NodeId,
}

impl fmt::Display for HybridStamp {
    /// Time and node, as in `1760000000123.00007@pacific`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.time, self.node)
    }
}

impl FromStr for HybridStamp {
    type Err = InvalidStamp;

    fn from_str(text: &str) -> Result<Self, InvalidStamp> {
        let no_node = || InvalidStamp::NoNode(text.chars().take(64).collect());
        let (time, node) = text.split_once('@').ok_or_else(no_node)?;
        Ok(Self { time: time.parse()?, node: node.parse()? })
    }
}

/// Why a text is no [`HybridStamp`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidStamp {
    /// There is no `@`; the beginning of the text.
    #[error("hybrid stamp {0:?}: expected TIME@NODE")]
    NoNode(String),
    /// What is before the `@` is no timestamp.
    #[error(transparent)]
    Time(#[from] InvalidHybrid),
    /// What is after it is no node name.
    #[error(transparent)]
    Node(#[from] InvalidId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamp(packed: u64, node: &str) -> HybridStamp {
        HybridStamp { time: HybridTimestamp::from_packed(packed), node: NodeId::new(node).unwrap() }
    }

    #[test]
    fn ties_of_time_fall_by_node() {
        let mut stamps = [stamp(2, "a"), stamp(1, "b"), stamp(1, "a")];
        stamps.sort();
        assert_eq!(stamps, [stamp(1, "a"), stamp(1, "b"), stamp(2, "a")]);
    }

    #[test]
    fn what_is_no_stamp_is_refused() {
        for text in ["", "@", "1.00000", "1.00000@", "@a", "1@a", "1.00000@a b", "1.00000@a@b"] {
            assert!(text.parse::<HybridStamp>().is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn it_reads_back_from_its_text(packed in any::<u64>(), node in "[A-Za-z0-9._-]{1,64}") {
            let stamp = stamp(packed, &node);
            prop_assert_eq!(stamp.to_string().parse(), Ok(stamp));
        }
    }
}
