//! `clock-node undo`: take back a resolution, or any other write, by writing again what it superseded.
//!
//! Each of the superseded versions is written with the undone write as its only context, all in one batch. So they stand
//! beside each other as before, and the undone write is superseded by all of them. These are ordinary writes: they replicate,
//! stay in the history beside what they take back, and where somebody has written concurrently, that stays too.

use std::collections::BTreeMap;

use clap::Args;
use clock_core::record;
use clock_core::wire::{
    BATCH_WRITES_MAX, Change, HistoryEntry, Receipt, Request, RequestError, Response, WhyView, Write,
    WriteContext,
};
use clock_core::{Body, BodyKind, Dot, RequestId};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::write::{WriteArgs, receipt_for, retryable, show};
use crate::net::client::{Client, ClientError};

/// Flags of `undo`.
#[derive(Debug, Args)]
pub(super) struct UndoArgs {
    /// The writes to take back, one after the other: each a current version of its key
    #[arg(required = true)]
    writes: Vec<Dot>,
    #[command(flatten)]
    terms: WriteArgs,
    #[command(flatten)]
    connection: Connection,
}

/// Why a write cannot be taken back. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NotUndone {
    /// Something was written after it.
    #[error("{write} is no current version of {key} any more: {by} superseded it. Take that back first")]
    Superseded {
        /// The write.
        write: Dot,
        /// Its key.
        key: clock_core::Key,
        /// What superseded it, with commas.
        by: String,
    },
    /// There was nothing before it.
    #[error("{0} superseded no version: there is nothing to go back to. `delete` its key instead")]
    Nothing(Dot),
    /// One batch cannot hold what it superseded.
    #[error(
        "{write} superseded {count} versions: expected at most {BATCH_WRITES_MAX}, which one batch can write again"
    )]
    TooMany {
        /// The write.
        write: Dot,
        /// How many.
        count: usize,
    },
    /// The history here lacks one of the versions.
    #[error("{write} superseded {missing}, which is not in the history at this station: try at another")]
    Missing {
        /// The write.
        write: Dot,
        /// The version.
        missing: Dot,
    },
}

impl UndoArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let (base, may_be_retry) = self.terms.request_id();
        self.terms.exchange(&self.connection, async |client| {
            let mut worst = Exit::Ok;
            for (place, write) in self.writes.iter().enumerate() {
                let undoing = Undoing { write, base: derived(base, place << PLACE_BITS), may_be_retry };
                let undone = undoing.run(client).await.inspect_err(|_| {
                    if place > 0 {
                        let all = self.writes.len();
                        eprintln!(
                            "{place} of {all} are taken back; do all of them once with: --request-id {base}"
                        );
                    }
                });
                for receipt in undone.map_err(|error| named(error, base))? {
                    let exit = show(&receipt, client, self.connection.output)?;
                    worst = if exit == Exit::Ok { worst } else { exit };
                }
            }
            Ok(worst)
        })
    }
}

/// A retry of one of several is a retry of the whole command: what was done by then is done once.
fn named(error: CliError, base: RequestId) -> CliError {
    match error {
        CliError::Write { source, .. } => CliError::Write { request: base, source },
        other => other,
    }
}

/// One write that is taken back.
struct Undoing<'a> {
    write: &'a Dot,
    base: RequestId,
    may_be_retry: bool,
}

impl Undoing<'_> {
    async fn run(&self, client: &mut Client) -> Result<Vec<Receipt>, CliError> {
        let why = client.why(self.write).await?;
        if !why.is_current && !self.may_be_retry {
            return Err(self.superseded(&why).into());
        }
        let writes = self.writes(client, &why).await?;
        if !why.is_current && !is_known(client, &writes).await? {
            return Err(self.superseded(&why).into());
        }
        match client.request(Request::Batch { writes }).await {
            Ok(Response::BatchWritten(receipts)) => Ok(receipts),
            Ok(Response::BatchRefused { error, .. }) => Err(ClientError::from(error).into()),
            Ok(_) => Err(ClientError::Unexpected { address: client.replica().to_string() }.into()),
            Err(error) => Err(retryable(error, self.base)),
        }
    }

    fn superseded(&self, why: &WhyView) -> NotUndone {
        let by = crate::view::context_token(&why.superseded_by);
        NotUndone::Superseded { write: self.write.clone(), key: why.key.clone(), by }
    }

    /// What the write superseded, to be written again. A version with two names was one write, and becomes one.
    async fn writes(&self, client: &mut Client, why: &WhyView) -> Result<Vec<Write>, CliError> {
        let history = client.history(&why.key).await?.unwrap_or_default();
        let known: BTreeMap<&Dot, &HistoryEntry> = history.iter().map(|entry| (&entry.dot, entry)).collect();
        let mut versions: Vec<&HistoryEntry> = Vec::new();
        for dot in &why.entry.context {
            let missing = || NotUndone::Missing { write: self.write.clone(), missing: dot.clone() };
            let entry = *known.get(dot).ok_or_else(missing)?;
            let is_same =
                |other: &&HistoryEntry| other.request == entry.request && other.value == entry.value;
            if !versions.iter().any(is_same) {
                versions.push(entry);
            }
        }
        match versions.len() {
            0 => return Err(NotUndone::Nothing(self.write.clone()).into()),
            count if count > BATCH_WRITES_MAX => {
                return Err(NotUndone::TooMany { write: self.write.clone(), count }.into());
            }
            _ => {}
        }
        let again = versions.into_iter().enumerate().map(|(place, version)| Write {
            key: why.key.clone(),
            change: change(version),
            context: WriteContext::Exactly(vec![self.write.clone()]),
            request: derived(self.base, place + 1),
        });
        Ok(again.collect())
    }
}

/// The value as a client gives it: an attitude is stored as bytes, and read as text.
fn change(version: &HistoryEntry) -> Change {
    let body = Body { kind: version.kind, bytes: version.value.clone() };
    match body.kind {
        BodyKind::TOMBSTONE => Change::Delete,
        BodyKind::ATTITUDE => Change::Put { kind: body.kind, value: record::display(&body).into() },
        kind => Change::Put { kind, value: body.bytes },
    }
}

/// Whether these writes were made already, so that this is a retry.
async fn is_known(client: &mut Client, writes: &[Write]) -> Result<bool, ClientError> {
    let Some(first) = writes.first() else { return Ok(false) };
    match receipt_for(client, Request::Receipt { request: first.request }).await {
        Ok(_) => Ok(true),
        Err(ClientError::Request(RequestError::UnknownRequest(_))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A batch holds fewer writes than this many bits count.
const PLACE_BITS: u32 = 16;

/// The request id of one part: the same for the same base and place, so that a retry is applied once.
fn derived(base: RequestId, place: usize) -> RequestId {
    RequestId(base.0 ^ u128::try_from(place).unwrap_or(u128::MAX))
}
