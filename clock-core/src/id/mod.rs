//! Names of the parties: nodes, their incarnations, the dots they mint, and the keys they write.
//!
//! A *replica* is one incarnation of a node. A node that may have lost durable state takes a new
//! incarnation, so that a dot is never used twice even if the old counter was forgotten.

mod dot;
#[cfg(feature = "replica")]
mod key;
mod node;
#[cfg(feature = "replica")]
mod request;

pub use dot::Dot;
#[cfg(feature = "replica")]
pub use key::Key;
#[cfg(feature = "headers")]
pub(crate) use node::is_name_byte;
pub use node::{Incarnation, NodeId, ReplicaId};
#[cfg(feature = "replica")]
pub use request::RequestId;

use alloc::string::String;

/// Longest node name, in bytes. Names travel in every vector entry, so they are kept short.
pub const NODE_BYTES_MAX: usize = 64;
/// Longest catalog key, in bytes.
#[cfg(feature = "replica")]
pub const KEY_BYTES_MAX: usize = 256;

/// Why a name, key, dot or id was refused, with the beginning of it. Nothing was changed.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A node name is empty, too long, or has a character outside `[A-Za-z0-9._-]`.
    #[error("node name {0:?}: expected 1 to {NODE_BYTES_MAX} characters of A-Z a-z 0-9 . _ -")]
    Node(String),
    /// A key is empty, too long, or has a control character.
    #[cfg(feature = "replica")]
    #[error("key {0:?}: expected 1 to {KEY_BYTES_MAX} bytes of text without control characters")]
    Key(String),
    /// A dot is not `NODE.INCARNATION:SEQ`.
    #[error("dot {0:?}: expected NODE.INCARNATION:SEQ, e.g. pacific.1a2b3c4d:17")]
    Dot(String),
    /// A replica is not `NODE.INCARNATION`.
    #[error("replica {0:?}: expected NODE.INCARNATION with 8 hex digits, e.g. pacific.1a2b3c4d")]
    Replica(String),
    /// A request or conflict id is not the expected number of hex digits.
    #[error("id {text:?}: expected {digits} hex digits")]
    Hex {
        /// What was given.
        text: String,
        /// How many digits were expected.
        digits: usize,
    },
}

/// As much of a refused text as an error repeats: the longest that is legal, and a little more.
fn shown(text: &str) -> String {
    text.chars().take(NODE_BYTES_MAX + 32).collect()
}

/// Exactly `digits` hex digits, so that one id has one spelling (up to case).
pub(crate) fn parse_hex(text: &str, digits: usize) -> Result<u128, InvalidId> {
    let refused = || InvalidId::Hex { text: text.chars().take(64).collect(), digits };
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused());
    }
    u128::from_str_radix(text, 16).map_err(|_| refused())
}

/// Refuses text longer than `max` before it is copied out of the input, then lets `parse` judge it.
#[cfg(feature = "serde")]
pub(crate) fn deserialize_text<'de, D, T, R>(
    deserializer: D,
    max: usize,
    parse: fn(&str) -> Result<T, R>,
) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    R: core::fmt::Display,
{
    struct TextVisitor<T, R> {
        max: usize,
        parse: fn(&str) -> Result<T, R>,
    }
    impl<T, R: core::fmt::Display> serde::de::Visitor<'_> for TextVisitor<T, R> {
        type Value = T;
        fn expecting(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(formatter, "text of at most {} bytes", self.max)
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            if text.len() > self.max {
                return Err(E::invalid_length(text.len(), &self));
            }
            (self.parse)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(TextVisitor { max, parse })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_charset_are_refused() {
        for name in ["", "a b", "a=1", "a,b", "a\r\nX: y", "nœud", &"n".repeat(65)] {
            assert!(NodeId::new(name).is_err(), "{name:?} was accepted");
        }
        assert_eq!(NodeId::new("indian_ocean").unwrap().as_str(), "indian_ocean");
    }

    #[test]
    fn a_dot_reads_back_from_its_text() {
        let dot: Dot = "ground.station-1.00c0ffee:42".parse().unwrap();
        assert_eq!(dot.replica.node.as_str(), "ground.station-1");
        assert_eq!(dot.to_string().parse::<Dot>().unwrap(), dot);
        assert_eq!(format!("{dot:#}"), "ground.station-1:42");
    }

    #[cfg(feature = "replica")]
    #[test]
    fn malformed_dots_and_ids_are_refused() {
        for text in [
            "",
            "a:1",
            "a.1:1",
            "a.00c0ffee:0",
            "a.00c0ffee:-1",
            "a.00c0ffee:+1",
            "a.00c0ffee:01",
            "a.+0c0ffee:1",
            ".00c0ffee:1",
        ] {
            assert!(text.parse::<Dot>().is_err(), "{text:?} was accepted");
        }
        assert!("12".parse::<RequestId>().is_err());
        let refusal = "x".repeat(1 << 20).parse::<Dot>().unwrap_err();
        assert!(refusal.to_string().len() < 300, "a refusal does not repeat a megabyte");
    }
}
