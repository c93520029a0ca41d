//! `clock-node demo`: the incident, on this machine.

use std::path::PathBuf;

use clap::Args;

use super::connection::runtime;
use super::exit::{CliError, Exit};
use super::output::Format;
use crate::demo::{self, Narrator};

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep the stations' data and logs here [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How to print: a timeline for people, JSON lines for programs
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl DemoArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let mut narrator = Narrator::new(self.output == Format::Json);
        runtime()?.block_on(demo::run(self.dir, &mut narrator))?;
        Ok(Exit::Ok)
    }
}
