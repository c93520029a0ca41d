//! The two texts of an event that others chose: its id and its type.

use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use super::{Expected, Malformed};

/// Longest event id, in bytes. A UUID has 36.
pub const EVENT_ID_BYTES_MAX: usize = 128;
/// Longest event type, in bytes.
pub const EVENT_TYPE_BYTES_MAX: usize = 256;

/// The id of an event: 1 to 128 visible ASCII characters, but no comma, by which proxies join repeated
/// headers.
///
/// Ours are UUIDs of version 7 ([`UuidV7Source`](super::UuidV7Source)); of others nothing more is asked than
/// that they fit a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    /// Checks and wraps an id.
    ///
    /// # Errors
    /// [`Malformed`] if it is empty, too long or has a blank, a comma, a control character or one beyond
    /// ASCII.
    pub fn new(text: &str) -> Result<Self, Malformed> {
        let refused = |position| Malformed::new("event id", 0, position, Expected::EventId);
        if text.is_empty() || text.len() > EVENT_ID_BYTES_MAX {
            return Err(refused(text.len().min(EVENT_ID_BYTES_MAX)));
        }
        match text.bytes().position(|byte| !byte.is_ascii_graphic() || byte == b',') {
            Some(position) => Err(refused(position)),
            None => Ok(Self(text.into())),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What kind of event it is, such as `order.created`: 1 to 256 bytes without control characters, and without
/// a blank at either end, which proxies cut off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Checks and wraps a type.
    ///
    /// # Errors
    /// [`Malformed`] if it is empty, too long, has a control character, or begins or ends with a blank.
    pub fn new(text: &str) -> Result<Self, Malformed> {
        let refused = |position| Malformed::new("event type", 0, position, Expected::EventType);
        if text.is_empty() || text.len() > EVENT_TYPE_BYTES_MAX {
            return Err(refused(text.len().min(EVENT_TYPE_BYTES_MAX)));
        }
        if let Some(position) = text.find(char::is_control) {
            return Err(refused(position));
        }
        if text.trim_start().len() < text.len() {
            return Err(refused(0));
        }
        if text.trim_end().len() < text.len() {
            return Err(refused(text.trim_end().len()));
        }
        Ok(Self(text.into()))
    }

    /// The type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventType {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::new(text)
    }
}

impl FromStr for EventType {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_no_header_can_carry_are_refused() {
        for text in ["", "a b", "a\r\nX: y", "é", " a", "ev-1,ev-1", &"x".repeat(129)] {
            assert!(EventId::new(text).is_err(), "{text:?}");
        }
        assert!(EventId::new("ev-1").is_ok() && EventId::new(&"x".repeat(128)).is_ok());
    }

    #[test]
    fn empty_blank_and_broken_types_are_refused() {
        for text in ["", " ", "a\n", "a\u{0}b", " a", "a ", &"x".repeat(257)] {
            assert!(EventType::new(text).is_err(), "{text:?}");
        }
        assert!(EventType::new("order created").is_ok() && EventType::new("créé").is_ok());
    }
}
