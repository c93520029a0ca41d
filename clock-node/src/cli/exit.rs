//! Exit codes, and the errors that lead to them.

use std::process::ExitCode;

use clock_core::wire::RequestError;

use super::undo::NotUndone;
use crate::demo::DemoError;
use crate::net::client::ClientError;

/// How a command ended. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All well.
    Ok = 0,
    /// It failed, or the station refused it; the message says what, and whether anything was changed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// No station answers there; nothing was asked of it.
    Unreachable = 3,
    /// There is no such key, conflict, write or request.
    NotFound = 4,
    /// What was asked for has concurrent versions.
    Conflict = 5,
    /// The answer did not arrive: a write may or may not have been applied.
    Unknown = 6,
    /// The write is durable here, and fewer stations than were asked for are known to have it. Nothing has to be done: it
    /// travels by itself, and `receipt` tells when it has arrived.
    Indeterminate = 7,
    /// Not now: the station is busy, or behind the session. Nothing was changed; ask again, or elsewhere.
    Later = 8,
    /// The key was deleted: it has no value, and is not unknown either.
    Deleted = 9,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong in a way that only shows when it runs.
    #[error("{0}")]
    Usage(String),
    /// The station did not answer as hoped.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A write got no answer: it can be retried safely.
    #[error("{source}\nretry safely with: --request-id {request}")]
    Write {
        /// The id to retry with.
        request: clock_core::RequestId,
        /// What happened.
        source: ClientError,
    },
    /// A write was not taken back.
    #[error(transparent)]
    Undo(#[from] NotUndone),
    /// The station could not run.
    #[error(transparent)]
    Station(#[from] crate::station::StationError),
    /// The demo could not start or did not show what it has to.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Input or output of the command itself.
    #[error("{what}: {source}")]
    Io {
        /// Of what.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

impl CliError {
    /// The exit code it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Client(error) | Self::Write { source: error, .. } => client_exit(error),
            Self::Demo(DemoError::Client(error)) => client_exit(error),
            Self::Undo(_) | Self::Station(_) | Self::Demo(_) | Self::Io { .. } => Exit::Failed,
        }
    }
}

fn client_exit(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable { .. } => Exit::Unreachable,
        ClientError::Timeout { .. } | ClientError::Broken { .. } => Exit::Unknown,
        ClientError::Request(error) => refusal_exit(error),
        ClientError::Refused { .. } | ClientError::Unexpected { .. } => Exit::Failed,
    }
}

fn refusal_exit(error: &RequestError) -> Exit {
    match error {
        RequestError::UnknownConflict(_)
        | RequestError::UnknownKey(_)
        | RequestError::UnknownRequest(_)
        | RequestError::UnknownDot(_) => Exit::NotFound,
        RequestError::Busy { .. } | RequestError::Behind { .. } => Exit::Later,
        _ => Exit::Failed,
    }
}
