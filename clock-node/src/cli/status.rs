//! `clock-node status`: what a station has, and how far its peers are.

use clap::Args;
use clock_core::wire::{LinkView, StatusView};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use crate::view;

/// Flags of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    connection: Connection,
}

impl StatusArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |client| {
            let status = client.status().await?;
            match self.connection.output {
                Format::Json => print_json(&view::status_json(&status))?,
                Format::Table => show(&status)?,
            }
            Ok(Exit::Ok)
        })
    }
}

fn show(status: &StatusView) -> Result<(), CliError> {
    print_line(&format!(
        "station    {} in cluster {}, clock {}",
        status.replica,
        status.cluster,
        view::utc(status.wall_ms)
    ))?;
    print_line(&format!("has        {} keys, {} open conflicts", status.keys, status.conflicts))?;
    print_line(&format!("clocks     lamport {}  vector {:#}", status.lamport, status.durable))?;
    let (held, duplicates, quarantined) = (status.held_back, status.duplicates, status.quarantined);
    print_line(&format!(
        "delivery   {held} held back, {duplicates} duplicates, {quarantined} in quarantine"
    ))?;
    if status.links.is_empty() {
        return print_line("peers      none");
    }
    let rows = status.links.iter().map(|link| [link.peer.to_string(), state(link), lag(link)]);
    print_table(["peer", "link", "events it lacks"], rows)
}

fn state(link: &LinkView) -> String {
    let state = match (link.outbound, link.inbound) {
        (true, true) => "up",
        (true, false) => "we ship, it does not",
        (false, true) => "it ships, we do not",
        (false, false) => "down",
    };
    state.to_owned()
}

fn lag(link: &LinkView) -> String {
    link.lag_events.map_or_else(|| "unknown".to_owned(), |events| events.to_string())
}
