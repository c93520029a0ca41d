//! Commands that leave the rules alone.

use std::time::Duration;

use super::cursor::{Cursor, syntax};
use super::error::CommandError;
use super::help::topics;
use super::option::{choice, unknown_key};
use super::value::{count, duration};
use super::verb::unknown_verb;
use super::{Condition, Query, Section, Wait, explain, selector};

/// How long `wait` waits unless told: long for a condition, short for a script that is stuck.
const WAIT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// What this verb asks; nothing for another verb.
pub(super) fn parse(cursor: &mut Cursor<'_>, verb: &str) -> Result<Option<Query>, CommandError> {
    Ok(Some(match verb {
        "show" => show(cursor)?,
        "rules" => Query::Show(Section::Rules),
        "wait" => wait(cursor)?,
        "mark" => Query::Mark(cursor.rest("a text")?),
        "echo" => Query::Echo(cursor.rest("a text").unwrap_or_default()),
        "explain" => Query::Explain(explain::explain(cursor)?),
        "ping" => Query::Ping,
        "version" => Query::Version,
        "help" => help(cursor)?,
        "quit" | "exit" => quit(cursor)?,
        _ => return Ok(None),
    }))
}

fn show(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    const SECTIONS: [(&str, Section); 5] = [
        ("links", Section::Links),
        ("rules", Section::Rules),
        ("conns", Section::Conns),
        ("stats", Section::Stats),
        ("nodes", Section::Nodes),
    ];
    match cursor.next() {
        None => Ok(Query::Show(Section::All)),
        Some(word) => choice(word, "parts", &SECTIONS).map(Query::Show),
    }
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
            _ => return Err(unknown_key(key, &["timeout"], &[])),
        }
    }
    Ok(Query::Wait(Wait { condition, timeout, text: cursor.text(), column: cursor.column() }))
}

fn help(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let Some(word) = cursor.next() else { return Ok(Query::Help(topics().collect())) };
    let topic = topics().find(|topic| word.text.eq_ignore_ascii_case(topic.verb));
    topic.map(|topic| Query::Help(vec![topic])).ok_or_else(|| unknown_verb(word))
}

fn quit(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let Some(word) = cursor.next() else { return Ok(Query::Quit(0)) };
    let code = count(word, 0, u64::from(u8::MAX))?;
    Ok(Query::Quit(u8::try_from(code).unwrap_or(u8::MAX)))
}
