//! The commands about scenarios and files: `run`, `plan`, `nemesis`, `stop`, `wait scenario`, `save`, `expect`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::relays::RelayOrder;
use super::runner::{Phase, ScenarioFacts, Started};
use super::{Desk, file};
use crate::command::{
    self, Code, Command, CommandError, Expect, Nemesis, PlanSource, Samples, World, rule_words, sample_files,
};
use crate::report::{Output, stat_number};
use crate::rule::{Change, ChangeKind, Rule, RuleBook, Which};
use crate::scenario::{Plan, ScenarioError, plan_nemesis, read_file};

/// What `save` has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Saved {
    pub(crate) rules: usize,
    /// Rules that no command can make again: toxics with what the grammar refuses, or beside others of their kind.
    pub(crate) left_out: usize,
}

impl Desk {
    /// Asks a question in the world as it is now.
    pub(super) fn in_world<T>(&self, samples: &Samples, ask: impl FnOnce(&World<'_>) -> T) -> T {
        let directory = self.directory();
        let (seed, rules) = {
            let config = self.config();
            (config.seed, config.rules.iter().map(|rule| rule.id).collect::<Vec<_>>())
        };
        ask(&World {
            directory: &directory,
            samples,
            seed,
            has_rule: &|id| rules.contains(&id),
            next_draw: &|| self.draws.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Reads and checks a scenario file.
    pub(crate) async fn read_scenario(&self, path: &str) -> Result<Plan, ScenarioError> {
        let (directory, seed) = (self.directory(), self.config().seed);
        read_file(path, &directory, seed).await
    }

    /// Starts a plan; `failure` is the exit code if it fails, if that is to end the proxy.
    pub(crate) fn start(
        &self,
        name: String,
        plan: Plan,
        failure: Option<u8>,
    ) -> Result<Started, CommandError> {
        self.stage.start(self, name, plan, failure)
    }

    pub(super) async fn run(&self, path: &str) -> Result<Started, CommandError> {
        let plan = self.read_scenario(path).await.map_err(|error| in_reply(&error))?;
        self.start(path.to_owned(), plan, None)
    }

    pub(super) fn start_nemesis(&self, nemesis: &Nemesis) -> Result<Started, CommandError> {
        let plan = self.in_world(&Samples::new(), |world| plan_nemesis(nemesis, world))?;
        self.stage.start(self, "nemesis".to_owned(), plan, None)
    }

    pub(super) async fn plan(&self, source: &PlanSource) -> Result<Vec<String>, CommandError> {
        let plan = match source {
            PlanSource::File(path) => self.read_scenario(path).await.map_err(|error| in_reply(&error))?,
            PlanSource::Nemesis(nemesis) => {
                self.in_world(&Samples::new(), |world| plan_nemesis(nemesis, world))?
            }
        };
        Ok(plan.lines())
    }

    pub(super) async fn wait_for_scenario(
        &self,
        timeout: Duration,
    ) -> Result<Option<ScenarioFacts>, CommandError> {
        let Ok(facts) = tokio::time::timeout(timeout, self.stage.ended()).await else {
            let message = format!("the scenario still runs after {timeout:.1?}");
            return Err(CommandError::new(Code::Timeout, "", 1, message));
        };
        match facts {
            Some(ScenarioFacts { phase: Phase::Failed, name, error, .. }) => {
                let message = format!("{name} failed: {}", error.unwrap_or_default());
                Err(CommandError::new(Code::ExpectFailed, "", 1, message))
            }
            facts => Ok(facts),
        }
    }

    /// Ends every fault, then every toxic, and enables every relay.
    pub(super) async fn reset_all(&self) -> Result<Output, CommandError> {
        let kind = ChangeKind::Lift { which: Which::All, flows: None };
        let mut outputs = Vec::new();
        self.change(vec![Change { kind, text: "reset-all".to_owned() }], &mut outputs).await?;
        if let Some(error) = self.order(RelayOrder::Reset).await.error {
            return Err(CommandError::new(Code::Io, "", 1, error.to_string()));
        }
        Ok(outputs.pop().unwrap_or(Output::Paused))
    }

    /// Writes the rules in force as a scenario. Those that no command can make again are comments in it.
    pub(super) async fn save(&self, path: &str) -> Result<Saved, CommandError> {
        let config = Arc::clone(&self.config());
        let (epoch, seed, directory) = (config.epoch, config.seed, Arc::clone(&config.directory));
        let rules: Vec<Arc<Rule>> = config.rules.clone();
        // To be let go at once: a change is in force only when nobody holds the old rules.
        drop(config);
        let samples = file::samples(rules.iter().flat_map(|rule| sample_files(&rule.text)).collect()).await;
        let mut copy = RuleBook::new(seed, Arc::clone(&directory));
        let mut saved = Saved { rules: 0, left_out: 0 };
        let mut text = format!("# The rules of epoch {epoch}.\nseed {seed}\n");
        for rule in &rules {
            let words = rule_words(rule, &directory);
            if is_made_again(rule, &words, &mut copy, &samples) {
                saved.rules += 1;
                text.push_str(&format!("at 0s {words}\n"));
            } else {
                saved.left_out += 1;
                text.push_str(&format!("# no command makes this again: {}\n", rule.text.replace('\n', " ")));
            }
        }
        let written = file::write(PathBuf::from(path), text).await;
        written.map_err(|error| CommandError::new(Code::Io, path, 1, error.to_string()))?;
        Ok(saved)
    }

    /// The number that was expected, if it is so.
    pub(super) fn expect(&self, expect: &Expect) -> Result<u64, CommandError> {
        let config = self.config();
        let number = expect.flows.iter().map(|flow| stat_number(&config, *flow, expect.number)).sum::<u64>();
        if expect.comparison.holds(number, expect.value) {
            return Ok(number);
        }
        let message = format!("not so: the number is {number}");
        Err(CommandError::new(Code::ExpectFailed, &expect.text, expect.column, message))
    }
}

/// Whether these words make the rule again, beside those that are in the copy already.
fn is_made_again(rule: &Rule, words: &str, copy: &mut RuleBook, samples: &Samples) -> bool {
    let directory = Arc::clone(&copy.directory);
    let world = World { samples, ..World::of(&directory) };
    let Ok(Some(line)) = command::parse_in(words, 1, &world) else { return false };
    let [Command::Change(change)] = &line.commands[..] else { return false };
    let before = copy.clone();
    copy.apply(change, 0);
    let is_kept =
        |known: &Arc<Rule>| copy.rules.iter().any(|rule| rule.id == known.id && rule.flows == known.flows);
    let is_same = |made: &Arc<Rule>| {
        (&made.fault, &made.guard) == (&rule.fault, &rule.guard)
            && made.flows == rule.flows
            && before.rules.iter().all(is_kept)
    };
    let is_made = copy.rules.len() == before.rules.len() + 1 && copy.rules.last().is_some_and(is_same);
    if !is_made {
        *copy = before;
    }
    is_made
}

/// The error of a file in the answer to a line, which has a place of its own.
fn in_reply(error: &ScenarioError) -> CommandError {
    CommandError::new(error.error.code, "", 1, error.to_string())
}
