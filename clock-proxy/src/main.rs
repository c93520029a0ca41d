//! The `clock-proxy` binary: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    clock_proxy::run(&clock_proxy::cli::Args::parse())
}
