//! Nodes and their incarnations.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::{InvalidId, NODE_BYTES_MAX, parse_hex, shown};

/// The name of a node (a process, a service, a ground station): 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Checks and wraps a name.
    ///
    /// # Errors
    /// [`InvalidId::Node`] if it is empty, too long or has another character.
    pub fn new(name: &str) -> Result<Self, InvalidId> {
        if name.is_empty() || name.len() > NODE_BYTES_MAX || !name.bytes().all(is_name_byte) {
            return Err(InvalidId::Node(shown(name)));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one charset of node names: none of these bytes means anything in a header, a list or a URL.
pub(crate) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for NodeId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::deserialize_text(deserializer, NODE_BYTES_MAX, Self::new)
    }
}

/// One life of a node's durable state, shown as eight hex digits. Incarnations have no order: a new one
/// is drawn at random, because a node that lost its disk cannot know the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Incarnation(pub u32);

impl fmt::Display for Incarnation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// One incarnation of one node: the unit that owns a sequence of dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReplicaId {
    /// The node.
    pub node: NodeId,
    /// Which life of its durable state.
    pub incarnation: Incarnation,
}

/// `pacific.1a2b3c4d`; the alternate form `{:#}` is the node alone, for people.
impl fmt::Display for ReplicaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            return write!(formatter, "{}", self.node);
        }
        write!(formatter, "{}.{}", self.node, self.incarnation)
    }
}

impl FromStr for ReplicaId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refused = || InvalidId::Replica(shown(text));
        let (node, incarnation) = text.rsplit_once('.').ok_or_else(refused)?;
        let incarnation = parse_hex(incarnation, 8).map_err(|_| refused())?;
        let incarnation = u32::try_from(incarnation).map_err(|_| refused())?;
        Ok(Self { node: NodeId::new(node)?, incarnation: Incarnation(incarnation) })
    }
}
