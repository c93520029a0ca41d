//! `reload`: reads the topology file again and takes over what has changed in it since it was read last.
//!
//! The file is compared with the file as it was, not with the state: what commands have changed stays, unless the file
//! now says something else about it. What cannot be taken over (other stations, other addresses of links, limits) is
//! refused before anything happens. Relays are opened first, since that alone can fail; then everything else comes
//! into force together. Connections of what has not changed do not notice.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::relays::{Listen, RelayOrder, RelayWish};
use super::{Desk, file};
use crate::command::{self, Code, Command, CommandError, Samples};
use crate::directory::{Directory, NodeId};
use crate::report::Output;
use crate::rule::{Change, ChangeKind, RuleId};
use crate::topology::{Framing, Plan, Upstream};

/// Requests that may wait. Each comes from a session that waits for its answer, or from a signal.
pub(crate) const RELOADS_MAX: usize = 4;

/// What a reload has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Reloaded {
    pub(crate) rules_added: usize,
    pub(crate) rules_ended: usize,
    pub(crate) nodes_moved: usize,
    pub(crate) relays_made: usize,
    pub(crate) relays_removed: usize,
}

pub(crate) type ReloadRequest = oneshot::Sender<Result<Reloaded, CommandError>>;

/// Keeps the file as it was read last, and the rules that came from it.
pub(crate) struct Reloader {
    desk: Desk,
    loaded: Plan,
    rules: Vec<(String, RuleId)>,
}

/// A raw relay of a file.
type Raw = (SocketAddr, Option<Upstream>);

impl Reloader {
    /// Brings the rules of the file into force.
    pub(crate) async fn start(desk: Desk, loaded: Plan) -> Self {
        let mut reloader = Self { desk, loaded, rules: Vec::new() };
        let texts = reloader.loaded.rules.clone();
        if let Err(error) = reloader.renew_rules(Vec::new(), &[], &texts).await {
            tracing::error!(%error, "the rules of the file are not in force");
        }
        reloader
    }

    /// Reads the file again whenever somebody asks, until told to stop.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<ReloadRequest>, stop: CancellationToken) {
        while let Some(Some(reply)) = stop.run_until_cancelled(requests.recv()).await {
            // Whoever has gone does not need an answer; the change stands.
            let _ = reply.send(self.reload().await);
        }
    }

    async fn reload(&mut self) -> Result<Reloaded, CommandError> {
        let Some(source) = self.loaded.source.clone().filter(|source| source.config.is_some()) else {
            return Err(conflict("there is no file to read again: the proxy was started without --config"));
        };
        let plan = file::off_runtime(move || Ok(source.plan())).await;
        let plan = plan.map_err(|error| CommandError::new(Code::Io, "", 1, error.to_string()))?;
        let new = plan.map_err(|error| CommandError::new(Code::Io, "", 1, error.to_string()))?;
        refuse_what_needs_a_restart(&self.loaded, &new)?;
        let changes = self.node_changes(&new)?;
        let nodes_moved = changes.len();
        let (made, gone) =
            (only_in(&raws(&new), &raws(&self.loaded)), only_in(&raws(&self.loaded), &raws(&new)));
        self.make_relays(&new, &made).await?;
        let (ended, added) = self.rule_diff(&new);
        let checked = self.desk.rule_changes(&added).await;
        if let Err(error) = checked {
            self.remove_relays(&made).await;
            return Err(error);
        }
        self.remove_relays(&gone).await;
        let seed = (new.has_seed && (!self.loaded.has_seed || new.seed != self.loaded.seed))
            .then(|| Change { kind: ChangeKind::Seed(new.seed), text: format!("seed {}", new.seed) });
        self.loaded = new;
        self.renew_rules(seed.into_iter().chain(changes).collect(), &ended, &added).await?;
        Ok(Reloaded {
            rules_added: added.len(),
            rules_ended: ended.len(),
            nodes_moved,
            relays_made: made.len(),
            relays_removed: gone.len(),
        })
    }

    /// Where nodes that were known already are dialled now.
    fn node_changes(&self, new: &Plan) -> Result<Vec<Change>, CommandError> {
        let running = self.desk.directory();
        let mut changes = Vec::new();
        for (name, (was, is)) in both(&upstreams(&self.loaded), &upstreams(new)) {
            let Some(node) = running.node(name).filter(|_| was != is) else { continue };
            let Some(upstream) = is.clone() else {
                return Err(conflict(&format!(
                    "the address of {name} cannot be forgotten: that needs a restart"
                )));
            };
            let text = format!("node {name} {upstream}");
            changes.push(Change { kind: ChangeKind::Node { node, upstream }, text });
        }
        Ok(changes)
    }

    /// Opens all of them or none.
    async fn make_relays(&self, new: &Plan, names: &[String]) -> Result<(), CommandError> {
        let raws = raws(new);
        for (at, name) in names.iter().enumerate() {
            let Some((listen, upstream)) = raws.get(name) else { continue };
            let upstream = upstream.as_ref().map(ToString::to_string).unwrap_or_default();
            let listen = Listen::at(*listen);
            let wish =
                RelayWish { name: name.clone(), listen, upstream, is_enabled: true, toxics: Vec::new() };
            let outcome = self.desk.order(RelayOrder::Create(wish)).await;
            if let Some(error) = outcome.error {
                self.remove_relays(&names[..at]).await;
                return Err(CommandError::new(Code::Conflict, name, 1, error.to_string()));
            }
        }
        Ok(())
    }

    /// One that somebody else has removed already is no mistake.
    async fn remove_relays(&self, names: &[String]) {
        for name in names {
            self.desk.order(RelayOrder::Delete { relay: name.clone() }).await;
        }
    }

    /// The rules to end and those to make. A rule takes flows out of earlier ones of its kind, so what one of them
    /// comes to depends on the others: where one differs, all of its kind are made anew.
    fn rule_diff(&self, new: &Plan) -> (Vec<RuleId>, Vec<String>) {
        let of_kind = |verb: &str, text: &str| text.split(' ').next() == Some(verb);
        let is_same = |text: &str| {
            let verb = text.split(' ').next().unwrap_or_default();
            let old = self.rules.iter().map(|(text, _)| text).filter(|text| of_kind(verb, text));
            old.eq(new.rules.iter().filter(|text| of_kind(verb, text)))
        };
        let ended = self.rules.iter().filter(|(text, _)| !is_same(text)).map(|(_, id)| *id);
        let added = new.rules.iter().filter(|text| !is_same(text)).cloned();
        (ended.collect(), added.collect())
    }

    /// Makes all changes in one epoch, and notes which rule came from which words.
    async fn renew_rules(
        &mut self,
        mut changes: Vec<Change>,
        ended: &[RuleId],
        added: &[String],
    ) -> Result<(), CommandError> {
        let made = self.desk.rule_changes(added).await?;
        if !ended.is_empty() {
            changes.push(Change { kind: ChangeKind::Remove(ended.to_vec()), text: "reload".to_owned() });
        }
        changes.extend(made);
        let mut outputs = Vec::new();
        let done = self.desk.change(changes, &mut outputs).await;
        self.rules.retain(|(_, id)| !ended.contains(id));
        // The rules were added last, so their answers are the last ones.
        let answers = outputs.iter().skip(outputs.len().saturating_sub(added.len()));
        let ids = answers.map(|output| match output {
            Output::Changed { verdict, .. } => verdict.rule,
            _ => None,
        });
        self.rules.extend(added.iter().cloned().zip(ids).filter_map(|(text, id)| Some((text, id?))));
        done
    }
}

impl Desk {
    /// Asks for the file to be read again.
    pub(crate) async fn reload(&self) -> Result<Reloaded, CommandError> {
        let (reply, done) = oneshot::channel();
        let going_down = || CommandError::new(Code::Timeout, "", 1, "the proxy is going down");
        self.reloads.send(reply).await.map_err(|_| going_down())?;
        done.await.map_err(|_| going_down())?
    }

    /// Rules in words as changes, between the nodes that there are now.
    async fn rule_changes(&self, texts: &[String]) -> Result<Vec<Change>, CommandError> {
        let samples: Samples =
            file::samples(texts.iter().flat_map(|text| command::sample_files(text)).collect()).await;
        let mut changes = Vec::new();
        for text in texts {
            let line = self.in_world(&samples, |world| command::parse_in(text, 1, world))?;
            changes.extend(line.into_iter().flat_map(|line| line.commands).filter_map(
                |command| match command {
                    Command::Change(change) => Some(change),
                    Command::Query(_) => None,
                },
            ));
        }
        Ok(changes)
    }
}

fn conflict(message: &str) -> CommandError {
    CommandError::new(Code::Conflict, "", 1, message)
}

fn refuse_what_needs_a_restart(old: &Plan, new: &Plan) -> Result<(), CommandError> {
    let table = [
        ("stations", stations(old) == stations(new)),
        ("addresses or framing of links", links(old) == links(new)),
        (
            "listening addresses of raw relays",
            both(&raws(old), &raws(new)).all(|(_, (was, is))| was.0 == is.0),
        ),
        ("max_frame, hold_bytes or other limits", old.settings == new.settings),
        ("control", old.control == new.control),
        ("api", old.api == new.api),
    ];
    match table.iter().find(|(_, is_same)| !is_same) {
        Some((what, _)) => Err(conflict(&format!("other {what}: that needs a restart; nothing is changed"))),
        None => Ok(()),
    }
}

fn stations(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = plan.directory.stations().map(|node| plan.directory.name(node)).collect();
    names.sort_unstable();
    names
}

/// The links between stations, by their names.
fn links(plan: &Plan) -> BTreeMap<String, (SocketAddr, Framing)> {
    let name = |node: NodeId| plan.directory.name(node);
    let is_pair = |directory: &Directory, node| directory.is_station(node);
    let pairs = plan.links.iter().filter(|link| is_pair(&plan.directory, link.from));
    pairs
        .map(|link| (format!("{}->{}", name(link.from), name(link.to)), (link.listen, link.framing)))
        .collect()
}

fn raws(plan: &Plan) -> BTreeMap<String, Raw> {
    let raws = plan.links.iter().filter(|link| !plan.directory.is_station(link.from));
    raws.map(|link| {
        let upstream = plan.directory.upstream(link.to).cloned();
        (plan.directory.name(link.to).to_owned(), (link.listen, upstream))
    })
    .collect()
}

fn upstreams(plan: &Plan) -> BTreeMap<String, Option<Upstream>> {
    let facts = |node| (plan.directory.name(node).to_owned(), plan.directory.upstream(node).cloned());
    plan.directory.nodes().map(facts).collect()
}

/// The names that only the first one knows.
fn only_in(here: &BTreeMap<String, Raw>, there: &BTreeMap<String, Raw>) -> Vec<String> {
    here.keys().filter(|name| !there.contains_key(*name)).cloned().collect()
}

/// What both know, with both values.
fn both<'a, T>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, (&'a T, &'a T))> {
    old.iter().filter_map(|(name, was)| Some((name.as_str(), (was, new.get(name)?))))
}
