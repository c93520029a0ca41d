//! `clock-node get`: the current versions of a key.

use clap::Args;
use clock_core::Key;
use clock_core::wire::EntryView;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use crate::view;

/// Flags of `get`.
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// The key
    key: Key,
    #[command(flatten)]
    connection: Connection,
}

impl GetArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |mut client| {
            let Some(entry) = client.get(&self.key).await? else {
                eprintln!("clock-node: no key {} at {}", self.key, client.replica());
                return Ok(Exit::NotFound);
            };
            match self.connection.output {
                Format::Json => print_json(&view::entry_json(&entry))?,
                Format::Table => show(&entry)?,
            }
            Ok(if entry.conflict.is_some() { Exit::Conflict } else { Exit::Ok })
        })
    }
}

fn show(entry: &EntryView) -> Result<(), CliError> {
    let rows = entry.versions.iter().map(|version| {
        let value = view::value_cell(version.kind, &version.value);
        [value, view::dots_cell(&version.dots), version.lamport.to_string(), view::utc(version.wall_ms)]
    });
    print_table(["value", "version", "lamport", "about when"], rows)?;
    if let Some(conflict) = entry.conflict {
        let count = entry.versions.len();
        print_line(&format!(
            "\n{count} concurrent versions: conflict {conflict}. None was chosen for you. End it with"
        ))?;
        print_line(&format!("  clock-node resolve {conflict} --take VERSION     (or --value VALUE)"))?;
    }
    Ok(())
}
