//! Resolutions by policy: each is the ordinary write of a person who took the version that a view shows, and can be undone
//! like one.

use clock_core::record::{Undecided, View};
use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, ConflictView, Outcome, Receipt, Request, RequestError};
use clock_core::{Dot, RequestId};
use serde_json::json;

use super::conflict::find;
use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::inbox::{bodies, candidates};
use super::output::{Format, print_json, print_line};
use super::write::{WriteArgs, receipt_for, retryable};
use crate::net::client::{Client, ClientError};
use crate::view;

/// What is to be resolved, and by which view.
pub(super) struct Policy {
    pub(super) view: View,
    /// This conflict, or all that are open.
    pub(super) only: Option<ConflictId>,
    /// Say it, and do not do it.
    pub(super) is_dry_run: bool,
}

/// What became of one conflict.
enum Done {
    /// It would be ended by this version's value.
    Would(Dot),
    /// It was ended by this version's value.
    Took(Dot, Box<Receipt>),
    /// The view decides nothing.
    Left(Undecided),
    /// It is not the conflict any more that was listed.
    Changed,
}

/// How many conflicts came to which end.
#[derive(Default)]
struct Tally {
    ended: usize,
    left: usize,
    indeterminate: usize,
}

impl Policy {
    pub(super) fn run(&self, write: &WriteArgs, connection: &Connection) -> Result<Exit, CliError> {
        let (base, _) = write.request_id();
        write.exchange(connection, async |client| {
            let conflicts = match self.only {
                Some(id) => vec![find(client, id).await?],
                None => client.conflicts().await?,
            };
            let mut tally = Tally::default();
            for conflict in &conflicts {
                let done = self.resolve(client, conflict, base).await?;
                tally.count(&done);
                self.show(conflict, &done, connection.output)?;
            }
            if connection.output == Format::Table {
                let verb = if self.is_dry_run { "would be ended" } else { "ended" };
                print_line(&format!("{verb}: {}, left to people: {}", tally.ended, tally.left))?;
            }
            Ok(tally.exit())
        })
    }

    async fn resolve(
        &self,
        client: &mut Client,
        conflict: &ConflictView,
        base: RequestId,
    ) -> Result<Done, CliError> {
        let bodies = bodies(conflict);
        let candidates = candidates(conflict, &bodies);
        let chosen = self.view.choose(&candidates).map(|index| candidates.get(index));
        let dot = match chosen.map(|version| version.and_then(|version| version.dots.first())) {
            Ok(Some(dot)) => dot.clone(),
            Ok(None) => return Ok(Done::Left(Undecided::NoVersion)),
            Err(undecided) => return Ok(Done::Left(undecided)),
        };
        if self.is_dry_run {
            return Ok(Done::Would(dot));
        }
        let (choice, request) = (Choice::Take(dot.clone()), derived(base, conflict.id));
        match receipt_for(client, Request::Resolve { conflict: conflict.id, choice, request }).await {
            Ok(receipt) => Ok(Done::Took(dot, Box::new(receipt))),
            Err(ClientError::Request(RequestError::UnknownConflict(_))) => Ok(Done::Changed),
            Err(error) => Err(retryable(error, base)),
        }
    }

    fn show(&self, conflict: &ConflictView, done: &Done, output: Format) -> Result<(), CliError> {
        let (id, key, view) = (conflict.id, &conflict.key, &self.view);
        if output == Format::Json {
            let (taken, receipt, undecided) = match done {
                Done::Would(dot) => (Some(dot), None, None),
                Done::Took(dot, receipt) => (Some(dot), Some(view::receipt_json(receipt)), None),
                Done::Left(undecided) => (None, None, Some(undecided.to_string())),
                Done::Changed => (None, None, Some(CHANGED.to_owned())),
            };
            return print_json(&json!({
                "conflict": id.to_string(),
                "key": key.as_str(),
                "policy": view.to_string(),
                "dry_run": self.is_dry_run,
                "taken": taken.map(Dot::to_string),
                "undecided": undecided,
                "receipt": receipt,
            }));
        }
        match done {
            Done::Would(dot) => print_line(&format!("would take  {key}  {id}  {dot}")),
            Done::Took(dot, receipt) => {
                print_line(&format!("took        {key}  {id}  {dot}, written as {}", receipt.dot))
            }
            Done::Left(undecided) => print_line(&format!("undecided   {key}  {id}  {undecided}")),
            Done::Changed => print_line(&format!("changed     {key}  {id}  {CHANGED}")),
        }
    }
}

const CHANGED: &str = "the conflict has changed since it was listed";

impl Tally {
    fn count(&mut self, done: &Done) {
        match done {
            Done::Would(_) => self.ended += 1,
            Done::Took(_, receipt) => {
                self.ended += 1;
                self.indeterminate += usize::from(receipt.outcome == Outcome::Indeterminate);
            }
            Done::Left(_) | Done::Changed => self.left += 1,
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self { left: 1.., .. } => Exit::Conflict,
            Self { indeterminate: 1.., .. } => Exit::Indeterminate,
            _ => Exit::Ok,
        }
    }
}

/// The request id of one resolution of many: with the same base, a retry resolves the same conflict by the same request,
/// whatever has been resolved in between.
fn derived(base: RequestId, conflict: ConflictId) -> RequestId {
    let conflict = u128::from_str_radix(&conflict.to_string(), 16).unwrap_or_default();
    RequestId(base.0 ^ (conflict << 64 | conflict))
}
