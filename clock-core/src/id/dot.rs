//! The name of one event.

use core::fmt;
use core::str::FromStr;

use super::{InvalidId, ReplicaId, shown};
use crate::clocks::MAX_COUNTER;

/// One event's name: the replica that minted it and its place in that replica's sequence, from 1, gap-free.
///
/// Source: Almeida et al., *Scalable and Accurate Causality Tracking for Eventually Consistent Stores*, DAIS 2014, section 3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dot {
    /// Who minted it.
    pub replica: ReplicaId,
    /// Its place in the sequence, from 1.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "sequence"))]
    pub seq: u64,
}

/// There is no event 0.
#[cfg(feature = "serde")]
fn sequence<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seq = <u64 as serde::Deserialize>::deserialize(deserializer)?;
    if (1..=MAX_COUNTER).contains(&seq) {
        return Ok(seq);
    }
    Err(serde::de::Error::custom(format_args!("sequence {seq}: expected 1 to {MAX_COUNTER}")))
}

/// `pacific.1a2b3c4d:17`; the alternate form `{:#}` leaves the incarnation out, for people.
impl fmt::Display for Dot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            return write!(formatter, "{:#}:{}", self.replica, self.seq);
        }
        write!(formatter, "{}:{}", self.replica, self.seq)
    }
}

impl FromStr for Dot {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refused = || InvalidId::Dot(shown(text));
        let (replica, digits) = text.rsplit_once(':').ok_or_else(refused)?;
        // One spelling: `parse` takes a sign and zeros in front.
        let is_canonical = digits.starts_with(|first: char| matches!(first, '1'..='9'));
        let seq = digits.parse().ok().filter(|seq| is_canonical && (1..=MAX_COUNTER).contains(seq));
        let seq = seq.ok_or_else(refused)?;
        Ok(Self { replica: replica.parse()?, seq })
    }
}
