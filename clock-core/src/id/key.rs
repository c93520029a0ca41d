//! What a catalog entry is called.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::{InvalidId, KEY_BYTES_MAX};

/// The name of a catalog entry: 1 to 256 bytes of text without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// Checks and wraps a key.
    ///
    /// # Errors
    /// [`InvalidId::Key`] if it is empty, too long or has a control character.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > KEY_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(InvalidId::Key(text.chars().take(KEY_BYTES_MAX).collect()));
        }
        Ok(Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for Key {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::deserialize_text(deserializer, KEY_BYTES_MAX, Self::new)
    }
}
