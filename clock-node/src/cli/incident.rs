//! `clock-node incident`: the same play on stations and a proxy that run already, as in docker compose.

use std::collections::BTreeMap;

use clap::Args;
use clock_core::NodeId;

use super::connection::runtime;
use super::exit::{CliError, Exit};
use super::output::Format;
use super::run::PeerArg;
use crate::demo::{self, DemoError, Narrator};
use crate::launch::ProxyControl;

/// Flags of `incident`.
#[derive(Debug, Args)]
pub(super) struct IncidentArgs {
    /// A station and where it listens: pacific, indian_ocean, atlantic and antarctic are needed [repeatable]
    #[arg(long = "station", value_name = "NAME=HOST:PORT", required = true)]
    stations: Vec<PeerArg>,
    /// The control port of the proxy on their links
    #[arg(long, value_name = "HOST:PORT")]
    proxy: String,
    /// The cluster
    #[arg(long, value_name = "NAME", env = "CLOCK_CLUSTER", default_value = "constellation")]
    cluster: NodeId,
    /// How to print: a timeline for people, JSON lines for programs
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl IncidentArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let addresses: BTreeMap<NodeId, String> =
            self.stations.into_iter().map(|PeerArg(name, address)| (name, address)).collect();
        let mut narrator = Narrator::new(self.output == Format::Json);
        runtime()?.block_on(async {
            let mut proxy = ProxyControl::connect(&self.proxy).await.map_err(DemoError::from)?;
            demo::play(self.cluster, addresses, &mut proxy, &mut narrator).await
        })?;
        Ok(Exit::Ok)
    }
}
