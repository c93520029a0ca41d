//! `clock-node conflict`: the versions of one conflict, side by side.

use clap::Args;
use clock_core::Body;
use clock_core::record::{FieldRow, side_by_side};
use clock_core::replica::ConflictId;
use clock_core::wire::{ConflictView, EntryView, HistoryEntry, RequestError};

use super::conflicts::age_text;
use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::get::ancestors;
use super::inbox::Item;
use super::instant::InstantArgs;
use super::output::{Format, print_json, print_line, print_wide_table};
use crate::net::client::{Client, ClientError};
use crate::view;

/// Flags of `conflict`.
#[derive(Debug, Args)]
pub(super) struct ConflictArgs {
    /// The conflict, as `conflicts` shows it
    conflict: ConflictId,
    #[command(flatten)]
    instant: InstantArgs,
    #[command(flatten)]
    connection: Connection,
}

/// A conflict with all there is to decide by.
struct Opened {
    item: Item,
    entry: EntryView,
    ancestors: Vec<HistoryEntry>,
    rows: Vec<FieldRow>,
}

impl ConflictArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let at_ms = self.instant.at_ms();
        self.connection.block_on(async |client| {
            let conflict = find(client, self.conflict).await?;
            let opened = Opened::of(client, conflict, at_ms).await?;
            match self.connection.output {
                Format::Json => print_json(&opened.json(at_ms))?,
                Format::Table => opened.show(at_ms)?,
            }
            Ok(Exit::Conflict)
        })
    }
}

/// The open conflict of this id.
pub(super) async fn find(client: &mut Client, id: ConflictId) -> Result<ConflictView, ClientError> {
    let found = client.conflicts().await?.into_iter().find(|conflict| conflict.id == id);
    found.ok_or(ClientError::Request(RequestError::UnknownConflict(id)))
}

impl Opened {
    /// Reads the versions in full. If the conflict has changed since it was listed, it is unknown by now.
    async fn of(client: &mut Client, conflict: ConflictView, at_ms: u64) -> Result<Self, ClientError> {
        let entry = client.get(&conflict.key).await?.filter(|entry| entry.conflict == Some(conflict.id));
        let entry = entry.ok_or(ClientError::Request(RequestError::UnknownConflict(conflict.id)))?;
        let ancestors = ancestors(client, &entry).await?;
        let versions = entry.versions.iter();
        let bodies: Vec<Body> =
            versions.map(|version| Body { kind: version.kind, bytes: version.value.clone() }).collect();
        let rows = side_by_side(&bodies.iter().collect::<Vec<_>>());
        Ok(Self { item: Item::of(conflict, at_ms), entry, ancestors, rows })
    }

    fn json(&self, at_ms: u64) -> serde_json::Value {
        let Item { conflict, severity, age_ms } = &self.item;
        let summary = view::inbox_json(conflict, severity, *age_ms, at_ms);
        view::conflict_fields_json(summary, &self.entry, &self.rows, &self.ancestors)
    }

    fn show(&self, at_ms: u64) -> Result<(), CliError> {
        let Item { conflict, severity, age_ms } = &self.item;
        print_line(&format!(
            "conflict  {} of {}, revision {}",
            conflict.id, conflict.key, conflict.revision
        ))?;
        print_line(&format!("age       {}", age_text(*age_ms)))?;
        print_line(&format!("apart     {severity} as of {}", view::utc(at_ms)))?;
        let mut header = vec![String::new(), "field".to_owned()];
        header.extend(self.entry.versions.iter().map(|version| view::dots_cell(&version.dots)));
        print_wide_table(header, self.rows.iter().map(cells))?;
        for write in &self.ancestors {
            let value = view::value_cell(write.kind, &write.value);
            print_line(&format!("both knew {}\n{value}", write.dot))?;
        }
        print_line("* differs. No version was chosen for you.")
    }
}

fn cells(row: &FieldRow) -> Vec<String> {
    let mark = if row.differs { "*" } else { "" };
    let name = if row.unit.is_empty() { row.name.to_owned() } else { format!("{} [{}]", row.name, row.unit) };
    let mut cells = vec![mark.to_owned(), name];
    cells.extend(row.values.iter().map(|value| value.clone().unwrap_or_else(|| "-".to_owned())));
    cells
}
