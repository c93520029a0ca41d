//! `clock-node watch`: follow a station.

use clap::Args;
use clock_core::wire::{Notice, Request, Response};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use crate::net::client::ClientError;
use crate::view;

/// Flags of `watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Stop after this many notices
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

impl WatchArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |mut client| {
            let Response::Watching = client.request(Request::Watch { after: None }).await? else {
                return Err(ClientError::Unexpected { address: client.replica().to_string() }.into());
            };
            eprintln!("watching {}", client.replica());
            let mut left = self.count;
            while left != Some(0) {
                let notice = client.notice().await?;
                match self.connection.output {
                    Format::Json => print_json(&view::notice_json(&notice))?,
                    Format::Table => print_line(&line(&notice))?,
                }
                left = left.map(|left| left - 1);
            }
            Ok(Exit::Ok)
        })
    }
}

fn line(notice: &Notice) -> String {
    match notice {
        Notice::Applied(applied) => {
            let via = applied
                .via
                .as_ref()
                .map_or_else(|| "written here".to_owned(), |station| format!("via {station}"));
            let version = &applied.version;
            let value = view::value_cell(version.kind, &version.value);
            let dot = view::dots_cell(&version.dots);
            format!("applied   {}  {dot}  {via}  lamport {}  {value}", applied.key, version.lamport)
        }
        Notice::ConflictOpened(conflict) => {
            let dots = conflict.siblings.iter().flat_map(|sibling| &sibling.dots);
            let dots: Vec<String> = dots.map(ToString::to_string).collect();
            format!("CONFLICT  {}  {}  {}", conflict.key, conflict.id, dots.join(" | "))
        }
        Notice::ConflictClosed { id, key, by } => format!("ended     {key}  {id}  by {by}"),
        Notice::Replayed { key, entry } => {
            format!("replayed  {key}  {}  {}", entry.dot, view::value_cell(entry.kind, &entry.value))
        }
        Notice::Lagged { missed } => format!("LAGGED    by {missed} notices: the writes follow"),
        Notice::Committed { dot, durable_on, .. } => {
            let stations: Vec<&str> = durable_on.iter().map(|station| station.as_str()).collect();
            format!("committed {dot}  on {}", stations.join(", "))
        }
    }
}
