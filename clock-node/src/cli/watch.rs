//! `clock-node watch`: follow a station.

use clap::Args;
use clock_core::wire::{Notice, Request, Response, Terms};
use clock_core::{Dot, VersionVector};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line};
use super::session::TokenArgs;
use crate::net::client::{Client, ClientError};
use crate::view;
use crate::view::Token;

/// Flags of `watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Stop after this many notices
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    token: TokenArgs,
    #[command(flatten)]
    connection: Connection,
}

impl WatchArgs {
    /// What the watcher was told so far is kept after every notice, so that whoever is killed resumes with the next one.
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let seen = self.token.read()?;
        self.connection.block_on(async |client| {
            let mut told = begin(client, seen).await?;
            self.token.keep(&told)?;
            eprintln!("watching {}", client.replica());
            let mut left = self.count;
            while left != Some(0) {
                let notice = client.notice().await?;
                let is_write = tell(&mut told, &notice);
                match self.connection.output {
                    Format::Json if is_write => {
                        print_json(&view::with_token(view::notice_json(&notice), Some(&told)))?;
                    }
                    Format::Json => print_json(&view::notice_json(&notice))?,
                    Format::Table => print_line(&line(&notice))?,
                }
                if is_write {
                    self.token.keep(&told)?;
                }
                left = left.map(|left| left - 1);
            }
            eprintln!("resume with --after {}", Token(told));
            Ok(Exit::Ok)
        })
    }
}

/// Begins to watch, after what was told before or else with what becomes visible from now on; returns all that has been
/// told by then, or needs no telling.
async fn begin(client: &mut Client, seen: Option<VersionVector>) -> Result<VersionVector, ClientError> {
    let terms = Terms { session: Some(VersionVector::new()), ..Terms::default() };
    let (response, token) = client.request_on(terms, Request::Watch { after: seen.clone() }).await?;
    match (response, seen, token) {
        (Response::Watching, Some(seen), _) => Ok(seen),
        (Response::Watching, None, Some(now)) => Ok(now),
        _ => Err(ClientError::Unexpected { address: client.replica().to_string() }),
    }
}

/// Adds what a notice tells of. Stations show the events of each replica in its order, so the last one stands for all.
fn tell(told: &mut VersionVector, notice: &Notice) -> bool {
    let mut add = |dot: &Dot| told.merge(&[(dot.replica.clone(), dot.seq)].into_iter().collect());
    match notice {
        Notice::Applied(applied) => applied.version.dots.iter().for_each(add),
        Notice::Replayed { entry, .. } => add(&entry.dot),
        _ => return false,
    }
    true
}

fn line(notice: &Notice) -> String {
    match notice {
        Notice::Applied(applied) => {
            let via = applied
                .via
                .as_ref()
                .map_or_else(|| "written here".to_owned(), |station| format!("via {station}"));
            let version = &applied.version;
            let value = view::value_cell(version.kind, &version.value);
            let dot = view::dots_cell(&version.dots);
            format!("applied   {}  {dot}  {via}  lamport {}  {value}", applied.key, version.lamport)
        }
        Notice::ConflictOpened(conflict) => {
            let dots = conflict.siblings.iter().flat_map(|sibling| &sibling.dots);
            let dots: Vec<String> = dots.map(ToString::to_string).collect();
            format!("CONFLICT  {}  {}  {}", conflict.key, conflict.id, dots.join(" | "))
        }
        Notice::ConflictClosed { id, key, by } => format!("ended     {key}  {id}  by {by}"),
        Notice::Replayed { key, entry } => {
            format!("replayed  {key}  {}  {}", entry.dot, view::value_cell(entry.kind, &entry.value))
        }
        Notice::Lagged { missed } => {
            format!("LAGGED    by {missed} notices: the writes follow; list the conflicts once")
        }
        Notice::Committed { dot, durable_on, .. } => {
            let stations: Vec<&str> = durable_on.iter().map(|station| station.as_str()).collect();
            format!("committed {dot}  on {}", stations.join(", "))
        }
    }
}
