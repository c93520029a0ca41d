//! What makes a retried write recognisable.

use core::fmt;
use core::str::FromStr;

use super::{InvalidId, parse_hex};

/// The id a client gives to one write, so that a retry is applied once. 128 bits, shown as 32 hex digits: drawn at random,
/// or derived from the client's own records, and never used for another write.
///
/// Retention: a station recognises the requests of the latest 16,384 writes in its log
/// (`Limits::requests`), of whichever station, also across restarts. A retry that comes later is a new write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestId(pub u128);

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for RequestId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_hex(text, 32).map(Self)
    }
}
