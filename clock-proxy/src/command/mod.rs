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
mod cursor;
mod cut;
mod damage;
mod ending;
mod error;
mod explain;
mod filter;
mod help;
mod lexer;
mod option;
mod query;
mod samples;
mod selector;
mod shape;
mod size;
mod state;
mod suggest;
mod timing;
mod value;
mod verb;
mod world;

pub(crate) use error::{Code, CommandError};
pub(crate) use help::Topic;
#[cfg(test)]
pub(crate) use help::topics;
pub(crate) use samples::{SAMPLES_FILE_BYTES_MAX, sample_files, samples};
pub(crate) use world::{Samples, World};

use std::time::Duration;

#[cfg(test)]
use crate::directory::Directory;
use crate::directory::FlowId;
use crate::journal::Inquiry;
use crate::rule::Change;
use cursor::Cursor;
use lexer::Token;

/// Longest line taken from anybody. A full isolation of 64 named stations fits four times.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// The commands of one line, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) tag: Option<String>,
    pub(crate) commands: Vec<Command>,
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
    let end = line.trim_end().chars().count() + 1;
    let mut commands = Vec::new();
    for part in tokens.split(Token::is_semicolon).filter(|part| !part.is_empty()) {
        commands.push(verb::parse(&mut Cursor::new(line, part, end, world))?);
    }
    if commands.is_empty() {
        return Err(CommandError::new(Code::BadSyntax, "", 1, "a command is expected, e.g. show"));
    }
    Ok(Some(Line { tag, commands }))
}

#[cfg(test)]
mod tests;
