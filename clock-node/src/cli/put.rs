//! `clock-node put`: write a value.

use clap::Args;
use clock_core::Key;
use clock_core::wire::Request;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::value::ValueArgs;
use super::write::{ContextArgs, WriteArgs};

/// Flags of `put`.
#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// The key
    key: Key,
    /// The value (or --file, or --stdin)
    value: Option<String>,
    #[command(flatten)]
    source: ValueArgs,
    #[command(flatten)]
    context: ContextArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    connection: Connection,
}

impl PutArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let value = self.source.read(self.value.as_deref())?;
        let (key, kind, context) = (self.key, self.source.kind(), self.context.context());
        self.write.send(&self.connection, |request| Request::Put { key, kind, value, context, request })
    }
}
