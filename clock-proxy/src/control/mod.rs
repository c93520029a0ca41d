//! From a line to its answer.
//!
//! A [`Session`] belongs to whoever writes lines: standard input, a control connection, a test. It parses the
//! whole line, then carries the commands out in order. Neighbouring changes go to the director together and
//! come into force as one epoch. Nothing here waits for a socket of the data plane, except `wait`, whose
//! purpose that is, and it holds up its own session only.

mod console;
mod director;
mod editor;
mod expiry;
pub(crate) mod file;
mod fleet;
mod lines;
mod port;
pub(crate) mod relays;
mod reload;
mod runner;
mod story;
mod wait;

pub(crate) use console::{Console, print_line};
pub(crate) use director::{Director, ORDERS_MAX, Order};
pub(crate) use fleet::{Bound, LinkFace};
pub(crate) use port::Port;
pub(crate) use reload::{RELOADS_MAX, ReloadRequest, Reloaded, Reloader};
pub(crate) use runner::{ScenarioFacts, Stage, Started};
pub(crate) use story::Saved;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::info;

use crate::command::{self, Code, Command, CommandError, LINE_BYTES_MAX, Query};
use crate::directory::Directory;
use crate::journal::Journal;
use crate::link::Shared;
use crate::report::{Output, Reply, Snapshot};
use crate::rule::{Change, Config};
use director::Applied;
use lines::Line;
use relays::{RelayError, RelayOrder, RelayOutcome, Relays};
pub(crate) use wait::Waited;

/// Everything a session needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    shared: Shared,
    links: watch::Receiver<Arc<[LinkFace]>>,
    relays: watch::Receiver<Arc<Relays>>,
    orders: mpsc::Sender<Order>,
    /// Random shapes drawn so far, by all sessions.
    draws: Arc<AtomicU64>,
    stage: Stage,
    reloads: mpsc::Sender<ReloadRequest>,
}

impl Desk {
    pub(crate) fn new(
        shared: Shared,
        links: watch::Receiver<Arc<[LinkFace]>>,
        relays: watch::Receiver<Arc<Relays>>,
        orders: mpsc::Sender<Order>,
        stage: Stage,
        reloads: mpsc::Sender<ReloadRequest>,
    ) -> Self {
        Self { shared, links, relays, orders, draws: Arc::default(), stage, reloads }
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.shared.directory()
    }

    pub(crate) fn links(&self) -> Arc<[LinkFace]> {
        Arc::clone(&self.links.borrow())
    }

    /// The scenario that runs, or the last one.
    pub(crate) fn scenario(&self) -> Option<ScenarioFacts> {
        self.stage.facts()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    pub(crate) fn relays(&self) -> Arc<Relays> {
        Arc::clone(&self.relays.borrow())
    }

    /// The rules in force. To be let go at once: a change is in force only when nobody holds the old rules.
    pub(crate) fn config(&self) -> watch::Ref<'_, Arc<Config>> {
        self.shared.configs.borrow()
    }

    /// Carries one line out; `None` for a blank one.
    pub(crate) async fn execute(&self, line: &str, number: u64) -> Option<Reply> {
        let tag = command::tag(line);
        let commands = match self.parse(line, number).await {
            Ok(None) => return None,
            Ok(Some(line)) => line.commands,
            Err(error) => return Some(Reply { tag, outcome: Err(error) }),
        };
        let outcome = self.carry_out(commands).await.map_err(|error| error.at_line(number));
        Some(Reply { tag, outcome })
    }

    async fn parse(&self, line: &str, number: u64) -> Result<Option<command::Line>, CommandError> {
        let samples = file::samples(command::sample_files(line)).await;
        self.in_world(&samples, |world| command::parse_in(line, number, world))
    }

    async fn carry_out(&self, commands: Vec<Command>) -> Result<Vec<Output>, CommandError> {
        let mut outputs = Vec::new();
        let mut changes = Vec::new();
        for command in commands {
            match command {
                Command::Change(change) => changes.push(change),
                Command::Query(query) => {
                    self.change(std::mem::take(&mut changes), &mut outputs).await?;
                    outputs.push(self.answer(query).await?);
                }
            }
        }
        self.change(changes, &mut outputs).await?;
        Ok(outputs)
    }

    async fn answer(&self, query: Query) -> Result<Output, CommandError> {
        Ok(match query {
            Query::Show(section) => Output::Shown(Box::new(Snapshot::take(self, section).await)),
            Query::Wait(wait) => Output::Waited(wait::until(self, &wait).await?),
            Query::Expect(expect) => Output::Expected(self.expect(&expect)?),
            Query::Pause(time) => {
                tokio::time::sleep(time).await;
                Output::Paused
            }
            Query::WaitScenario(timeout) => Output::Scenario(self.wait_for_scenario(timeout).await?),
            Query::Save(path) => Output::Saved(self.save(&path).await?),
            Query::Reload => Output::Reloaded(self.reload().await?),
            Query::ResetAll => self.reset_all().await?,
            Query::Run(path) => Output::Started(self.run(&path).await?),
            Query::Plan(source) => Output::Plan(self.plan(&source).await?),
            Query::Nemesis(nemesis) => Output::Started(self.start_nemesis(&nemesis)?),
            Query::Stop => Output::Scenario(self.stage.halt().await),
            Query::Mark(text) => {
                info!(epoch = self.config().epoch, text, "mark");
                self.shared.journal.mark(&text, None).await;
                Output::Marked(text)
            }
            Query::Echo(text) => Output::Echo(text),
            Query::Explain(inquiry) => {
                Output::Explained(self.shared.journal.explain(inquiry).await.unwrap_or_default())
            }
            Query::Ping => Output::Ping,
            Query::Version => Output::Version,
            Query::Help(topics) => Output::Help(topics),
            Query::Quit(code) => Output::Quit(code),
        })
    }

    async fn change(&self, changes: Vec<Change>, outputs: &mut Vec<Output>) -> Result<(), CommandError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (reply, applied) = oneshot::channel();
        let going_down = || CommandError::new(Code::Timeout, "", 1, "the proxy is going down");
        self.orders.send(Order::Change { changes, reply }).await.map_err(|_| going_down())?;
        let Applied { epoch, verdicts, took, is_in_force } = applied.await.map_err(|_| going_down())?;
        if !is_in_force {
            let message = "the change is made, but a connection has not confirmed it in time";
            return Err(CommandError::new(Code::Timeout, "", 1, message));
        }
        outputs.extend(verdicts.into_iter().map(|verdict| Output::Changed { epoch, verdict, took }));
        Ok(())
    }

    /// Makes, changes or removes relays or toxics, and answers when that is in force.
    pub(crate) async fn order(&self, order: RelayOrder) -> RelayOutcome {
        let (reply, done) = oneshot::channel();
        let going_down = || RelayOutcome { error: Some(RelayError::GoingDown), ..RelayOutcome::default() };
        match self.orders.send(Order::Relays { order, reply }).await {
            Ok(()) => done.await.unwrap_or_else(|_| going_down()),
            Err(_) => going_down(),
        }
    }
}

/// Somebody who writes lines.
pub(crate) struct Session {
    desk: Desk,
    number: u64,
}

impl Session {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk, number: 0 }
    }

    /// Answers the next line; blank lines count, but are not answered.
    pub(crate) async fn handle(&mut self, line: Line) -> Option<Reply> {
        self.number += 1;
        match line {
            Line::Text(text) => self.desk.execute(&text, self.number).await,
            Line::TooLong => {
                let message = format!("a line has at most {LINE_BYTES_MAX} bytes");
                let error = CommandError::new(Code::BadRange, "", LINE_BYTES_MAX + 1, message);
                Some(Reply { tag: None, outcome: Err(error.at_line(self.number)) })
            }
        }
    }
}

#[cfg(test)]
mod tests;
