//! The `clock-node` program: wiring only.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    clock_node::cli::run(clock_node::cli::Cli::parse())
}
