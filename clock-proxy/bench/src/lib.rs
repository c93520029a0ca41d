//! Measures relays from outside, beside each other and beside no relay at all.
//!
//! Every relay is a process of its own, with one bulk of bytes, one echo or one receiver behind it, all of them in this
//! process. On a shared machine a figure by itself says little, and a ratio only if both sides met the same noise: so
//! throughput, frames, round trips and accepts are taken in short rounds that go over all relays in turn, and the median
//! round counts. The load is made by blocking sockets on threads with large buffers, so that it is not what is measured.
//!
//! Nothing here looks into the proxy: it is driven by its flags and its grammar, as a user drives it.

mod arguments;
mod effort;
mod figures;
mod grid;
mod http;
mod load;
mod measure;
mod peer;
mod processor;
mod report;
mod statistics;
mod targets;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Mode};

/// Runs the benchmark, or one of the relays it compares with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.mode {
        Some(Mode::Copy(copy)) => peer::copy::run(copy),
        None => match report::run(&arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}
