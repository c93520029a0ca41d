//! The commands about scenarios and files: `run`, `plan`, `nemesis`, `stop`, `wait scenario`, `save`, `expect`.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::relays::RelayOrder;
use super::runner::{Phase, ScenarioFacts, Started};
use super::{Desk, file};
use crate::command::{Code, CommandError, Expect, Nemesis, PlanSource, Samples, World, rule_words};
use crate::report::{Output, stat_number};
use crate::rule::{Change, ChangeKind, Which};
use crate::scenario::{Plan, ScenarioError, plan_nemesis, read_file};

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

    /// Writes the rules in force as a scenario, and returns how many.
    pub(super) async fn save(&self, path: &str) -> Result<usize, CommandError> {
        let (text, count) = {
            let config = self.config();
            let mut text = format!("# The rules of epoch {}.\nseed {}\n", config.epoch, config.seed);
            for rule in &config.rules {
                text.push_str(&format!("at 0s {}\n", rule_words(rule, &config.directory)));
            }
            (text, config.rules.len())
        };
        let written = file::write(PathBuf::from(path), text).await;
        written.map_err(|error| CommandError::new(Code::Io, path, 1, error.to_string()))?;
        Ok(count)
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

/// The error of a file in the answer to a line, which has a place of its own.
fn in_reply(error: &ScenarioError) -> CommandError {
    CommandError::new(error.error.code, "", 1, error.to_string())
}
