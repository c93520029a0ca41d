//! What all verbs that write share: terms, the id that makes a retry safe, the receipt.

use clap::Args;
use clock_core::wire::{Copies, Outcome, Receipt, Request, Response, WriteContext};
use clock_core::{Dot, RequestId};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use super::session::SessionArgs;
use crate::net::client::{Client, ClientError};
use crate::view;
use crate::view::Token;

/// The flags of every write.
#[derive(Debug, Args)]
pub(super) struct WriteArgs {
    #[command(flatten)]
    copies: CopiesArgs,
    /// Id of this write, 32 hex digits: repeat it to retry, and the write is applied once [default: random]
    #[arg(long, value_name = "HEX")]
    request_id: Option<RequestId>,
    #[command(flatten)]
    session: SessionArgs,
}

/// How many copies are asked for.
#[derive(Debug, Args)]
pub(super) struct CopiesArgs {
    /// How many stations must have the write durably for it to be committed: 1 to all, or majority. Exit 7 if they have
    /// not said so by the deadline
    #[arg(long, value_name = "N|majority", default_value = "1")]
    pub(super) w: Copies,
}

/// Which versions a write supersedes.
#[derive(Debug, Args)]
pub(super) struct ContextArgs {
    /// Supersede exactly these versions [default: what the station shows now]
    #[arg(long, value_name = "DOT,...", value_delimiter = ',', conflicts_with = "blind")]
    context: Option<Vec<Dot>>,
    /// Supersede nothing: stand beside whatever there is
    #[arg(long)]
    blind: bool,
}

impl ContextArgs {
    pub(super) fn context(self) -> WriteContext {
        match (self.context, self.blind) {
            (Some(dots), _) => WriteContext::Exactly(dots),
            (None, true) => WriteContext::Blind,
            (None, false) => WriteContext::StationView,
        }
    }
}

impl WriteArgs {
    /// The id of the write, and whether it was given: then it may be a retry.
    pub(super) fn request_id(&self) -> (RequestId, bool) {
        let drawn = || RequestId(fastrand::u128(..));
        (self.request_id.unwrap_or_else(drawn), self.request_id.is_some())
    }

    /// Runs an exchange on the terms of these flags.
    pub(super) fn exchange(
        &self,
        connection: &Connection,
        exchange: impl AsyncFnOnce(&mut Client) -> Result<Exit, CliError>,
    ) -> Result<Exit, CliError> {
        connection.in_session(&self.session, self.copies.w, exchange)
    }

    /// Sends one write and shows its receipt.
    pub(super) fn send(
        &self,
        connection: &Connection,
        write: impl FnOnce(RequestId) -> Request,
    ) -> Result<Exit, CliError> {
        let (request, _) = self.request_id();
        self.exchange(connection, async |client| {
            let receipt = receipt_for(client, write(request)).await;
            let receipt = receipt.map_err(|error| retryable(error, request))?;
            show(&receipt, client, connection.output)
        })
    }
}

/// Asks what is answered by a receipt.
pub(super) async fn receipt_for(client: &mut Client, request: Request) -> Result<Receipt, ClientError> {
    match client.request(request).await? {
        Response::Written(receipt) => Ok(receipt),
        _ => Err(ClientError::Unexpected { address: client.replica().to_string() }),
    }
}

/// An error after which nobody knows whether the write was applied names the id to repeat.
pub(super) fn retryable(error: ClientError, request: RequestId) -> CliError {
    match error {
        ClientError::Timeout { .. } | ClientError::Broken { .. } => {
            CliError::Write { request, source: error }
        }
        other => other.into(),
    }
}

/// Prints a receipt. Whoever cannot be told of it is told that the write was made.
pub(super) fn show(receipt: &Receipt, client: &Client, output: Format) -> Result<Exit, CliError> {
    let shown = match output {
        Format::Json => print_json(&view::with_token(view::receipt_json(receipt), client.session())),
        Format::Table => show_table(receipt, client),
    };
    shown.map_err(|error| match error {
        CliError::Io { what, source } => {
            CliError::Io { what: format!("written as {}, but {what}", receipt.dot), source }
        }
        other => other,
    })?;
    if !receipt.concurrent_with.is_empty() {
        eprintln!("note: concurrent with {}; see `clock-node conflicts`", listed(&receipt.concurrent_with));
    }
    Ok(exit_of(receipt.outcome))
}

/// The exit code of a write with this outcome.
pub(super) fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Local | Outcome::Committed => Exit::Ok,
        Outcome::Indeterminate => Exit::Indeterminate,
    }
}

fn show_table(receipt: &Receipt, client: &Client) -> Result<(), CliError> {
    print_line(&format!("written     {}  {}", receipt.key, receipt.dot))?;
    print_line(&format!("outcome     {}", outcome_text(receipt)))?;
    print_line(&format!("clocks      lamport {}  vector {:#}", receipt.lamport, receipt.vector))?;
    let when = view::utc(receipt.wall_ms);
    print_line(&format!("about when  {when} (the station's clock; it decides nothing)"))?;
    let durable: Vec<&str> = receipt.durable_on.iter().map(|station| station.as_str()).collect();
    let follow = if durable.len() < usize::from(receipt.n) { " (the others follow)" } else { "" };
    print_line(&format!("durable on  {}{follow}", durable.join(", ")))?;
    print_line(&format!("supersedes  {}", listed(&receipt.context)))?;
    print_line(&format!("request id  {}", receipt.request))?;
    client.session().map_or(Ok(()), |token| print_line(&format!("token       {}", Token(token.clone()))))
}

fn outcome_text(receipt: &Receipt) -> String {
    let Receipt { outcome, w, n, durable_on, request, .. } = receipt;
    let has = durable_on.len();
    let what = match outcome {
        Outcome::Local => "durable here".to_owned(),
        Outcome::Committed => format!("durable on {has} of {n} stations, {w} were asked for"),
        Outcome::Indeterminate => format!(
            "durable here; {has} of {n} stations are known to have it, {w} were asked for. It travels by itself, see \
             `clock-node receipt {request} --w {w}`"
        ),
    };
    format!("{}: {what}", outcome.as_str())
}

fn listed(dots: &[Dot]) -> String {
    match dots {
        [] => "nothing".to_owned(),
        dots => view::context_token(dots),
    }
}
