//! `clock-node conflicts`: what waits for a decision.

use std::time::Duration;

use clap::Args;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::inbox::{Item, Sort, inbox};
use super::instant::InstantArgs;
use super::output::{Format, print_json, print_line, print_table};
use crate::view;

/// Flags of `conflicts`.
#[derive(Debug, Args)]
pub(super) struct ConflictsArgs {
    /// In which order
    #[arg(long, value_enum, default_value_t = Sort::Severity)]
    sort: Sort,
    #[command(flatten)]
    instant: InstantArgs,
    #[command(flatten)]
    connection: Connection,
}

impl ConflictsArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let at_ms = self.instant.at_ms();
        self.connection.block_on(async |client| {
            let items = inbox(client.conflicts().await?, at_ms, self.sort);
            match self.connection.output {
                Format::Json => items.iter().try_for_each(|item| print_json(&json(item, at_ms)))?,
                Format::Table if items.is_empty() => print_line("no open conflicts")?,
                Format::Table => show(&items, at_ms)?,
            }
            Ok(if items.is_empty() { Exit::Ok } else { Exit::Conflict })
        })
    }
}

fn json(item: &Item, at_ms: u64) -> serde_json::Value {
    view::inbox_json(&item.conflict, &item.severity, item.age_ms, at_ms)
}

fn show(items: &[Item], at_ms: u64) -> Result<(), CliError> {
    let rows = items.iter().map(|item| {
        let conflict = &item.conflict;
        let dots = view::dots_cell(conflict.siblings.iter().flat_map(|sibling| &sibling.dots));
        let (id, key, revision) =
            (conflict.id.to_string(), conflict.key.to_string(), conflict.revision.to_string());
        [id, key, revision, age_text(item.age_ms), item.severity.to_string(), dots]
    });
    print_table(["conflict", "key", "revision", "age", "apart", "versions"], rows)?;
    print_line(&format!("open conflicts: {}, as of {}", items.len(), view::utc(at_ms)))
}

/// An age to the second, for people.
pub(super) fn age_text(age_ms: u64) -> String {
    humantime::format_duration(Duration::from_secs(age_ms / 1000)).to_string()
}
