//! Typed bodies: what a client's text means, whether it is valid, and its one canonical form in bytes.
//!
//! Validation happens before a dot is minted, so that an invalid value never enters the catalog. A kind this
//! version does not know is passed through unread: it came from a newer station.

mod attitude;
mod fields;
mod position;
mod severity;
mod tle;
mod tle_columns;
mod view;

use bytes::Bytes;

pub use attitude::{Attitude, InvalidAttitude};
pub use fields::{Field, FieldRow, fields, side_by_side};
pub use position::{NotPropagated, SPAN_YEARS_MAX};
pub use severity::{Severity, Unranked, severity};
pub use tle::{InvalidTle, Tle};
pub use view::{Candidate, InvalidView, Undecided, View};

use crate::event::{BODY_BYTES_MAX, Body, BodyKind};

/// Why a value was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRecord {
    /// Larger than the limit.
    #[error("the value has {bytes} bytes: expected at most {BODY_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not a valid element set.
    #[error(transparent)]
    Tle(#[from] InvalidTle),
    /// Not a valid quaternion.
    #[error(transparent)]
    Attitude(#[from] InvalidAttitude),
    /// A client asked for a kind that does not exist here.
    #[error("record kind {0}: expected opaque (0), tle (1) or attitude (2)")]
    UnknownKind(u8),
}

/// Checks what a client gave for a value of `kind` and brings it into its canonical bytes.
///
/// # Errors
/// [`InvalidRecord`] says what was expected where.
pub fn validate(kind: BodyKind, input: &Bytes) -> Result<Body, InvalidRecord> {
    if input.len() > BODY_BYTES_MAX {
        return Err(InvalidRecord::TooLarge { bytes: input.len() });
    }
    let bytes = match kind {
        BodyKind::OPAQUE => input.clone(),
        BodyKind::TLE => Tle::parse(input)?.to_bytes(),
        BodyKind::ATTITUDE => Attitude::parse(input)?.to_bytes(),
        BodyKind(unknown) => return Err(InvalidRecord::UnknownKind(unknown)),
    };
    Ok(Body { kind, bytes })
}

/// The value as one readable text; bytes that are no text are shown in hex.
pub fn display(body: &Body) -> String {
    let attitude = || Attitude::from_bytes(&body.bytes).ok().map(|attitude| attitude.to_string());
    let shown = match body.kind {
        BodyKind::ATTITUDE => attitude(),
        _ => std::str::from_utf8(&body.bytes).ok().map(str::to_owned),
    };
    shown.unwrap_or_else(|| body.bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The name of a kind, as flags and tables spell it.
pub fn kind_name(kind: BodyKind) -> &'static str {
    match kind {
        BodyKind::OPAQUE => "opaque",
        BodyKind::TLE => "tle",
        BodyKind::ATTITUDE => "attitude",
        BodyKind::TOMBSTONE => "deleted",
        BodyKind(_) => "unknown",
    }
}
