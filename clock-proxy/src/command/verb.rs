//! Which verb is read by which family.

use super::cursor::Cursor;
use super::error::{Code, CommandError};
use super::help::topics;
use super::lexer::Token;
use super::shape::Shape;
use super::suggest::did_you_mean;
use super::value::count;
use super::{Command, change, cut, damage, ending, nemesis, query, state, timing};
use crate::directory::Directory;
use crate::rule::{Change, ChangeKind, CutMode, Which, fits};

/// Parses one command, and says in which words. The cursor holds at least one token.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<(Command, String), CommandError> {
    let verb = cursor.word("a command")?;
    let name = verb.text.to_lowercase();
    let change = change(cursor, &name)?;
    let text = cursor.drawn.take().unwrap_or_else(|| cursor.text());
    let command = match change {
        Some(kind) => {
            check_rule(&kind, verb, cursor.directory)?;
            Command::Change(Change { kind, text: text.clone() })
        }
        None => Command::Query(query::parse(cursor, &name)?.ok_or_else(|| unknown_verb(verb))?),
    };
    cursor.finish()?;
    Ok((command, text))
}

/// Some faults choose no frames, whatever they are asked, and some have nothing to act on where there are none.
fn check_rule(kind: &ChangeKind, verb: Token<'_>, directory: &Directory) -> Result<(), CommandError> {
    let ChangeKind::Add(new) = kind else { return Ok(()) };
    let refused = |reason| CommandError::new(Code::Conflict, verb.text, verb.column, reason);
    let why_not = |is_framed| fits(&new.fault, &new.guard, is_framed).err();
    let mut framings = new.flows.iter().map(|flow| directory.is_framed(*flow));
    // A rule on no flow at all is judged as one between stations. Otherwise it is enough if it can act on some.
    match why_not(framings.next().unwrap_or(true)) {
        Some(reason) if framings.all(|is_framed| why_not(is_framed).is_some()) => Err(refused(reason)),
        _ => Ok(()),
    }
}

pub(super) fn unknown_verb(verb: Token<'_>) -> CommandError {
    let known = did_you_mean(verb.text, topics().map(|topic| topic.verb));
    CommandError::new(Code::UnknownVerb, verb.text, verb.column, format!("no such command{known}; see help"))
}

/// What the verbs do that change the rules; nothing for another verb.
fn change(cursor: &mut Cursor<'_>, verb: &str) -> Result<Option<ChangeKind>, CommandError> {
    Ok(Some(match verb {
        "partition" => cut::partition(cursor),
        "halves" => cut::shape(cursor, Shape::Halves),
        "random" => cut::shape(cursor, Shape::Random),
        "bridge" => cut::shape(cursor, Shape::Bridge),
        "ring-of-majorities" | "majorities-ring" => cut::shape(cursor, Shape::Ring),
        "one-way" => cut::shape(cursor, Shape::OneWay),
        "nemesis" if !cursor.is_option_next() => nemesis::once(cursor),
        "isolate" => cut::isolate(cursor),
        "cut" => cut::cut(cursor),
        "hold" => cut::cut_in(cursor, CutMode::Hold),
        "refuse" => cut::cut_in(cursor, CutMode::Refuse),
        "syn-drop" => cut::cut_in(cursor, CutMode::SynDrop),
        "heal" => change::lift(cursor, Which::Cuts),
        "release" => cut::release(cursor),
        "reset" => ending::reset(cursor),
        "black-hole" => ending::black_hole(cursor),
        "limit" => ending::limit(cursor),
        "slow-close" => ending::slow_close(cursor),
        "inject" => ending::inject(cursor),
        "drop" => damage::drop(cursor),
        "dup" => damage::dup(cursor),
        "replay" => damage::replay(cursor),
        "corrupt" => damage::corrupt(cursor),
        "noop" => damage::noop(cursor),
        "delay" => timing::delay(cursor),
        "reorder" => timing::reorder(cursor),
        "rate" => timing::rate(cursor),
        "slice" => timing::slice(cursor),
        "clear" => change::lift(cursor, Which::All),
        "rm" => state::remove(cursor),
        "node" => state::node(cursor),
        "seed" => Ok(ChangeKind::Seed(count(cursor.word("a seed")?, 0, u64::MAX)?)),
        _ => return Ok(None),
    }?))
}
