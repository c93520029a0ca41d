//! One line of text to commands: a pure parser.
//!
//! ```text
//! line     = [ "@" tag ] command { ";" command } [ "#" comment ]
//! command  = verb { argument }                             (verbs in any case)
//! selector = node | "*" | "{" node { "," node } "}"        (* = every station)
//! flow     = selector ( "->" | "<->" ) selector | "*"      (* alone = every flow between stations)
//! flows    = flow { "," flow } [ "#" conn ]                (#3 = the connection of this ordinal only)
//! group    = selector { "," selector }                     (of `partition`, separated by "|")
//! ```
//!
//! The whole line is parsed before anything happens, so a bad line changes nothing. What each verb takes
//! is in `help.rs`, which is also what `help` prints.

mod change;
mod common;
mod complete;
pub(crate) mod cursor;
mod cut;
mod damage;
mod ending;
mod error;
mod explain;
pub(crate) mod filter;
mod help;
pub(crate) mod lexer;
mod nemesis;
pub(crate) mod option;
mod query;
mod samples;
pub(crate) mod selector;
pub(crate) mod shape;
pub(crate) mod size;
mod state;
mod suggest;
mod timing;
pub(crate) mod value;
mod verb;
mod words;
mod world;

pub(crate) use complete::complete;
pub(crate) use error::{Code, CommandError};
pub(crate) use help::Topic;
#[cfg(test)]
pub(crate) use help::topics;
pub(crate) use nemesis::{Final, Nemesis, Trouble};
#[cfg(test)]
pub(crate) use query::STAT_NUMBERS;
pub(crate) use samples::{SAMPLES_FILE_BYTES_MAX, sample_files, samples};
pub(crate) use words::{duration_words, flow_words, rule_words};
pub(crate) use world::{Samples, World};

use std::time::Duration;

#[cfg(test)]
use crate::directory::Directory;
use crate::directory::FlowId;
use crate::journal::Inquiry;
use crate::rule::{Change, Comparison};
use cursor::Cursor;
use lexer::Token;

/// Longest line taken from anybody. A full isolation of 64 named stations fits four times.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// The commands of one line, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) tag: Option<String>,
    pub(crate) commands: Vec<Command>,
    /// Each command as it was written, or as it was drawn.
    pub(crate) texts: Vec<String>,
}

/// One command: it either changes the rules or does not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Change(Change),
    Query(Query),
}

/// A command that leaves the rules alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    Show(Section),
    Wait(Wait),
    Expect(Expect),
    /// Lets time pass before the next command.
    Pause(Duration),
    /// Answers when the scenario has ended.
    WaitScenario(Duration),
    /// Writes the rules in force into a file.
    Save(String),
    /// Reads the topology file again.
    Reload,
    /// Starts a scenario.
    Run(String),
    /// Prints what a scenario would do.
    Plan(PlanSource),
    /// Starts a random scenario.
    Nemesis(Box<Nemesis>),
    /// Ends the scenario.
    Stop,
    /// Ends every fault and every toxic, and enables every relay.
    ResetAll,
    /// A text for the log.
    Mark(String),
    Echo(String),
    /// What happened to a frame.
    Explain(Inquiry),
    Ping,
    Version,
    Help(Vec<&'static Topic>),
    Quit(u8),
}

/// A part of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    All,
    Links,
    Rules,
    Conns,
    Stats,
    Nodes,
    Scenario,
}

/// Where a plan comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PlanSource {
    File(String),
    Nemesis(Box<Nemesis>),
}

/// A comparison that must hold at once. Numbers of several flows are added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expect {
    /// A key of `show stats`.
    pub(crate) number: &'static str,
    pub(crate) flows: Vec<FlowId>,
    pub(crate) comparison: Comparison,
    pub(crate) value: u64,
    /// The command as it was written, for the error when it does not hold.
    pub(crate) text: String,
    pub(crate) column: usize,
}

/// A condition and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) condition: Condition,
    pub(crate) timeout: Duration,
    /// The command as it was written, for the error when time is up.
    pub(crate) text: String,
    pub(crate) column: usize,
}

/// What to wait for. Counts are summed over the flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// At least this many frames are inside the proxy on these flows, not yet written.
    Held { flows: Vec<FlowId>, count: u64 },
    /// At least this many frames have been written on these flows since the start.
    Frames { flows: Vec<FlowId>, count: u64 },
    /// This number of `show stats` is at least so large.
    Number { number: &'static str, flows: Vec<FlowId>, count: u64 },
    /// No frame is inside the proxy.
    Idle,
}

/// Parses one line; `None` for a blank one. `number` is the line's number, for errors.
///
/// # Errors
/// The first thing that is wrong, with its column. The tag is known even then: see [`tag`].
pub(crate) fn parse_in(line: &str, number: u64, world: &World<'_>) -> Result<Option<Line>, CommandError> {
    parse_tokens(line, world).map_err(|error| error.at_line(number))
}

/// The same in a world of names only, see [`World::of`].
#[cfg(test)]
pub(crate) fn parse(line: &str, number: u64, directory: &Directory) -> Result<Option<Line>, CommandError> {
    parse_in(line, number, &World::of(directory))
}

/// The tag of a line, which is echoed also when the rest of the line is wrong.
pub(crate) fn tag(line: &str) -> Option<String> {
    let word = line.split_whitespace().next()?;
    let tag = word.strip_prefix('@')?;
    let is_tag = !tag.is_empty() && !tag.contains([';', '#']);
    is_tag.then(|| tag.to_owned())
}

fn parse_tokens(line: &str, world: &World<'_>) -> Result<Option<Line>, CommandError> {
    let tag = tag(line);
    let tokens = lexer::tokens(line, tag.is_some())?;
    if tokens.is_empty() && tag.is_none() {
        return Ok(None);
    }
    let (commands, texts) = commands(line, &tokens, world)?;
    Ok(Some(Line { tag, commands, texts }))
}

/// The commands of a part of a line, with their words. There must be one.
pub(crate) fn commands(
    line: &str,
    tokens: &[Token<'_>],
    world: &World<'_>,
) -> Result<(Vec<Command>, Vec<String>), CommandError> {
    let end = line.trim_end().chars().count() + 1;
    let (mut commands, mut texts) = (Vec::new(), Vec::new());
    for part in tokens.split(Token::is_semicolon).filter(|part| !part.is_empty()) {
        let (command, text) = verb::parse(&mut Cursor::new(line, part, end, world))?;
        commands.push(command);
        texts.push(text);
    }
    if commands.is_empty() {
        let column = tokens.first().map_or(1, |token| token.column);
        return Err(CommandError::new(Code::BadSyntax, "", column, "a command is expected, e.g. show"));
    }
    Ok((commands, texts))
}

#[cfg(test)]
mod tests;
