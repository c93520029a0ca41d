//! The name of a conflict: a digest of its sibling dots, so that every station gives it the same one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{Dot, InvalidId, parse_hex};

/// The first 64 bits of SHA-256 over the siblings' dots in ascending order, shown as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConflictId(u64);

impl ConflictId {
    /// The id of the conflict among exactly these dots, in any order.
    pub fn of<'a>(dots: impl IntoIterator<Item = &'a Dot>) -> Self {
        let mut dots: Vec<&Dot> = dots.into_iter().collect();
        dots.sort_unstable();
        let mut digest = Sha256::new();
        for dot in dots {
            digest.update(dot.to_string().as_bytes());
            digest.update([0]);
        }
        let bytes = digest.finalize();
        Self(bytes.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

impl fmt::Display for ConflictId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for ConflictId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refused = |_| InvalidId::Hex { text: text.chars().take(64).collect(), digits: 16 };
        parse_hex(text, 16).and_then(|id| u64::try_from(id).map_err(refused)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflict_id_is_symmetric() {
        let dots: Vec<Dot> =
            ["a.00000001:1", "b.00000001:1"].iter().map(|dot| dot.parse().unwrap()).collect();
        let id = ConflictId::of(&dots);
        assert_eq!(id, ConflictId::of(dots.iter().rev()));
        assert_ne!(id, ConflictId::of(&dots[..1]));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string(), "c762346b96d7187e", "the id is part of the protocol: it may never change");
    }
}
