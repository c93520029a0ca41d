//! What the proxy says: one line per line, JSON for programs, tables for people.

mod facts;
mod table;

pub(crate) use facts::{Snapshot, stat_number};
pub(crate) use table::links_table;

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::command::{CommandError, Topic};
use crate::control::{Reloaded, Saved, ScenarioFacts, Started, Waited};
use crate::journal::Account;
use crate::rule::Verdict;

/// Number of the protocol: the form of the ready line, the replies and the grammar. A program should check it.
pub(crate) const PROTO: u32 = 1;

/// For whom to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Text,
}

/// What one command brought.
#[derive(Debug)]
pub(crate) enum Output {
    Changed {
        epoch: u64,
        verdict: Verdict,
        took: Duration,
    },
    Shown(Box<Snapshot>),
    Waited(Waited),
    /// The number that was as expected.
    Expected(u64),
    Paused,
    Reloaded(Reloaded),
    /// How many rules were written.
    Saved(Saved),
    Started(Started),
    /// How the scenario ended, if there was one.
    Scenario(Option<ScenarioFacts>),
    Plan(Vec<String>),
    /// A text that was written into the log.
    Marked(String),
    Echo(String),
    /// What happened to a frame, on each lane that is meant.
    Explained(Vec<Account>),
    Ping,
    Version,
    Help(Vec<&'static Topic>),
    Quit(u8),
}

/// The answer to one line.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) tag: Option<String>,
    pub(crate) outcome: Result<Vec<Output>, CommandError>,
}

impl Reply {
    /// The exit code, if the line asked to quit.
    pub(crate) fn quit_code(&self) -> Option<u8> {
        self.outcome.as_ref().ok()?.iter().find_map(|output| match output {
            Output::Quit(code) => Some(*code),
            _ => None,
        })
    }

    /// The same answer as JSON, errors too.
    pub(crate) fn to_json(&self) -> Value {
        match &self.outcome {
            Ok(outputs) => merged(outputs),
            Err(error) => json!({ "error": error.code.word(), "message": error.to_string() }),
        }
    }

    /// The text, without a line end. In JSON style it is one line.
    pub(crate) fn render(&self, style: Style) -> String {
        let tag = self.tag.as_ref().map_or_else(String::new, |tag| format!(" @{tag}"));
        match (&self.outcome, style) {
            (Err(error), _) => format!("err{tag} {error}"),
            (Ok(outputs), Style::Json) => format!("ok{tag} {}", merged(outputs)),
            (Ok(outputs), Style::Text) => {
                let texts: Vec<String> = outputs.iter().map(table::text).collect();
                format!("ok{tag} {}", texts.join("\n")).trim_end().to_owned()
            }
        }
    }
}

/// One command answers with its object, several with `{"replies":[...]}`.
fn merged(outputs: &[Output]) -> Value {
    match outputs {
        [output] => output.to_json(),
        outputs => json!({ "replies": outputs.iter().map(Output::to_json).collect::<Vec<_>>() }),
    }
}

impl Output {
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Output::Changed { epoch, verdict, took } => json!({
                "epoch": epoch,
                "rule": verdict.rule,
                "flows": verdict.flows,
                "applied_us": micros(*took),
            }),
            // A snapshot holds nothing that JSON cannot express: no maps with odd keys, no NaN.
            Output::Shown(snapshot) => serde_json::to_value(snapshot).unwrap_or(Value::Null),
            Output::Waited(waited) => json!({ "waited_us": micros(waited.took), "count": waited.count }),
            Output::Expected(number) => json!({ "number": number }),
            Output::Paused => Value::Object(Map::new()),
            Output::Reloaded(reloaded) => json!(reloaded),
            Output::Saved(saved) => json!(saved),
            Output::Started(started) => {
                json!({ "steps": started.steps, "duration_us": micros(started.duration) })
            }
            Output::Scenario(facts) => json!({ "scenario": facts }),
            Output::Plan(lines) => json!({ "plan": lines }),
            Output::Marked(text) => json!({ "mark": text }),
            Output::Echo(text) => json!({ "echo": text }),
            Output::Explained(accounts) => json!({ "lanes": accounts }),
            Output::Ping => Value::Object(Map::new()),
            Output::Version => json!({ "version": env!("CARGO_PKG_VERSION"), "proto": PROTO }),
            Output::Help(topics) => json!({ "help": topics }),
            Output::Quit(code) => json!({ "code": code }),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_line_with_its_tag() {
        let reply = Reply { tag: Some("7".to_owned()), outcome: Ok(vec![Output::Ping]) };
        assert_eq!(reply.render(Style::Json), "ok @7 {}");
        assert_eq!(reply.render(Style::Text), "ok @7");
        let two = Reply { tag: None, outcome: Ok(vec![Output::Ping, Output::Quit(3)]) };
        assert_eq!(two.render(Style::Json), r#"ok {"replies":[{},{"code":3}]}"#);
        assert_eq!(two.quit_code(), Some(3));
    }

    #[test]
    fn help_in_json_stays_one_line() {
        let topics = crate::command::topics().collect();
        let reply = Reply { tag: None, outcome: Ok(vec![Output::Help(topics)]) };
        assert!(!reply.render(Style::Json).contains('\n'));
        assert!(reply.render(Style::Text).contains("partition a,b | c,d"));
    }
}
