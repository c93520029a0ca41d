//! `clock-node delete`: delete a key, which is a write like any other.

use clap::Args;
use clock_core::Key;
use clock_core::wire::Request;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::write::{ContextArgs, WriteArgs};

/// Flags of `delete`.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The key
    key: Key,
    #[command(flatten)]
    context: ContextArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    connection: Connection,
}

impl DeleteArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let (key, context) = (self.key, self.context.context());
        self.write.send(&self.connection, |request| Request::Delete { key, context, request })
    }
}
