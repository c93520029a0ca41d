//! A plan as text: a scenario again.

use super::{Plan, Step, Trigger, When};
use crate::command::duration_words;

impl Plan {
    /// One line for the seed, and one for each step.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seed = format!("seed {}", self.seed);
        std::iter::once(seed).chain(self.steps.iter().map(Step::words)).collect()
    }
}

impl Step {
    /// The step as the file would say it.
    pub(crate) fn words(&self) -> String {
        match &self.when {
            When::At(time) => format!("at {} {}", duration_words(*time), self.text),
            When::OnFrame(Trigger { words, frame, .. }) => format!("on frame {words} {frame} {}", self.text),
        }
    }
}
