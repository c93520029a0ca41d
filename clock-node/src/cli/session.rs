//! Sessions: what a client has written and read goes with it from station to station, in a file or on the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clock_core::VersionVector;
use clock_core::wire::{Copies, DEADLINE_MS_MAX, Terms};

use super::exit::CliError;
use crate::view::Token;

/// Where the token of a session is.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// Keep the session's token in this file: read before the question, replaced after the answer. A session begins where
    /// there is no file. For one client at a time
    #[arg(long, value_name = "FILE", conflicts_with = "after")]
    session: Option<PathBuf>,
    /// The session's token itself (`none` begins a session); the next one is printed
    #[arg(long, value_name = "TOKEN")]
    after: Option<Token>,
}

/// What the station has to know before it answers, and how long it may wait.
#[derive(Debug, Args)]
pub(super) struct SessionArgs {
    #[command(flatten)]
    token: TokenArgs,
    /// How long the station may wait for what the session has seen, and for copies of a write
    #[arg(long, value_name = "DURATION", value_parser = deadline_ms)]
    deadline: Option<u32>,
}

impl SessionArgs {
    /// The terms to ask on.
    pub(super) fn terms(&self, copies: Copies) -> Result<Terms, CliError> {
        let default = Terms::default();
        let deadline_ms = self.deadline.unwrap_or(default.deadline_ms);
        Ok(Terms { copies, deadline_ms, session: self.token.read()? })
    }

    /// Keeps the session's next token, if there is a session.
    pub(super) fn keep(&self, token: Option<&VersionVector>) -> Result<(), CliError> {
        token.map_or(Ok(()), |token| self.token.keep(token))
    }
}

impl TokenArgs {
    /// What the session has seen so far; `None` if there is no session.
    pub(super) fn read(&self) -> Result<Option<VersionVector>, CliError> {
        if let Some(path) = &self.session {
            return read_file(path).map(Some);
        }
        Ok(self.after.clone().map(|token| token.0))
    }

    /// Replaces the token in the file, if there is one: whole or not at all.
    pub(super) fn keep(&self, token: &VersionVector) -> Result<(), CliError> {
        let Some(path) = &self.session else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let replaced = (|| {
            let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
            writeln!(file, "{}", Token(token.clone()))?;
            file.as_file().sync_data()?;
            file.persist(path).map_err(|error| error.error)
        })();
        let what = || format!("session file {} (the answer stands, its token was not kept)", path.display());
        replaced.map(drop).map_err(|source| CliError::Io { what: what(), source })
    }
}

fn read_file(path: &Path) -> Result<VersionVector, CliError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let token: Result<Token, _> = text.trim().parse();
            token.map(|token| token.0).map_err(|error| {
                CliError::Usage(format!(
                    "session file {}: {error}: expected a token, and nothing else",
                    path.display()
                ))
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(VersionVector::new()),
        Err(source) => Err(CliError::Io { what: format!("session file {}", path.display()), source }),
    }
}

fn deadline_ms(text: &str) -> Result<u32, String> {
    let deadline: Duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let ms = u32::try_from(deadline.as_millis()).ok().filter(|ms| (1..=DEADLINE_MS_MAX).contains(ms));
    ms.ok_or_else(|| format!("expected 1ms to {}s", DEADLINE_MS_MAX / 1000))
}
