//! `clock-node receipt`: what is known by now of a write.

use clap::Args;
use clock_core::RequestId;
use clock_core::wire::Request;

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::session::SessionArgs;
use super::write::{CopiesArgs, receipt_for, show};

/// Flags of `receipt`.
#[derive(Debug, Args)]
pub(super) struct ReceiptArgs {
    /// The id of the write's request
    request: RequestId,
    #[command(flatten)]
    copies: CopiesArgs,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    connection: Connection,
}

impl ReceiptArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let request = self.request;
        self.connection.in_session(&self.session, self.copies.w, async |client| {
            let receipt = receipt_for(client, Request::Receipt { request }).await?;
            show(&receipt, client, self.connection.output)
        })
    }
}
