//! `clock-node why`: what one write was, and what it was made of.

use clap::Args;
use clock_core::Dot;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use crate::view;

/// Flags of `why`.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The write
    write: Dot,
    #[command(flatten)]
    connection: Connection,
}

impl WhyArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.block_on(async |client| {
            let why = client.why(&self.write).await?;
            if self.connection.output == Format::Json {
                print_json(&view::why_json(&why))?;
                return Ok(Exit::Ok);
            }
            let entry = &why.entry;
            print_line(&format!("write        {}  {}", why.key, entry.dot))?;
            print_line(&format!("author       {}", entry.dot.replica.node))?;
            print_line(&format!("value        {}", view::value_cell(entry.kind, &entry.value)))?;
            print_line(&format!("clocks       lamport {}  vector {:#}", entry.lamport, why.vector))?;
            print_line(&format!("about when   {}", view::utc(entry.wall_ms)))?;
            print_line(&format!("had read     {}", listed(&entry.context)))?;
            print_line(&format!("built on     {}", listed(&why.built_on)))?;
            print_line(&format!("concurrent   {}", listed(&why.concurrent_with)))?;
            let superseded =
                if why.is_current { "nobody: it is current".to_owned() } else { listed(&why.superseded_by) };
            print_line(&format!("superseded by {superseded}"))?;
            if why.is_cut {
                print_line("Some of these lists go on: an answer does not hold more.")?;
            }
            Ok(Exit::Ok)
        })
    }
}

/// Dots with commas, or that there are none.
pub(super) fn listed(dots: &[Dot]) -> String {
    if dots.is_empty() { "nothing".to_owned() } else { view::context_token(dots) }
}
