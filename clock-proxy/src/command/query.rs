//! Commands that leave the rules alone.

use std::time::Duration;

use super::cursor::{Cursor, syntax};
use super::error::CommandError;
use super::filter::comparison;
use super::help::topics;
use super::lexer::{Kind, Token};
use super::option::{choice, unknown_key};
use super::suggest::did_you_mean;
use super::value::{DURATION_MAX, count, duration};
use super::verb::unknown_verb;
use super::{Condition, Expect, PlanSource, Query, Section, Wait, explain, nemesis, selector};

/// The numbers of `show stats`, which is where they are explained.
pub(crate) const STAT_NUMBERS: [&str; 14] = [
    "conns",
    "frames",
    "bytes",
    "held_frames",
    "held_bytes",
    "waiting_frames",
    "waiting_bytes",
    "delayed",
    "reordered",
    "dropped",
    "duplicated",
    "corrupted",
    "desyncs",
    "refused",
];

/// How long `wait` waits unless told: long for a condition, short for a script that is stuck.
const WAIT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);

/// What this verb asks; nothing for another verb.
pub(super) fn parse(cursor: &mut Cursor<'_>, verb: &str) -> Result<Option<Query>, CommandError> {
    Ok(Some(match verb {
        "show" => show(cursor)?,
        "rules" => Query::Show(Section::Rules),
        "wait" => wait(cursor)?,
        "expect" => Query::Expect(expect(cursor)?),
        "save" => Query::Save(cursor.rest("a file")?),
        "reload" => Query::Reload,
        "run" => Query::Run(cursor.rest("a file")?),
        "plan" => Query::Plan(plan(cursor)?),
        "nemesis" => Query::Nemesis(Box::new(nemesis::parse(cursor)?)),
        "stop" => Query::Stop,
        "reset-all" => Query::ResetAll,
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
    const SECTIONS: [(&str, Section); 6] = [
        ("links", Section::Links),
        ("rules", Section::Rules),
        ("conns", Section::Conns),
        ("stats", Section::Stats),
        ("nodes", Section::Nodes),
        ("scenario", Section::Scenario),
    ];
    match cursor.next() {
        None => Ok(Query::Show(Section::All)),
        Some(word) => choice(word, "parts", &SECTIONS).map(Query::Show),
    }
}

fn wait(cursor: &mut Cursor<'_>) -> Result<Query, CommandError> {
    let what = cursor.word("held, frames, dropped or idle")?;
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
        "scenario" => return Ok(Query::WaitScenario(timeout(cursor, DURATION_MAX)?)),
        text if STAT_NUMBERS.contains(&text) => Condition::Number {
            number: choice(what, "numbers", &STAT_NUMBERS.map(|name| (name, name)))?,
            flows: selector::flows(cursor)?,
            count: count(cursor.word("a count")?, 0, u64::MAX)?,
        },
        text if text.starts_with(|c: char| c.is_ascii_digit()) => return duration(what).map(Query::Pause),
        _ => {
            let known = ["held", "idle", "scenario"].into_iter().chain(STAT_NUMBERS);
            let hint = did_you_mean(what.text, known);
            let message = "one can wait for held, idle, scenario, a number of show stats, or some time";
            return Err(syntax(what, format!("{message}{hint}")));
        }
    };
    let timeout = timeout(cursor, WAIT_TIMEOUT_DEFAULT)?;
    Ok(Query::Wait(Wait { condition, timeout, text: cursor.text(), column: cursor.column() }))
}

fn timeout(cursor: &mut Cursor<'_>, default: Duration) -> Result<Duration, CommandError> {
    let mut timeout = default;
    while let Some((key, value)) = cursor.option()? {
        match key.text {
            "timeout" => timeout = duration(value)?,
            _ => return Err(unknown_key(key, &["timeout"], &[])),
        }
    }
    Ok(timeout)
}

/// `frames a->b > 5000`, `held * == 0`, `stats.dropped a->b >= 3`.
fn expect(cursor: &mut Cursor<'_>) -> Result<Expect, CommandError> {
    let word = cursor.word("frames, held or stats.NUMBER")?;
    let number = match word.text.to_lowercase().as_str() {
        "frames" => "frames",
        "held" => "held_frames",
        text => {
            let (prefix, column) = ("stats.", word.column + "stats.".len());
            let key =
                text.strip_prefix(prefix).map(|_| Token { text: &word.text[prefix.len()..], column, ..word });
            let key = key.ok_or_else(|| {
                let known = STAT_NUMBERS.map(|number| format!("{prefix}{number}"));
                let hint = match STAT_NUMBERS.contains(&text) {
                    true => format!("; did you mean {prefix}{text}?"),
                    false => {
                        did_you_mean(word.text, known.iter().map(String::as_str).chain(["frames", "held"]))
                    }
                };
                syntax(word, format!("one can expect frames, held and stats.NUMBER{hint}"))
            })?;
            choice(key, "numbers", &STAT_NUMBERS.map(|name| (name, name)))?
        }
    };
    let flows = selector::flows(cursor)?;
    let sign = cursor.take(Kind::Compare).or_else(|| cursor.take(Kind::Equals));
    let comparison = sign.and_then(|sign| comparison(sign.text));
    let comparison = comparison.ok_or_else(|| cursor.missing("<, <=, ==, !=, >= or >"))?;
    let value = count(cursor.word("a number")?, 0, u64::MAX)?;
    Ok(Expect { number, flows, comparison, value, text: cursor.text(), column: cursor.column() })
}

/// `plan FILE` or `plan nemesis ...`.
fn plan(cursor: &mut Cursor<'_>) -> Result<PlanSource, CommandError> {
    if cursor.peek().is_some_and(|word| word.text.eq_ignore_ascii_case("nemesis")) {
        cursor.next();
        return Ok(PlanSource::Nemesis(Box::new(nemesis::parse(cursor)?)));
    }
    cursor.rest("a file, or nemesis ...,").map(PlanSource::File)
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
