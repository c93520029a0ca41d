//! `clock-node resolve`: end a conflict.

use clap::Args;
use clock_core::Dot;
use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, Request};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::put::{RetryArgs, write};
use super::value::ValueArgs;

/// Flags of `resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// The conflict, as `conflicts` shows it; refused if it has changed since
    conflict: ConflictId,
    /// Keep the value of this version
    #[arg(long, value_name = "DOT", conflicts_with_all = ["value", "file", "stdin"])]
    take: Option<Dot>,
    /// Write this value instead (or --file, or --stdin)
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,
    #[command(flatten)]
    source: ValueArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    connection: Connection,
}

impl ResolveArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let choice = match self.take {
            Some(dot) => Choice::Take(dot),
            None if !self.source.is_given(self.value.as_deref()) => {
                let message =
                    "say what the key is to hold: --take VERSION, --value VALUE, --file FILE or --stdin";
                return Err(CliError::Usage(message.to_owned()));
            }
            None => {
                Choice::Value { kind: self.source.kind(), value: self.source.read(self.value.as_deref())? }
            }
        };
        let request = self.retry.id();
        let resolve = Request::Resolve { conflict: self.conflict, choice, request };
        self.connection.block_on(async |client| write(client, resolve, request, self.connection.output).await)
    }
}
