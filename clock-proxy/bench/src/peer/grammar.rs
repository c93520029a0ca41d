//! Commands on standard input, replies on standard output: the proxy's grammar, and the few words of it that our
//! wrapper of noxious understands.

use std::io::Write;
use std::process::ChildStdin;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Beyond this a command counts as never answered.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// What is asked of a relay.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Every byte is late by so much.
    Delay(Duration),
    /// So many bytes a second.
    Rate(u64),
    /// Nothing any more.
    None,
}

impl Fault {
    /// As a command about the flow.
    pub(crate) fn line(self, flow: &str) -> String {
        match self {
            Self::Delay(delay) => format!("delay {flow} {}ms", delay.as_millis()),
            Self::Rate(bytes) if bytes % 1_000_000 == 0 => format!("rate {flow} {}MB/s", bytes / 1_000_000),
            Self::Rate(bytes) => format!("rate {flow} {}KB/s", bytes / 1_000),
            Self::None => "clear".to_owned(),
        }
    }
}

/// A command that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reply: String,
}

impl Refused {
    /// For a cell: a relay that does not know the word does not offer the fault.
    pub(crate) fn note(&self) -> String {
        let is_unknown = self.reply.contains("unknown-verb") || self.reply == "no commands";
        if is_unknown { "not offered".to_owned() } else { self.reply.clone() }
    }
}

/// Both ends of the conversation.
#[derive(Debug)]
pub(crate) struct Grammar {
    commands: ChildStdin,
    replies: Receiver<String>,
}

impl Grammar {
    pub(crate) fn new(commands: ChildStdin, replies: Receiver<String>) -> Self {
        Self { commands, replies }
    }

    /// The line that a relay prints when it listens.
    pub(crate) fn ready(&self) -> Option<String> {
        self.replies.recv_timeout(PATIENCE).ok()
    }

    /// Sends a line and waits for its reply.
    pub(crate) fn command(&mut self, line: &str) -> Result<String, Refused> {
        let refused = |reply: String| Refused { reply };
        writeln!(self.commands, "{line}").map_err(|error| refused(error.to_string()))?;
        let reply = self.replies.recv_timeout(PATIENCE);
        let reply =
            reply.map_err(|_no_reply| refused(format!("no reply within {} s", PATIENCE.as_secs())))?;
        if reply.starts_with("ok") { Ok(reply) } else { Err(refused(reply)) }
    }
}
