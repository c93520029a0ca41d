//! Telling the story: a timeline for people, JSON lines for programs.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::DemoError;

/// Bold and reset, on a terminal that understands them.
const BOLD: (&str, &str) = ("\x1b[1m", "\x1b[0m");

/// Prints what happens, as it happens.
#[derive(Debug)]
pub struct Narrator {
    started: Instant,
    json: bool,
    styled: bool,
}

impl Narrator {
    /// Starts the story's clock.
    pub fn new(json: bool) -> Self {
        let styled = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { started: Instant::now(), json, styled }
    }

    /// When the story began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// A new chapter.
    pub(super) fn chapter(&mut self, text: &str) -> Result<(), DemoError> {
        let (bold, reset) = if self.styled { BOLD } else { ("", "") };
        self.tell(&format!("\n{bold}{text}{reset}"), &json!({ "event": "chapter", "text": text }))
    }

    /// Something that a station did or saw, at a time since the start.
    pub(super) fn event(
        &mut self,
        at: Duration,
        what: &str,
        who: &str,
        text: &str,
        mut details: Value,
    ) -> Result<(), DemoError> {
        if let Value::Object(fields) = &mut details {
            fields.insert("event".to_owned(), json!(what));
            fields.insert("station".to_owned(), json!(who));
            fields.insert("at_ms".to_owned(), json!(at.as_millis().try_into().unwrap_or(u64::MAX)));
        }
        self.tell(&format!("{:>8.3} s  {what:<9} {who:<13} {text}", at.as_secs_f64()), &details)
    }

    /// A claim that was observed.
    pub(super) fn pass(&mut self, claim: &str) -> Result<(), DemoError> {
        self.tell(&format!("PASS: {claim}"), &json!({ "event": "pass", "claim": claim }))
    }

    /// Plain words between events.
    pub(super) fn remark(&mut self, text: &str) -> Result<(), DemoError> {
        self.tell(text, &json!({ "event": "remark", "text": text }))
    }

    fn tell(&mut self, text: &str, json: &Value) -> Result<(), DemoError> {
        let mut out = io::stdout().lock();
        let written = match self.json {
            true => writeln!(out, "{json}"),
            false => writeln!(out, "{text}"),
        };
        let told = written.and_then(|()| out.flush());
        told.map_err(|source| DemoError::Io { what: "standard output".to_owned(), source })
    }
}
