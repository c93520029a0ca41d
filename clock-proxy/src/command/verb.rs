//! What follows each verb.

use std::time::Duration;

use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::help::topics;
use super::lexer::Token;
use super::shape::{Rest, divided_flows, flows_touching};
use super::suggest::did_you_mean;
use super::value::{GAP_MAX, count, duration, jitter, probability};
use super::{Command, Condition, Query, Section, Wait, selector};
use crate::directory::FlowId;
use crate::rule::{
    Change, ChangeKind, CutMode, Delay, Fault, Guard, Kind, NewRule, Owner, Place, Reorder, Which,
};
use crate::topology::Upstream;

/// How long `wait` waits unless told: long for a condition, short for a script that is stuck.
const WAIT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// How long a reordered frame may wait unless told: longer than a burst, shorter than any heartbeat.
const REORDER_MAX_DEFAULT: Duration = Duration::from_millis(100);

/// How many frames overtake a reordered one unless told: one is the least that is a reordering.
const GAP_DEFAULT: u64 = 1;

/// Parses one command. The cursor holds at least one token.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Command, CommandError> {
    let verb = cursor.word("a command")?;
    let command = match verb.text.to_lowercase().as_str() {
        "partition" => change(cursor, partition),
        "isolate" => change(cursor, isolate),
        "cut" => change(cursor, cut),
        "heal" => change(cursor, |c| lift(c, Which::Cuts)),
        "clear" => change(cursor, |c| lift(c, Which::All)),
        "delay" => change(cursor, delay),
        "reorder" => change(cursor, reorder),
        "node" => change(cursor, node),
        "seed" => change(cursor, |c| Ok(ChangeKind::Seed(count(c.word("a seed")?, 0, u64::MAX)?))),
        "show" => show(cursor).map(Command::Query),
        "wait" => wait(cursor).map(Command::Query),
        "ping" => Ok(Command::Query(Query::Ping)),
        "version" => Ok(Command::Query(Query::Version)),
        "help" => help(cursor).map(Command::Query),
        "quit" | "exit" => quit(cursor).map(Command::Query),
        _ => Err(unknown_verb(verb)),
    }?;
    cursor.finish()?;
    Ok(command)
}

fn unknown_verb(verb: Token<'_>) -> CommandError {
    let known = did_you_mean(verb.text, topics().iter().map(|topic| topic.verb));
    CommandError::new(Code::UnknownVerb, verb.text, verb.column, format!("no such command{known}; see help"))
}

fn change<'a>(
    cursor: &mut Cursor<'a>,
    parse: impl FnOnce(&mut Cursor<'a>) -> Result<ChangeKind, CommandError>,
) -> Result<Command, CommandError> {
    Ok(Command::Change(Change { kind: parse(cursor)?, text: cursor.text() }))
}

fn lift(cursor: &mut Cursor<'_>, which: Which) -> Result<ChangeKind, CommandError> {
    Ok(ChangeKind::Lift { which, flows: selector::optional_flows(cursor)? })
}

fn add(flows: Vec<FlowId>, fault: Fault, guard: Guard, place: Place) -> ChangeKind {
    ChangeKind::Add(NewRule { flows, fault, guard, place, owner: Owner::Command })
}

fn end(flows: Vec<FlowId>, kind: Kind) -> ChangeKind {
    ChangeKind::Lift { which: Which::Kind(kind), flows: Some(flows) }
}

fn partition(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let groups = selector::groups(cursor)?;
    let (mut rest, mut mode) = (Rest::default(), CutMode::default());
    while let Some((key, value)) = cursor.option()? {
        match (key.text, value.text) {
            ("rest", "connected") => rest = Rest::Connected,
            ("rest", _) => return Err(syntax(value, "the only value is rest=connected")),
            ("mode", _) => mode = cut_mode(value)?,
            _ => return Err(unknown_key(key, &["rest", "mode"])),
        }
    }
    let flows = divided_flows(&groups, rest, cursor.directory);
    Ok(add(flows, Fault::Cut(mode), Guard::default(), Place::Partition))
}

fn isolate(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let flows = flows_touching(&selector::nodes(cursor)?, cursor.directory);
    Ok(add(flows, Fault::Cut(mode_option(cursor)?), Guard::default(), Place::Beside))
}

fn cut(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let flows = selector::flows(cursor)?;
    Ok(add(flows, Fault::Cut(mode_option(cursor)?), Guard::default(), Place::Beside))
}

fn mode_option(cursor: &mut Cursor<'_>) -> Result<CutMode, CommandError> {
    let mut mode = CutMode::default();
    while let Some((key, value)) = cursor.option()? {
        match key.text {
            "mode" => mode = cut_mode(value)?,
            _ => return Err(unknown_key(key, &["mode"])),
        }
    }
    Ok(mode)
}

fn cut_mode(value: Token<'_>) -> Result<CutMode, CommandError> {
    [CutMode::Hold, CutMode::Stall, CutMode::Drop]
        .into_iter()
        .find(|mode| mode.name() == value.text)
        .ok_or_else(|| syntax(value, "the modes are hold, stall and drop"))
}

fn unknown_key(key: Token<'_>, known: &[&str]) -> CommandError {
    let hint = did_you_mean(key.text, known.iter().copied());
    syntax(key, format!("no such option here{hint}; known: {}", known.join(", ")))
}

/// Takes the word `off`, which ends a fault.
fn take_off(cursor: &mut Cursor<'_>) -> bool {
    let is_off = cursor.peek().is_some_and(|token| token.text.eq_ignore_ascii_case("off"));
    is_off && cursor.next().is_some()
}

fn delay(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let flows = selector::flows(cursor)?;
    if take_off(cursor) {
        return Ok(end(flows, Kind::Delay));
    }
    let base = duration(cursor.word("a duration, e.g. 200ms,")?)?;
    let mut spread = Duration::ZERO;
    if let Some(token) = cursor.peek()
        && let Some(found) = jitter(token)?
    {
        spread = found;
        cursor.next();
    }
    if base.is_zero() && spread.is_zero() {
        return Ok(end(flows, Kind::Delay));
    }
    Ok(add(flows, Fault::Delay(Delay::of(base, spread)), Guard::default(), Place::SameKind))
}

fn reorder(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let flows = selector::flows(cursor)?;
    if take_off(cursor) {
        return Ok(end(flows, Kind::Reorder));
    }
    let (mut chosen, mut gap, mut max) = (None, GAP_DEFAULT, REORDER_MAX_DEFAULT);
    while let Some((key, value)) = cursor.option()? {
        match key.text {
            "p" => chosen = Some(probability(value)?),
            "gap" => gap = count(value, 1, GAP_MAX)?,
            "max" => max = duration(value)?,
            _ => return Err(unknown_key(key, &["p", "gap", "max"])),
        }
    }
    let Some(probability) = chosen else { return Err(cursor.missing("p=PROBABILITY or off")) };
    if probability == 0.0 {
        return Ok(end(flows, Kind::Reorder));
    }
    let guard = Guard { probability, ..Guard::default() };
    Ok(add(flows, Fault::Reorder(Reorder { gap, max }), guard, Place::SameKind))
}

fn node(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let (name, address) = match cursor.option()? {
        Some(pair) => pair,
        None => (cursor.word("a node")?, cursor.word("HOST:PORT")?),
    };
    let node = selector::node(cursor.directory, name)?;
    if name.text == crate::directory::CLIENT {
        let message = "client stands for everybody outside and is never dialled";
        return Err(CommandError::new(Code::Conflict, name.text, name.column, message));
    }
    let upstream: Upstream = address.text.parse().map_err(|error| syntax(address, format!("{error}")))?;
    Ok(ChangeKind::Node { node, upstream })
}

fn show(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    const SECTIONS: [(&str, Section); 5] = [
        ("links", Section::Links),
        ("rules", Section::Rules),
        ("conns", Section::Conns),
        ("stats", Section::Stats),
        ("nodes", Section::Nodes),
    ];
    let Some(word) = cursor.next() else { return Ok(Query::Show(Section::All)) };
    let found = SECTIONS.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    found.map(|(_, section)| Query::Show(*section)).ok_or_else(|| {
        let hint = did_you_mean(word.text, SECTIONS.iter().map(|(name, _)| *name));
        syntax(word, format!("the parts are links, rules, conns, stats and nodes{hint}"))
    })
}

fn wait(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let what = cursor.word("held, frames or idle")?;
    let condition = match what.text.to_lowercase().as_str() {
        "idle" => Condition::Idle,
        "held" => Condition::Held {
            flows: selector::flows(cursor)?,
            count: count(cursor.word("a count")?, 0, u64::MAX)?,
        },
        "frames" => Condition::Frames {
            flows: selector::flows(cursor)?,
            count: count(cursor.word("a count")?, 0, u64::MAX)?,
        },
        _ => return Err(syntax(what, "one can wait for held, frames and idle")),
    };
    let mut timeout = WAIT_TIMEOUT_DEFAULT;
    while let Some((key, value)) = cursor.option()? {
        match key.text {
            "timeout" => timeout = duration(value)?,
            _ => return Err(unknown_key(key, &["timeout"])),
        }
    }
    Ok(Query::Wait(Wait { condition, timeout, text: cursor.text(), column: cursor.column() }))
}

fn help(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let Some(word) = cursor.next() else { return Ok(Query::Help(topics().iter().collect())) };
    let topic = topics().iter().find(|topic| word.text.eq_ignore_ascii_case(topic.verb));
    topic.map(|topic| Query::Help(vec![topic])).ok_or_else(|| unknown_verb(word))
}

fn quit(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let Some(word) = cursor.next() else { return Ok(Query::Quit(0)) };
    let code = count(word, 0, u64::from(u8::MAX))?;
    Ok(Query::Quit(u8::try_from(code).unwrap_or(u8::MAX)))
}
