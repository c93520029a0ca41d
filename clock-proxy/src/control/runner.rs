//! A scenario that runs: one at a time, in the background, with its lateness in the log.
//!
//! A step that fails ends the scenario; what it made stays in force, as it would in a session, so that the state can be
//! looked at. `stop` ends it as well, and removes the rules that it made. It cannot bring back rules that it healed.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::Desk;
use crate::command::{Code, Command, CommandError};
use crate::journal::StepTimes;
use crate::report::Output;
use crate::rule::{Change, ChangeKind, RuleId};
use crate::scenario::{Plan, Step, Trigger, When};

/// How far a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Running,
    Done,
    Failed,
    Stopped,
}

/// The scenario that runs, or the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ScenarioFacts {
    pub(crate) name: String,
    pub(crate) phase: Phase,
    /// Steps taken, of all there are.
    pub(crate) step: usize,
    pub(crate) steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// What `run` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Started {
    pub(crate) steps: usize,
    pub(crate) duration: Duration,
}

struct Show {
    facts: ScenarioFacts,
    stop: CancellationToken,
}

/// Where scenarios run.
#[derive(Clone)]
pub(crate) struct Stage {
    show: Arc<watch::Sender<Option<Show>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Takes the code of a `quit`, and of a scenario that fails.
    exits: mpsc::Sender<u8>,
}

impl Stage {
    pub(crate) fn new(tasks: TaskTracker, stop: CancellationToken, exits: mpsc::Sender<u8>) -> Self {
        Self { show: Arc::new(watch::Sender::new(None)), tasks, stop, exits }
    }

    pub(crate) fn facts(&self) -> Option<ScenarioFacts> {
        self.show.borrow().as_ref().map(|show| show.facts.clone())
    }

    /// Starts a plan unless another one runs. `failure` is the exit code if it fails, if that is to end the proxy.
    pub(super) fn start(
        &self,
        desk: &Desk,
        name: String,
        plan: Plan,
        failure: Option<u8>,
    ) -> Result<Started, CommandError> {
        let started = Started { steps: plan.steps.len(), duration: plan.duration() };
        let stop = self.stop.child_token();
        let facts = ScenarioFacts { name, phase: Phase::Running, step: 0, steps: started.steps, error: None };
        let is_free = |show: &mut Option<Show>| {
            let is_free = show.as_ref().is_none_or(|show| show.facts.phase != Phase::Running);
            if is_free {
                *show = Some(Show { facts, stop: stop.clone() });
            }
            is_free
        };
        if !self.show.send_if_modified(is_free) {
            return Err(CommandError::new(Code::Conflict, "", 1, "another scenario runs; stop it first"));
        }
        self.tasks.spawn(Player { desk: desk.clone(), made: Vec::new(), stop }.play(plan, failure));
        Ok(started)
    }

    /// Ends the scenario that runs, if one does, and waits until what it made is gone.
    pub(super) async fn halt(&self) -> Option<ScenarioFacts> {
        if let Some(show) = self.show.borrow().as_ref() {
            show.stop.cancel();
        }
        self.ended().await
    }

    /// Waits for the end of the scenario that runs, and returns how it ended; nothing if there never was one.
    pub(super) async fn ended(&self) -> Option<ScenarioFacts> {
        let mut shows = self.show.subscribe();
        let is_over =
            |show: &Option<Show>| show.as_ref().is_none_or(|show| show.facts.phase != Phase::Running);
        // The sender lives as long as the stage, so this cannot fail.
        let _ = shows.wait_for(is_over).await;
        self.facts()
    }

    fn update(&self, change: impl FnOnce(&mut ScenarioFacts)) {
        self.show.send_modify(|show| {
            if let Some(show) = show {
                change(&mut show.facts);
            }
        });
    }
}

/// Why a scenario ends before its last step.
enum Ending {
    Stopped,
    Quit(u8),
    Failed(CommandError),
}

struct Player {
    desk: Desk,
    /// Rules that the scenario made.
    made: Vec<RuleId>,
    stop: CancellationToken,
}

impl Player {
    /// A type of its own, since commands start players and players carry out commands.
    fn play(mut self, plan: Plan, failure: Option<u8>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let outcome = self.take_all(plan).await;
            let stage = self.desk.stage.clone();
            let (phase, error, exit) = match outcome {
                Ok(()) => (Phase::Done, None, None),
                Err(Ending::Quit(code)) => (Phase::Done, None, Some(code)),
                Err(Ending::Failed(error)) => (Phase::Failed, Some(error.to_string()), failure),
                Err(Ending::Stopped) => {
                    self.clean_up().await;
                    (Phase::Stopped, None, None)
                }
            };
            match &error {
                None => info!(?phase, "scenario ended"),
                Some(error) => error!(error, "scenario failed"),
            }
            stage.update(|facts| (facts.phase, facts.error) = (phase, error));
            if let Some(code) = exit {
                // Full means that somebody else has asked to quit already.
                let _ = stage.exits.try_send(code);
            }
        })
    }

    async fn take_all(&mut self, plan: Plan) -> Result<(), Ending> {
        let start = Instant::now();
        if plan.sets_seed {
            let text = format!("seed {}", plan.seed);
            self.change(vec![Change { kind: ChangeKind::Seed(plan.seed), text }], 1).await?;
        }
        for step in plan.steps {
            self.take(step, start).await?;
            self.desk.stage.update(|facts| facts.step += 1);
        }
        Ok(())
    }

    async fn take(&mut self, step: Step, start: Instant) -> Result<(), Ending> {
        let Step { when, line, commands, text } = step;
        let time = match when {
            When::At(time) => time,
            When::OnFrame(trigger) => return self.arm(trigger, commands, text, line).await,
        };
        let sleep = tokio::time::sleep_until(start + time);
        self.stop.run_until_cancelled(sleep).await.ok_or(Ending::Stopped)?;
        let (planned_us, actual_us) = (micros(time), micros(start.elapsed()));
        info!(line, planned_us, actual_us, command = text, "scenario");
        self.desk.journal().mark(&text, Some(StepTimes { planned_us, actual_us })).await;
        let mut changes = Vec::new();
        for command in commands {
            match command {
                Command::Change(change) => changes.push(change),
                Command::Query(query) => {
                    self.change(std::mem::take(&mut changes), line).await?;
                    // A question changes nothing, so it can be left in the middle.
                    let answer = self.stop.run_until_cancelled(self.desk.answer(query)).await;
                    let output = answer.ok_or(Ending::Stopped)?;
                    match output.map_err(|error| Ending::Failed(error.at_line(line)))? {
                        Output::Quit(code) => return Err(Ending::Quit(code)),
                        output => info!(line, answer = output.to_json().to_string(), "scenario"),
                    }
                }
            }
        }
        self.change(changes, line).await
    }

    /// Leaves changes with the data plane, which makes them at exactly that frame. They outlive `stop`, see there.
    async fn arm(
        &mut self,
        trigger: Trigger,
        commands: Vec<Command>,
        text: String,
        line: u64,
    ) -> Result<(), Ending> {
        let changes = commands.into_iter().filter_map(|command| match command {
            Command::Change(change) => Some(change),
            Command::Query(_) => None,
        });
        let Trigger { flow, connection, frame, words } = trigger;
        let kind = ChangeKind::OnFrame { flow, connection, frame, changes: changes.collect() };
        info!(line, flow = words, frame, command = text, "scenario");
        self.change(vec![Change { kind, text }], line).await
    }

    /// Never left in the middle, so that the rules it makes are known.
    async fn change(&mut self, changes: Vec<Change>, line: u64) -> Result<(), Ending> {
        let mut outputs = Vec::new();
        let done = self.desk.change(changes, &mut outputs).await;
        self.made.extend(outputs.iter().filter_map(|output| match output {
            Output::Changed { verdict, .. } => verdict.rule,
            _ => None,
        }));
        done.map_err(|error| Ending::Failed(error.at_line(line)))
    }

    async fn clean_up(&mut self) {
        let text = "stop".to_owned();
        let remove = Change { kind: ChangeKind::Remove(std::mem::take(&mut self.made)), text };
        if let Err(error) = self.desk.change(vec![remove], &mut Vec::new()).await {
            error!(%error, "the rules of the scenario were not removed");
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
