//! `clock-node get`: the current versions of a key.

use std::collections::BTreeMap;

use clap::Args;
use clock_core::record::View;
use clock_core::replica::lineage::common_ancestors;
use clock_core::wire::{Copies, EntryView, HistoryEntry, Presence};
use clock_core::{Dot, Key};

use super::connection::Connection;
use super::exit::{CliError, Exit};
use super::output::{Format, print_json, print_line, print_table};
use super::session::SessionArgs;
use crate::net::client::{Client, ClientError};
use crate::view::Token;
use crate::view::{self, Shown};

/// Flags of `get`.
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// The key
    key: Key,
    /// Also say which version a view shows: latest-epoch, or source-priority=STATION,... A view changes nothing, and a
    /// conflict stays one (exit 5)
    #[arg(long, value_name = "VIEW")]
    view: Option<View>,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    connection: Connection,
}

impl GetArgs {
    pub(super) fn run(self) -> Result<Exit, CliError> {
        self.connection.in_session(&self.session, Copies::Count(1), async |client| {
            let Some(entry) = client.get(&self.key).await? else {
                eprintln!("clock-node: no key {} at {}", self.key, client.replica());
                return Ok(Exit::NotFound);
            };
            let shown = self.view.as_ref().map(|view| Shown::of(view, &entry));
            let ancestors = match entry.conflict {
                Some(_) => ancestors(client, &entry).await?,
                None => Vec::new(),
            };
            match self.connection.output {
                Format::Json => {
                    let answer = view::get_json(&entry, &ancestors, shown.as_ref());
                    print_json(&view::with_token(answer, client.session()))?;
                }
                Format::Table => show(&entry, &ancestors, shown.as_ref(), client)?,
            }
            Ok(exit_of(entry.conflict.is_some(), entry.presence))
        })
    }
}

/// A conflict is told before anything else: also one between deletions.
pub(super) fn exit_of(is_conflict: bool, presence: Presence) -> Exit {
    match (is_conflict, presence) {
        (true, _) => Exit::Conflict,
        (false, Presence::Deleted) => Exit::Deleted,
        (false, Presence::Live) => Exit::Ok,
    }
}

/// The latest writes that all current versions were built on.
pub(super) async fn ancestors(
    client: &mut Client,
    entry: &EntryView,
) -> Result<Vec<HistoryEntry>, ClientError> {
    let history = client.history(&entry.key).await?.unwrap_or_default();
    let contexts: BTreeMap<Dot, Vec<Dot>> =
        history.iter().map(|write| (write.dot.clone(), write.context.clone())).collect();
    let siblings: Vec<Vec<Dot>> = entry.versions.iter().map(|version| version.dots.clone()).collect();
    let common = common_ancestors(&contexts, &siblings);
    Ok(history.into_iter().filter(|write| common.contains(&write.dot)).collect())
}

fn show(
    entry: &EntryView,
    ancestors: &[HistoryEntry],
    shown: Option<&Shown>,
    client: &Client,
) -> Result<(), CliError> {
    let rows = entry.versions.iter().map(|version| {
        let value = view::value_cell(version.kind, &version.value);
        let (dots, authors) = (view::dots_cell(&version.dots), view::authors_cell(&version.dots));
        [value, authors, dots, version.lamport.to_string(), view::utc(version.wall_ms)]
    });
    print_table(["value", "author", "version", "lamport", "about when"], rows)?;
    let dots: Vec<Dot> = entry.versions.iter().flat_map(|version| version.dots.clone()).collect();
    print_line(&format!("context     {}", view::context_token(&dots)))?;
    if let Some(token) = client.session() {
        print_line(&format!("token       {}", Token(token.clone())))?;
    }
    for write in ancestors {
        let value = view::value_cell(write.kind, &write.value);
        print_line(&format!("both knew   {}  {value}", write.dot))?;
    }
    if let Some(shown) = shown {
        print_line(&format!("view        {shown}"))?;
    }
    let Some(conflict) = entry.conflict else { return Ok(()) };
    let count = entry.versions.len();
    print_line(&format!(
        "\n{count} concurrent versions: conflict {conflict}. None was chosen for you. End it with"
    ))?;
    print_line(&format!("  clock-node resolve {conflict} --take VERSION     (or --value VALUE)"))
}
