//! `clock-node history`: every version a key ever had.

use clap::Args;
use clock_core::Key;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_table};
use crate::view;

/// Flags of `history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// The key
    key: Key,
    #[command(flatten)]
    connection: Connection,
}

impl HistoryArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |client| {
            let Some(entries) = client.history(&self.key).await? else {
                eprintln!("clock-node: no key {} at {}", self.key, client.replica());
                return Ok(Exit::NotFound);
            };
            match self.connection.output {
                Format::Json => {
                    entries.iter().try_for_each(|entry| print_json(&view::history_json(entry)))?;
                }
                Format::Table => {
                    let rows = entries.iter().map(|entry| {
                        let value = view::value_cell(entry.kind, &entry.value);
                        let supersedes = view::dots_cell(&entry.context);
                        [
                            entry.dot.to_string(),
                            value,
                            supersedes,
                            entry.lamport.to_string(),
                            view::utc(entry.wall_ms),
                        ]
                    });
                    print_table(["version", "value", "supersedes", "lamport", "about when"], rows)?;
                }
            }
            Ok(Exit::Ok)
        })
    }
}
