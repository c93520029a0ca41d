//! A wall time that an event brings along, for people.

use alloc::sync::Arc;

use super::{Expected, Malformed};

/// Longest text of a time, in bytes: RFC 3339 with nanoseconds takes 35.
pub(super) const TIME_BYTES_MAX: usize = 64;

/// When an event happened by somebody's clock. Shown, carried on as it came, and never asked for order: that
/// comes from the vector. (`Ord` makes sorted output the same each time.) The peers' type is not fixed by the
/// format, so both spellings that they may use are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisplayTime {
    /// A number of the sender's unit, commonly milliseconds since 1970.
    Number(u64),
    /// A text, commonly RFC 3339.
    Text(TimeText),
}

/// A time as text: 1 to 64 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeText(Arc<str>);

impl TimeText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DisplayTime {
    /// A time as text.
    ///
    /// # Errors
    /// [`Malformed`] if it is empty, longer than 64 bytes or has a control character.
    pub fn text(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > TIME_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Malformed::new("timestamp_utc", 0, 0, Expected::TimeOrNone));
        }
        Ok(Self::Text(TimeText(text.into())))
    }
}
