//! `clock-node snapshot`: many keys as of one frontier.

use clap::Args;
use clock_core::Key;
use clock_core::wire::{Copies, Presence, SnapshotEntry};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use super::session::SessionArgs;
use crate::net::client::Snapshot;
use crate::view;
use crate::view::Token;

/// Flags of `snapshot`.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// The keys
    #[arg(required = true)]
    keys: Vec<Key>,
    /// As of this frontier, which an earlier snapshot printed: the same answer again, here or at another station that has
    /// as much [default: what the station shows now]
    #[arg(long, value_name = "TOKEN")]
    frontier: Option<Token>,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    connection: Connection,
}

impl SnapshotArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let at = self.frontier.map(|token| token.0);
        self.connection.in_session(&self.session, Copies::Count(1), async |client| {
            let snapshot = client.snapshot(&self.keys, at).await?;
            let frontier = Token(snapshot.at.clone());
            match self.connection.output {
                Format::Json => {
                    let answer = view::snapshot_json(&snapshot.entries, &frontier.to_string());
                    print_json(&view::with_token(answer, client.session()))?;
                }
                Format::Table => show(&self.keys, &snapshot, &frontier)?,
            }
            Ok(exit_of(&self.keys, &snapshot.entries))
        })
    }
}

fn entry_of<'a>(entries: &'a [SnapshotEntry], key: &Key) -> Option<&'a SnapshotEntry> {
    entries.iter().find(|entry| entry.key == *key)
}

/// What most needs looking at decides.
fn exit_of(keys: &[Key], entries: &[SnapshotEntry]) -> Exit {
    if entries.iter().any(|entry| entry.conflict.is_some()) {
        return Exit::Conflict;
    }
    let is_unknown = |key: &Key| entry_of(entries, key).is_none();
    if keys.iter().any(is_unknown) { Exit::NotFound } else { Exit::Ok }
}

fn show(keys: &[Key], snapshot: &Snapshot, frontier: &Token) -> Result<(), CliError> {
    let rows = keys.iter().flat_map(|key| rows(key, entry_of(&snapshot.entries, key)));
    print_table(["key", "is", "value", "version"], rows)?;
    print_line(&format!("frontier  {frontier}"))
}

fn rows(key: &Key, entry: Option<&SnapshotEntry>) -> Vec<[String; 4]> {
    let Some(entry) = entry else {
        return vec![[key.to_string(), "unknown".to_owned(), String::new(), String::new()]];
    };
    let is = match (entry.conflict, entry.presence) {
        (Some(conflict), _) => format!("in conflict {conflict}"),
        (None, Presence::Live) => "live".to_owned(),
        (None, Presence::Deleted) => "deleted".to_owned(),
    };
    let row = |version: &clock_core::wire::SnapshotVersion| {
        let value = view::value_cell(version.entry.kind, &version.entry.value);
        [key.to_string(), is.clone(), value, view::dots_cell(&version.dots)]
    };
    entry.versions.iter().map(row).collect()
}
