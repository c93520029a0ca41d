//! Values by their digest: a history needs to tell values apart, not to keep them.

use std::fmt;

use bytes::Bytes;
use clock_core::BodyKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The digest of a value: 64 bits of FNV-1a over its canonical bytes, shown as 16 hex digits. Tells values of one
/// history apart; no defence against forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueDigest(pub u64);

impl ValueDigest {
    /// Of a deletion. No value of this digest is ever written by the tests.
    pub const TOMBSTONE: Self = Self(0xdead_dead_dead_dead);

    /// The digest of a version: of its bytes, unless it is a deletion.
    pub fn of_version(kind: BodyKind, value: &Bytes) -> Self {
        if kind == BodyKind::TOMBSTONE { Self::TOMBSTONE } else { Self::of(value) }
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self(digest)
    }
}

impl fmt::Display for ValueDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Serialize for ValueDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ValueDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}
