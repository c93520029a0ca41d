//! The only file that names bincode (docs/adr/0001-bincode.md says why, and how it is fenced).
//!
//! Decoding counts what it reads against a limit that follows from the input's size, so a few bytes cannot ask
//! for megabytes; every byte must be consumed; containers are bounded by their types.

use bincode::config::{self, Config};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field_path::FieldPath;
use crate::bugs::{Bug, planted};

/// A decoded integer may be eight times its encoding; twice that leaves room for the rest.
const DECODED_PER_ENCODED: usize = 16;
/// Longest text about what was met: the longest key, quoted, and what was expected of it.
const DETAIL_CHARS_MAX: usize = 512;

/// Why bytes could not be decoded, or a value not be encoded. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are not a value of the expected type, or exceed a limit.
    #[error("malformed {what}: {detail}")]
    Malformed {
        /// Which message was expected.
        what: &'static str,
        /// What the decoder met.
        detail: String,
    },
    /// Bytes were left over behind the value.
    #[error("{what}: {count} bytes behind the end")]
    Trailing {
        /// Which message was decoded.
        what: &'static str,
        /// How many there were.
        count: usize,
    },
}

/// Encodes a value.
///
/// # Errors
/// [`CodecError::Malformed`] if a type refuses to be serialised, which ours do not.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, CodecError> {
    let malformed =
        |error: bincode::error::EncodeError| CodecError::Malformed { what, detail: error.to_string() };
    bincode::serde::encode_to_vec(value, config::standard()).map_err(malformed)
}

/// Why a value with a number in front of it could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NumberedError {
    /// Not even the number can be read: there is no name to answer under.
    Number(CodecError),
    /// The value behind the number is malformed.
    Value {
        /// The number.
        number: u64,
        /// The path of what did not decode, empty for the value as a whole.
        field: String,
        /// What was met there.
        detail: String,
    },
}

/// Decodes a value that fills `bytes` exactly.
///
/// # Errors
/// [`CodecError`] if it does not.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, CodecError> {
    decode_noting(what, bytes, None)
}

/// Decodes a number and a value that fill `bytes` exactly. A value that does not decode is read a second time, to say
/// which of its fields is to blame.
///
/// # Errors
/// [`NumberedError`] if they do not.
pub(crate) fn decode_numbered<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<(u64, T), NumberedError> {
    let refused = match decode(what, bytes) {
        Ok(numbered) => return Ok(numbered),
        Err(refused) => refused,
    };
    let standard = config::standard();
    let Ok((number, consumed)) = bincode::serde::decode_from_slice::<u64, _>(bytes, standard) else {
        return Err(NumberedError::Number(refused));
    };
    let path = FieldPath::default();
    // What it says was said already; where it fails, the path knows now.
    let _ = decode_noting::<T>(what, &bytes[consumed..], Some(&path));
    let detail = match refused {
        CodecError::Malformed { detail, .. } => detail,
        CodecError::Trailing { count, .. } => format!("{count} bytes behind the end"),
    };
    Err(NumberedError::Value { number, field: path.to_string(), detail })
}

fn decode_noting<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    path: Option<&FieldPath>,
) -> Result<T, CodecError> {
    let standard = config::standard();
    match bytes.len() * DECODED_PER_ENCODED {
        0..=0x1000 => decode_within(what, bytes, standard.with_limit::<0x1000>(), path),
        0x1001..=0x1_0000 => decode_within(what, bytes, standard.with_limit::<0x1_0000>(), path),
        0x1_0001..=0x10_0000 => decode_within(what, bytes, standard.with_limit::<0x10_0000>(), path),
        _ => decode_within(what, bytes, standard.with_limit::<0x100_0000>(), path),
    }
}

fn decode_within<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limited: impl Config,
    path: Option<&FieldPath>,
) -> Result<T, CodecError> {
    let decoded = match path {
        None => bincode::serde::decode_from_slice(bytes, limited),
        Some(path) => bincode::serde::seed_decode_from_slice(path.decoding(), bytes, limited),
    };
    let malformed = |error| CodecError::Malformed { what, detail: said(&error) };
    let (value, consumed) = decoded.map_err(malformed)?;
    match bytes.len() - consumed {
        0 => Ok(value),
        _ if planted(Bug::TrailingBytesIgnored) => Ok(value),
        count => Err(CodecError::Trailing { what, count }),
    }
}

/// What the decoder met, as a sentence: its own texts are the names of its variants.
fn said(error: &DecodeError) -> String {
    match error {
        DecodeError::UnexpectedEnd { additional } => format!("the bytes end {additional} too early"),
        DecodeError::LimitExceeded => "it claims more memory than its bytes can fill".to_owned(),
        DecodeError::Utf8 { .. } => "expected UTF-8 text".to_owned(),
        DecodeError::InvalidBooleanValue(byte) => format!("byte {byte}: expected 0 for no or 1 for yes"),
        DecodeError::InvalidIntegerType { expected, found } => {
            format!("an integer of type {found:?}: expected {expected:?}")
        }
        DecodeError::UnexpectedVariant { type_name, found, .. } => {
            format!("variant {found}: expected one of {type_name}")
        }
        DecodeError::OtherString(text) => text.chars().take(DETAIL_CHARS_MAX).collect(),
        other => other.to_string().chars().take(DETAIL_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_bytes_cannot_claim_eight_gigabytes() {
        let claim = [253, 0, 0, 0, 0, 2, 0, 0, 0];
        assert!(decode::<Vec<u8>>("claim", &claim).is_err());
        assert!(decode::<String>("claim", &claim).is_err());
    }

    #[test]
    fn bytes_behind_the_end_are_refused() {
        let mut bytes = encode("number", &7_u64).unwrap();
        assert_eq!(decode::<u64>("number", &bytes), Ok(7));
        bytes.push(0);
        assert_eq!(decode::<u64>("number", &bytes), Err(CodecError::Trailing { what: "number", count: 1 }));
    }
}
