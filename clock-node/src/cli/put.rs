//! `clock-node put`: write a value.

use clap::Args;
use clock_core::wire::{Receipt, Request, Response, WriteContext};
use clock_core::{Dot, Key, RequestId};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use super::value::ValueArgs;
use crate::net::client::{Client, ClientError};
use crate::view;

/// Flags of `put`.
#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// The key
    key: Key,
    /// The value (or --file, or --stdin)
    value: Option<String>,
    #[command(flatten)]
    source: ValueArgs,
    /// Supersede exactly these versions [default: what the station shows now]
    #[arg(long, value_name = "DOT,...", value_delimiter = ',', conflicts_with = "blind")]
    context: Option<Vec<Dot>>,
    /// Supersede nothing: stand beside whatever there is
    #[arg(long)]
    blind: bool,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    connection: Connection,
}

/// The id that makes a retry safe.
#[derive(Debug, Args)]
pub(super) struct RetryArgs {
    /// Id of this write, 32 hex digits: repeat it to retry, and the write is applied once [default: random]
    #[arg(long, value_name = "HEX")]
    request_id: Option<RequestId>,
}

impl RetryArgs {
    pub(super) fn id(&self) -> RequestId {
        self.request_id.unwrap_or_else(|| RequestId(fastrand::u128(..)))
    }
}

impl PutArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let value = self.source.read(self.value.as_deref())?;
        let context = match (self.context, self.blind) {
            (Some(dots), _) => WriteContext::Exactly(dots),
            (None, true) => WriteContext::Blind,
            (None, false) => WriteContext::StationView,
        };
        let request = self.retry.id();
        let put = Request::Put { key: self.key, kind: self.source.kind(), value, context, request };
        self.connection.block_on(async |client| write(client, put, request, self.connection.output).await)
    }
}

/// Sends a write and shows its receipt.
pub(super) async fn write(
    mut client: Client,
    write: Request,
    request: RequestId,
    output: Format,
) -> Result<Exit, CliError> {
    let retryable = |source: ClientError| match source {
        ClientError::Timeout { .. } | ClientError::Broken { .. } => CliError::Write { request, source },
        other => other.into(),
    };
    match client.request(write).await.map_err(retryable)? {
        Response::Written(receipt) => show(&receipt, output).map_err(|error| match error {
            CliError::Io { what, source } => {
                CliError::Io { what: format!("written as {}, but {what}", receipt.dot), source }
            }
            other => other,
        }),
        _ => Err(ClientError::Unexpected { address: client.replica().to_string() }.into()),
    }
}

fn show(receipt: &Receipt, output: Format) -> Result<Exit, CliError> {
    match output {
        Format::Json => print_json(&view::receipt_json(receipt))?,
        Format::Table => {
            print_line(&format!("written     {}  {}", receipt.key, receipt.dot))?;
            print_line(&format!("clocks      lamport {}  vector {:#}", receipt.lamport, receipt.vector))?;
            print_line(&format!(
                "about when  {} (the station's clock; it decides nothing)",
                view::utc(receipt.wall_ms)
            ))?;
            let durable: Vec<&str> = receipt.durable_on.iter().map(|station| station.as_str()).collect();
            print_line(&format!("durable on  {} (the others follow)", durable.join(", ")))?;
            print_line(&format!("supersedes  {}", listed(&receipt.context)))?;
        }
    }
    if !receipt.concurrent_with.is_empty() {
        eprintln!("note: concurrent with {}; see `clock-node conflicts`", listed(&receipt.concurrent_with));
    }
    Ok(Exit::Ok)
}

fn listed(dots: &[Dot]) -> String {
    match dots {
        [] => "nothing".to_owned(),
        dots => dots.iter().map(Dot::to_string).collect::<Vec<_>>().join(", "),
    }
}
