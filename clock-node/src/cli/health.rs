//! `clock-node health`: the answer for a health check, by the binary itself.

use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use super::connection::{Connection, runtime};
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use crate::launch::{LaunchError, ProxyControl};
use crate::net::client::ClientError;
use crate::view;

/// Flags of `health`.
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Ask a proxy at its control port instead of a station
    #[arg(long, value_name = "HOST:PORT")]
    proxy: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl HealthArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        match &self.proxy {
            Some(address) => ask_proxy(address, self.connection.patience()),
            None => self.ask_station(),
        }
    }

    /// Healthy is a station that answers a question through its actor. Links that are down are no illness.
    fn ask_station(&self) -> Result<Exit, CliError> {
        self.connection.block_on(async |client| {
            let status = client.status().await?;
            match self.connection.output {
                Format::Json => print_json(&view::status_json(&status))?,
                Format::Table => print_line(&format!("{} answers", status.replica))?,
            }
            Ok(Exit::Ok)
        })
    }
}

/// Healthy is a proxy that confirms a command.
fn ask_proxy(address: &str, patience: Duration) -> Result<Exit, CliError> {
    let asked = runtime()?.block_on(async {
        let ping = async { ProxyControl::connect(address).await?.command("ping").await };
        timeout(patience, ping).await
    });
    let unreachable = |source| ClientError::Unreachable { address: address.to_owned(), source };
    let late = || unreachable(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time"));
    let reply = asked.map_err(|_| late())?.map_err(|error| match error {
        LaunchError::Io { source, .. } => unreachable(source),
        other => unreachable(std::io::Error::other(other.to_string())),
    })?;
    print_line(&reply)?;
    Ok(Exit::Ok)
}
