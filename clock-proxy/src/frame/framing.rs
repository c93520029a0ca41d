//! How a link's bytes are cut into frames, as a value and as a word.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most bytes before the length, or between it and the payload: more than any header that is known.
const GAP_BYTES_MAX: u16 = 1024;

/// How the bytes of a link are cut into the units that faults act on.
///
/// Written `raw`, or `u8`, `u16be`, `u16le`, `u32be`, `u32le`, `u64be`, `u64le` for a length and that many bytes.
/// What is different about the length follows, in any order: `+offset=4` if four bytes stand before it,
/// `+header=2` if two bytes stand between it and the payload and are not counted, `+inclusive` if it counts the
/// whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Framing {
    /// Any bytes. They can be cut, held and delayed, but not reordered or dropped.
    Raw,
    /// A length, then that many bytes.
    Prefixed(Prefix),
}

/// A length before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes of the length.
    pub width: Width,
    /// The order of its bytes.
    pub endian: Endian,
    /// Bytes before it.
    pub offset: u16,
    /// Bytes behind it that are no payload.
    pub extra: u16,
    /// Whether it counts the whole frame, and not just the payload.
    pub is_inclusive: bool,
}

/// Bytes of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "one to eight bytes")]
pub enum Width {
    One,
    Two,
    Four,
    Eight,
}

/// Which byte of a length comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endian {
    /// The highest.
    Big,
    /// The lowest.
    Little,
}

/// A word that names no framing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Not a known length.
    #[error("{0:?} is no framing: raw, u8, u16be, u16le, u32be, u32le, u64be or u64le is expected")]
    Unknown(String),
    /// Not a known option.
    #[error(
        "{0:?} says nothing about a length: offset=BYTES, header=BYTES or inclusive is expected after '+'"
    )]
    UnknownOption(String),
    /// Not a number of bytes.
    #[error("{0:?}: a number of bytes from 0 to {GAP_BYTES_MAX} is expected after '='")]
    BadBytes(String),
    /// Bytes without frames have no length.
    #[error("{0:?}: raw takes no options")]
    RawOption(String),
}

impl Framing {
    /// A u32 big-endian length, then that many bytes: what the stations speak.
    pub const U32BE: Framing = Framing::Prefixed(Prefix::new(Width::Four, Endian::Big));
}

impl Default for Framing {
    fn default() -> Self {
        Self::U32BE
    }
}

impl Prefix {
    /// A plain length, then that many bytes.
    #[must_use]
    pub const fn new(width: Width, endian: Endian) -> Self {
        Self { width, endian, offset: 0, extra: 0, is_inclusive: false }
    }

    /// Bytes of a frame that are no payload.
    #[must_use]
    pub fn header_bytes(self) -> usize {
        usize::from(self.offset) + self.width.bytes() + usize::from(self.extra)
    }
}

impl Width {
    /// As a number.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Width::One => 1,
            Width::Two => 2,
            Width::Four => 4,
            Width::Eight => 8,
        }
    }
}

impl FromStr for Framing {
    type Err = FramingError;

    fn from_str(text: &str) -> Result<Self, FramingError> {
        let (word, options) = match text.split_once('+') {
            Some((word, options)) => (word, Some(options)),
            None => (text, None),
        };
        let mut prefix = match word {
            "raw" => match options {
                None => return Ok(Framing::Raw),
                Some(_) => return Err(FramingError::RawOption(text.to_owned())),
            },
            "u8" => Prefix::new(Width::One, Endian::Big),
            "u16be" => Prefix::new(Width::Two, Endian::Big),
            "u16le" => Prefix::new(Width::Two, Endian::Little),
            "u32be" => Prefix::new(Width::Four, Endian::Big),
            "u32le" => Prefix::new(Width::Four, Endian::Little),
            "u64be" => Prefix::new(Width::Eight, Endian::Big),
            "u64le" => Prefix::new(Width::Eight, Endian::Little),
            _ => return Err(FramingError::Unknown(word.to_owned())),
        };
        for option in options.into_iter().flat_map(|options| options.split('+')) {
            match option.split_once('=') {
                Some(("offset", bytes)) => prefix.offset = gap(option, bytes)?,
                Some(("header", bytes)) => prefix.extra = gap(option, bytes)?,
                None if option == "inclusive" => prefix.is_inclusive = true,
                _ => return Err(FramingError::UnknownOption(option.to_owned())),
            }
        }
        Ok(Framing::Prefixed(prefix))
    }
}

fn gap(option: &str, bytes: &str) -> Result<u16, FramingError> {
    let bytes = bytes.parse().ok().filter(|bytes| *bytes <= GAP_BYTES_MAX);
    bytes.ok_or_else(|| FramingError::BadBytes(option.to_owned()))
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Framing::Prefixed(prefix) = self else { return f.write_str("raw") };
        write!(f, "u{}", 8 * prefix.width.bytes())?;
        match (prefix.width, prefix.endian) {
            (Width::One, _) => {}
            (_, Endian::Big) => f.write_str("be")?,
            (_, Endian::Little) => f.write_str("le")?,
        }
        for (name, bytes) in [("offset", prefix.offset), ("header", prefix.extra)] {
            if bytes > 0 {
                write!(f, "+{name}={bytes}")?;
            }
        }
        f.write_str(if prefix.is_inclusive { "+inclusive" } else { "" })
    }
}

impl TryFrom<String> for Framing {
    type Error = FramingError;

    fn try_from(text: String) -> Result<Self, FramingError> {
        text.parse()
    }
}

impl From<Framing> for String {
    fn from(framing: Framing) -> Self {
        framing.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_values_are_the_same() {
        let words = ["raw", "u8", "u16be", "u16le", "u32be", "u32le", "u64be", "u64le", "u8+inclusive"];
        let more = ["u32be+offset=4", "u16le+header=2+inclusive", "u64be+offset=1024+header=7"];
        for word in words.into_iter().chain(more) {
            assert_eq!(word.parse::<Framing>().unwrap().to_string(), word);
        }
        assert_eq!("u32be".parse::<Framing>().unwrap(), Framing::default());
        assert_eq!("u32be+inclusive+offset=4".parse(), "u32be+offset=4+inclusive".parse::<Framing>());
    }

    #[test]
    fn errors_name_the_word_and_what_was_expected() {
        let table = [
            ("u16", "\"u16\" is no framing: raw, u8, u16be"),
            ("", "\"\" is no framing"),
            ("u32be+", "\"\" says nothing about a length: offset=BYTES"),
            ("u32be+skip=1", "\"skip=1\" says nothing"),
            ("u32be+offset=x", "\"offset=x\": a number of bytes from 0 to 1024"),
            ("u32be+header=1025", "\"header=1025\": a number"),
            ("raw+inclusive", "\"raw+inclusive\": raw takes no options"),
        ];
        for (text, expected) in table {
            let error = text.parse::<Framing>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
