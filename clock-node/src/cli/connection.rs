//! The flags that every verb talking to a station shares.

use std::time::Duration;

use clap::Args;
use clock_core::NodeId;
use clock_core::wire::Copies;
use tokio::runtime;

use super::exit::{CliError, Exit};
use super::output::Format;
use super::session::SessionArgs;
use crate::net::client::{Client, ClientError};

/// Where the station is and how to show its answers.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// The station to talk to
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "CLOCK_NODE_AT",
        default_value = "127.0.0.1:7777",
        global = true
    )]
    at: String,
    /// The cluster it belongs to
    #[arg(long, value_name = "NAME", env = "CLOCK_CLUSTER", default_value = "constellation", global = true)]
    cluster: NodeId,
    /// How long to wait for the connection and for each answer
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration, global = true)]
    timeout: Duration,
    /// How to print: tables for people, JSON for programs
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Table, global = true)]
    pub(super) output: Format,
}

impl Connection {
    /// How long to wait for anything.
    pub(super) fn patience(&self) -> Duration {
        self.timeout
    }

    /// Connects and runs one exchange on a small runtime of its own.
    pub(super) fn block_on(
        &self,
        exchange: impl AsyncFnOnce(&mut Client) -> Result<Exit, CliError>,
    ) -> Result<Exit, CliError> {
        runtime()?.block_on(async { exchange(&mut self.connect().await?).await })
    }

    /// As [`block_on`](Self::block_on), in a session and with so many copies of each write. What the session has seen is
    /// kept also after a failure: what was answered before it was seen.
    pub(super) fn in_session(
        &self,
        session: &SessionArgs,
        copies: Copies,
        exchange: impl AsyncFnOnce(&mut Client) -> Result<Exit, CliError>,
    ) -> Result<Exit, CliError> {
        let terms = session.terms(copies)?;
        runtime()?.block_on(async {
            let mut client = self.connect().await?;
            client.on_terms(terms);
            let done = exchange(&mut client).await;
            let kept = session.keep(client.session());
            done.and_then(|exit| kept.map(|()| exit))
        })
    }

    async fn connect(&self) -> Result<Client, CliError> {
        let client = Client::connect(&self.at, &self.cluster, self.timeout).await;
        // A broken or late hello is no unknown write: nothing was asked yet.
        client.map_err(|error| match error {
            ClientError::Broken { address, detail } => {
                let source = std::io::Error::new(std::io::ErrorKind::ConnectionReset, detail);
                ClientError::Unreachable { address, source }.into()
            }
            other => other.into(),
        })
    }
}

/// A runtime for a command that talks to a few sockets.
pub(super) fn runtime() -> Result<runtime::Runtime, CliError> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|source| CliError::Io { what: "runtime".to_owned(), source })
}
