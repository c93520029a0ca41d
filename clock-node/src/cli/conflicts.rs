//! `clock-node conflicts`: what waits for a decision.

use clap::Args;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use crate::view;

/// Flags of `conflicts`.
#[derive(Debug, Args)]
pub(super) struct ConflictsArgs {
    #[command(flatten)]
    connection: Connection,
}

impl ConflictsArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |mut client| {
            let conflicts = client.conflicts().await?;
            match self.connection.output {
                Format::Json => {
                    conflicts.iter().try_for_each(|conflict| print_json(&view::conflict_json(conflict)))?;
                }
                Format::Table if conflicts.is_empty() => print_line("no open conflicts")?,
                Format::Table => {
                    let rows = conflicts.iter().map(|conflict| {
                        let siblings =
                            view::dots_cell(conflict.siblings.iter().flat_map(|sibling| &sibling.dots));
                        [conflict.id.to_string(), conflict.key.to_string(), siblings]
                    });
                    print_table(["conflict", "key", "versions"], rows)?;
                }
            }
            Ok(if conflicts.is_empty() { Exit::Ok } else { Exit::Conflict })
        })
    }
}
