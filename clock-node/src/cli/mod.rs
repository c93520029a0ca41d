//! The command line: one verb per file, one place for what they share.

mod conflicts;
mod connection;
mod demo;
mod exit;
mod get;
mod health;
mod history;
mod incident;
mod output;
mod put;
mod resolve;
mod run;
mod status;
mod value;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{CliError, Exit};
pub use run::RunArgs;

/// One ground station of the constellation's catalog, and the tools to talk to it.
///
/// Exit codes: 0 ok, 1 failed or refused, 2 usage, 3 station unreachable, 4 no such key or conflict,
/// 5 conflict present, 6 outcome unknown (retry with the same --request-id).
#[derive(Debug, Parser)]
#[command(name = "clock-node", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a station
    Run(Box<run::RunArgs>),
    /// Write a value
    Put(put::PutArgs),
    /// Read the current versions of a key (exit 5 if they conflict, 4 if there is no such key)
    Get(get::GetArgs),
    /// Every version a key ever had
    History(history::HistoryArgs),
    /// The open conflicts (exit 5 if there are any)
    Conflicts(conflicts::ConflictsArgs),
    /// End a conflict by a write that supersedes all its versions
    Resolve(resolve::ResolveArgs),
    /// What a station has and how far its peers are
    Status(status::StatusArgs),
    /// Follow writes and conflicts as they become visible
    Watch(watch::WatchArgs),
    /// Exit 0 if a station, or a proxy, answers: for health checks
    Health(health::HealthArgs),
    /// Watch incident CN-2604-001 happen on this machine, and not destroy data
    Demo(demo::DemoArgs),
    /// Play the incident on stations and a proxy that run already
    Incident(incident::IncidentArgs),
    /// Run the fault proxy (the same as the clock-proxy program)
    Proxy(Box<clock_proxy::cli::Args>),
}

/// Runs a command line to its exit code. Errors are printed to standard error.
pub fn run(cli: Cli) -> ExitCode {
    let outcome = match cli.verb {
        Verb::Proxy(args) => return clock_proxy::run(&args),
        Verb::Run(args) => run::run(*args),
        Verb::Put(args) => args.run(),
        Verb::Get(args) => args.run(),
        Verb::History(args) => args.run(),
        Verb::Conflicts(args) => args.run(),
        Verb::Resolve(args) => args.run(),
        Verb::Status(args) => args.run(),
        Verb::Watch(args) => args.run(),
        Verb::Health(args) => args.run(),
        Verb::Demo(args) => args.run(),
        Verb::Incident(args) => args.run(),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("clock-node: {error}");
            error.exit().into()
        }
    }
}
