//! The only file that names bincode (docs/adr/0001-bincode.md says why, and how it is fenced).
//!
//! Decoding counts what it reads against a limit that follows from the input's size, so a few bytes cannot ask
//! for megabytes; every byte must be consumed; containers are bounded by their types.

use bincode::config::{self, Config};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bugs::{Bug, planted};

/// A decoded integer may be eight times its encoding; twice that leaves room for the rest.
const DECODED_PER_ENCODED: usize = 16;

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

/// Decodes a value that fills `bytes` exactly.
///
/// # Errors
/// [`CodecError`] if it does not.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, CodecError> {
    let standard = config::standard();
    match bytes.len() * DECODED_PER_ENCODED {
        0..=0x1000 => decode_within(what, bytes, standard.with_limit::<0x1000>()),
        0x1001..=0x1_0000 => decode_within(what, bytes, standard.with_limit::<0x1_0000>()),
        0x1_0001..=0x10_0000 => decode_within(what, bytes, standard.with_limit::<0x10_0000>()),
        _ => decode_within(what, bytes, standard.with_limit::<0x100_0000>()),
    }
}

fn decode_within<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limited: impl Config,
) -> Result<T, CodecError> {
    let malformed =
        |error: bincode::error::DecodeError| CodecError::Malformed { what, detail: error.to_string() };
    let (value, consumed) = bincode::serde::decode_from_slice(bytes, limited).map_err(malformed)?;
    match bytes.len() - consumed {
        0 => Ok(value),
        _ if planted(Bug::TrailingBytesIgnored) => Ok(value),
        count => Err(CodecError::Trailing { what, count }),
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
