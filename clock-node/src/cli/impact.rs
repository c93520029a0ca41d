//! `clock-node impact`: what may have been influenced by a write.

use clap::Args;
use clock_core::{Dot, Key};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use super::why::listed;
use crate::view;

/// Flags of `impact`.
#[derive(Debug, Args)]
pub(super) struct ImpactArgs {
    /// The write
    write: Dot,
    #[command(flatten)]
    connection: Connection,
}

impl ImpactArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |client| {
            let impact = client.impact(&self.write).await?;
            if self.connection.output == Format::Json {
                print_json(&view::impact_json(&impact))?;
                return Ok(Exit::Ok);
            }
            print_line(&format!("write        {}  {}", impact.key, self.write))?;
            print_line(&format!("built on it  {}", listed(&impact.same_key)))?;
            let keys: Vec<&str> = impact.keys.iter().map(Key::as_str).collect();
            print_line(&format!(
                "{} events have it in their past, over {} keys:",
                impact.events,
                keys.len()
            ))?;
            let rows = impact.stations.iter().map(|station| {
                [station.station.to_string(), station.first.to_string(), station.events.to_string()]
            });
            print_table(["station", "first event after it", "events"], rows)?;
            print_line(&format!("keys         {}", keys.join(", ")))?;
            if impact.is_cut {
                print_line("Some of these lists go on: an answer does not hold more.")?;
            }
            Ok(Exit::Ok)
        })
    }
}
