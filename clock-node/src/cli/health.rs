//! `clock-node health`: the answer for a health check, by the binary itself.

use clap::Args;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use crate::view;

/// Flags of `health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    connection: Connection,
}

impl HealthArgs {
    /// Healthy is a station that answers a question through its actor. Links that are down are no illness.
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |mut client| {
            let status = client.status().await?;
            match self.connection.output {
                Format::Json => print_json(&view::status_json(&status))?,
                Format::Table => print_line(&format!("{} answers", status.replica))?,
            }
            Ok(Exit::Ok)
        })
    }
}
