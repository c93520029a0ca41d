//! Names of the parties: stations, their incarnations, the dots they mint, and the keys they write.
//!
//! A *replica* is one incarnation of a station. A station that may have lost durable state takes a new
//! incarnation, so that a dot is never used twice even if the old counter was forgotten.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::clocks::MAX_COUNTER;

/// Longest station name, in bytes. Names travel in every vector entry, so they are kept short.
pub const STATION_BYTES_MAX: usize = 64;
/// Longest catalog key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// Why a name, key, dot or id was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A station name is empty, too long, or has a character outside `[A-Za-z0-9._-]`.
    #[error("station name {0:?}: expected 1 to {STATION_BYTES_MAX} characters of A-Z a-z 0-9 . _ -")]
    Station(String),
    /// A key is empty, too long, or has a control character.
    #[error("key {0:?}: expected 1 to {KEY_BYTES_MAX} bytes of text without control characters")]
    Key(String),
    /// A dot is not `STATION.INCARNATION:SEQ`.
    #[error("dot {0:?}: expected STATION.INCARNATION:SEQ, e.g. pacific.1a2b3c4d:17")]
    Dot(String),
    /// A replica is not `STATION.INCARNATION`.
    #[error("replica {0:?}: expected STATION.INCARNATION with 8 hex digits, e.g. pacific.1a2b3c4d")]
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

/// Refuses text longer than `max` before it is copied out of the input, then lets `parse` judge it.
pub(crate) fn deserialize_text<'de, D, T>(
    deserializer: D,
    max: usize,
    parse: fn(&str) -> Result<T, InvalidId>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    struct TextVisitor<T> {
        max: usize,
        parse: fn(&str) -> Result<T, InvalidId>,
    }
    impl<T> Visitor<'_> for TextVisitor<T> {
        type Value = T;
        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "text of at most {} bytes", self.max)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            if text.len() > self.max {
                return Err(E::invalid_length(text.len(), &self));
            }
            (self.parse)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(TextVisitor { max, parse })
}

/// The name of a station: 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StationId(Arc<str>);

impl StationId {
    /// Checks and wraps a name.
    ///
    /// # Errors
    /// [`InvalidId::Station`] if it is empty, too long or has another character.
    pub fn new(name: &str) -> Result<Self, InvalidId> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > STATION_BYTES_MAX || !name.bytes().all(legal) {
            return Err(InvalidId::Station(name.chars().take(STATION_BYTES_MAX).collect()));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for StationId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl Serialize for StationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, STATION_BYTES_MAX, Self::new)
    }
}

/// One life of a station's durable state, shown as eight hex digits. Incarnations have no order: a new one
/// is drawn at random, because a station that lost its disk cannot know the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u32);

impl fmt::Display for Incarnation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// One incarnation of one station: the unit that owns a sequence of dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplicaId {
    /// The station.
    pub station: StationId,
    /// Which life of its durable state.
    pub incarnation: Incarnation,
}

/// `pacific.1a2b3c4d`; the alternate form `{:#}` is the station alone, for people.
impl fmt::Display for ReplicaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if formatter.alternate() {
            return write!(formatter, "{}", self.station);
        }
        write!(formatter, "{}.{}", self.station, self.incarnation)
    }
}

impl FromStr for ReplicaId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refused = || InvalidId::Replica(text.to_owned());
        let (station, incarnation) = text.rsplit_once('.').ok_or_else(refused)?;
        let incarnation = parse_hex(incarnation, 8).map_err(|_| refused())?;
        let incarnation = u32::try_from(incarnation).map_err(|_| refused())?;
        Ok(Self { station: StationId::new(station)?, incarnation: Incarnation(incarnation) })
    }
}

/// One event's name: the replica that minted it and its place in that replica's sequence, from 1, gap-free.
///
/// Source: Almeida et al., *Scalable and Accurate Causality Tracking for Eventually Consistent Stores*, DAIS 2014, section 3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Who minted it.
    pub replica: ReplicaId,
    /// Its place in the sequence, from 1.
    #[serde(deserialize_with = "sequence")]
    pub seq: u64,
}

/// There is no event 0.
fn sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let seq = u64::deserialize(deserializer)?;
    if (1..=MAX_COUNTER).contains(&seq) {
        return Ok(seq);
    }
    Err(de::Error::custom(format_args!("sequence {seq}: expected 1 to {MAX_COUNTER}")))
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
        let refused = || InvalidId::Dot(text.to_owned());
        let (replica, seq) = text.rsplit_once(':').ok_or_else(refused)?;
        let seq = seq.parse().ok().filter(|seq| (1..=MAX_COUNTER).contains(seq)).ok_or_else(refused)?;
        Ok(Self { replica: replica.parse()?, seq })
    }
}

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

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer, KEY_BYTES_MAX, Self::new)
    }
}

/// The id a client gives to one write, so that a retry is applied once. 128 bits, shown as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// Exactly `digits` hex digits, so that one id has one spelling (up to case).
pub(crate) fn parse_hex(text: &str, digits: usize) -> Result<u128, InvalidId> {
    let refused = || InvalidId::Hex { text: text.chars().take(64).collect(), digits };
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused());
    }
    u128::from_str_radix(text, 16).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_charset_are_refused() {
        for name in ["", "a b", "a=1", "a,b", "a\r\nX: y", "nœud", &"n".repeat(65)] {
            assert!(StationId::new(name).is_err(), "{name:?} was accepted");
        }
        assert_eq!(StationId::new("indian_ocean").unwrap().as_str(), "indian_ocean");
    }

    #[test]
    fn a_dot_reads_back_from_its_text() {
        let dot: Dot = "ground.station-1.00c0ffee:42".parse().unwrap();
        assert_eq!(dot.replica.station.as_str(), "ground.station-1");
        assert_eq!(dot.to_string().parse::<Dot>().unwrap(), dot);
        assert_eq!(format!("{dot:#}"), "ground.station-1:42");
    }

    #[test]
    fn malformed_dots_and_ids_are_refused() {
        for text in ["", "a:1", "a.1:1", "a.00c0ffee:0", "a.00c0ffee:-1", "a.+0c0ffee:1", ".00c0ffee:1"] {
            assert!(text.parse::<Dot>().is_err(), "{text:?} was accepted");
        }
        assert!("12".parse::<RequestId>().is_err());
    }
}
