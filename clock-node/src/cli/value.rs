//! Where a value comes from: the command line, a file, or standard input.

use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use clock_core::{BODY_BYTES_MAX, BodyKind};

use super::exit::CliError;

/// The value flags of `put` and `resolve`.
#[derive(Debug, Args)]
pub(super) struct ValueArgs {
    /// Read the value from a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read the value from standard input
    #[arg(long, conflicts_with = "file")]
    stdin: bool,
    /// What the value is: it is checked before it is written
    #[arg(long, value_enum, default_value_t = Kind::Opaque)]
    kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Any bytes.
    Opaque,
    /// A two-line element set, optionally with a name line first.
    Tle,
    /// A unit quaternion w,x,y,z.
    Attitude,
}

impl ValueArgs {
    pub(super) fn kind(&self) -> BodyKind {
        match self.kind {
            Kind::Opaque => BodyKind::OPAQUE,
            Kind::Tle => BodyKind::TLE,
            Kind::Attitude => BodyKind::ATTITUDE,
        }
    }

    /// Whether any source is named.
    pub(super) fn is_given(&self, argument: Option<&str>) -> bool {
        argument.is_some() || self.file.is_some() || self.stdin
    }

    /// The value, from exactly one source.
    pub(super) fn read(&self, argument: Option<&str>) -> Result<Bytes, CliError> {
        let from_stdin = || read_limited("standard input", std::io::stdin().lock());
        let open = |path: &PathBuf| {
            let what = format!("file {}", path.display());
            let opened = std::fs::File::open(path);
            let file = opened.map_err(|source| CliError::Io { what: what.clone(), source })?;
            read_limited(&what, file)
        };
        match (argument, &self.file, self.stdin) {
            (Some(value), None, false) => Ok(Bytes::copy_from_slice(value.as_bytes())),
            (None, Some(path), false) => open(path),
            (None, None, true) => from_stdin(),
            _ => Err(CliError::Usage(
                "give the value exactly once: as an argument, with --file or with --stdin".to_owned(),
            )),
        }
    }
}

/// Reads at most one byte more than a value may have: enough to know that it is too large.
fn read_limited(what: &str, source: impl Read) -> Result<Bytes, CliError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    let read = source.take(limit).read_to_end(&mut bytes);
    read.map_err(|source| CliError::Io { what: what.to_owned(), source })?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(CliError::Usage(format!(
            "{what}: more than {BODY_BYTES_MAX} bytes, the most a value may have"
        )));
    }
    Ok(bytes.into())
}
