//! The command line: one verb per file, one place for what they share.

mod conflict;
mod conflicts;
mod connection;
mod delete;
mod demo;
mod exit;
mod get;
mod health;
mod history;
mod impact;
mod inbox;
mod incident;
mod instant;
mod output;
mod policy;
mod put;
mod receipt;
mod resolve;
mod run;
mod session;
mod snapshot;
mod status;
mod undo;
mod value;
mod watch;
mod why;
mod write;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::{CliError, Exit};
pub use run::RunArgs;
pub use undo::NotUndone;

/// One ground station of the constellation's catalog, and the tools to talk to it.
///
/// Exit codes: 0 ok, 1 failed or refused, 2 usage, 3 station unreachable, 4 no such key, conflict, write or request,
/// 5 conflict present, 6 outcome unknown (retry with the same --request-id), 7 durable here, on fewer stations than asked
/// for (nothing to do: see `receipt`), 8 busy or behind the session (ask again, or elsewhere), 9 the key is deleted.
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
    /// Delete a key: a write like any other
    Delete(delete::DeleteArgs),
    /// What is known by now of a write, by its request id (exit 7 if fewer stations than asked for have it)
    Receipt(receipt::ReceiptArgs),
    /// Read the current versions of a key (exit 5 if they conflict, 4 if there is no such key, 9 if it is deleted)
    Get(get::GetArgs),
    /// Read many keys as of one frontier
    Snapshot(snapshot::SnapshotArgs),
    /// Every version a key ever had
    History(history::HistoryArgs),
    /// What one write was: what it had read, what superseded it, what it was concurrent with
    Why(why::WhyArgs),
    /// What may have been influenced by a write
    Impact(impact::ImpactArgs),
    /// The open conflicts, the farthest apart first (exit 5 if there are any)
    Conflicts(conflicts::ConflictsArgs),
    /// The versions of one conflict side by side (exit 5, or 4 if it is not open)
    Conflict(conflict::ConflictArgs),
    /// End a conflict, or all that a policy decides, by writes that supersede all its versions
    Resolve(Box<resolve::ResolveArgs>),
    /// Take back a resolution, or another write, by writing again what it superseded
    Undo(undo::UndoArgs),
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
        Verb::Delete(args) => args.run(),
        Verb::Receipt(args) => args.run(),
        Verb::Get(args) => args.run(),
        Verb::Snapshot(args) => args.run(),
        Verb::History(args) => args.run(),
        Verb::Why(args) => args.run(),
        Verb::Impact(args) => args.run(),
        Verb::Conflicts(args) => args.run(),
        Verb::Conflict(args) => args.run(),
        Verb::Resolve(args) => args.run(),
        Verb::Undo(args) => args.run(),
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
