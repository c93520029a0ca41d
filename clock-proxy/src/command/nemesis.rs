//! `nemesis`: random trouble, as it is asked for. What it comes to is in `scenario/nemesis.rs`.

use std::time::Duration;

use super::change::conflict;
use super::cursor::{Cursor, syntax};
use super::cut;
use super::error::{Code, CommandError};
use super::lexer::Token;
use super::option::{choice, unknown_key};
use super::shape::{SHAPES, Shape, shape_of};
use super::value::{count, duration};
use crate::rule::ChangeKind;

/// The least time between two troubles: below that no plan could be kept.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// A kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Partition,
    Delay,
    Drop,
    Duplicate,
    Reorder,
    Corrupt,
    Rate,
    Slice,
    Reset,
    Stall,
}

/// Every kind by its name.
pub(super) const TROUBLES: [(&str, Trouble); 10] = [
    ("partition", Trouble::Partition),
    ("delay", Trouble::Delay),
    ("drop", Trouble::Drop),
    ("dup", Trouble::Duplicate),
    ("reorder", Trouble::Reorder),
    ("corrupt", Trouble::Corrupt),
    ("rate", Trouble::Rate),
    ("slice", Trouble::Slice),
    ("reset", Trouble::Reset),
    ("stall", Trouble::Stall),
];

/// What happens when the time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Final {
    Heal,
    Clear,
    Keep,
}

/// Random trouble from now on, until a time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nemesis {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) troubles: Vec<Trouble>,
    /// From one trouble's beginning to the next one's.
    pub(crate) interval: (Duration, Duration),
    /// How long each lasts.
    pub(crate) hold: (Duration, Duration),
    /// That of the scenario or of the proxy if absent.
    pub(crate) seed: Option<u64>,
    pub(crate) until: Duration,
    pub(crate) last: Final,
}

const KEYS: [&str; 7] = ["shapes", "faults", "interval", "hold", "seed", "until", "final"];

/// What follows `nemesis`, in keys.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Nemesis, CommandError> {
    let seconds = Duration::from_secs;
    let mut nemesis = Nemesis {
        shapes: vec![Shape::One, Shape::Random],
        troubles: vec![Trouble::Partition],
        interval: (seconds(2), seconds(6)),
        hold: (seconds(1), seconds(4)),
        seed: None,
        until: Duration::ZERO,
        last: Final::Heal,
    };
    while let Some((key, value)) = cursor.option()? {
        match key.text {
            "shapes" => nemesis.shapes = shapes(&cursor.more_values(value)?)?,
            "faults" => nemesis.troubles = troubles(&cursor.more_values(value)?)?,
            "interval" => nemesis.interval = between(value, INTERVAL_MIN)?,
            "hold" => nemesis.hold = between(value, INTERVAL_MIN)?,
            "seed" => nemesis.seed = Some(count(value, 0, u64::MAX)?),
            "until" => nemesis.until = duration(value)?,
            "final" => {
                let known = [("heal", Final::Heal), ("clear", Final::Clear), ("keep", Final::Keep)];
                nemesis.last = choice(value, "endings", &known)?;
            }
            _ => return Err(unknown_key(key, &KEYS, &[])),
        }
    }
    if nemesis.until.is_zero() {
        return Err(cursor.missing("until=TIME"));
    }
    Ok(nemesis)
}

fn shapes(values: &[Token<'_>]) -> Result<Vec<Shape>, CommandError> {
    let shape = |value: &Token<'_>| match choice(*value, "shapes", &SHAPES)? {
        Shape::OneWay | Shape::Isolate => Err(conflict(*value, "this shape needs nodes: it cannot be drawn")),
        shape => Ok(shape),
    };
    values.iter().map(shape).collect()
}

fn troubles(values: &[Token<'_>]) -> Result<Vec<Trouble>, CommandError> {
    values.iter().map(|value| choice(*value, "faults", &TROUBLES)).collect()
}

/// `2s..6s`, or `2s` for exactly that.
fn between(value: Token<'_>, min: Duration) -> Result<(Duration, Duration), CommandError> {
    let (from, upto) = value.text.split_once("..").unwrap_or((value.text, value.text));
    let second = Token {
        text: upto,
        column: value.column + value.text.chars().count() - upto.chars().count(),
        ..value
    };
    let (from, upto) = (duration(Token { text: from, ..value })?, duration(second)?);
    if from > upto || from < min {
        let message = "a span is written 2s..6s, the shorter time first, from 1ms on";
        return Err(CommandError::new(Code::BadRange, value.text, value.column, message));
    }
    Ok((from, upto))
}

/// `nemesis SHAPE for 800ms [mode=...]`: the partition of this shape, once, for this long.
pub(super) fn once(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let word = cursor.word("a shape, or shapes=...")?;
    let Some(shape) = shape_of(word, cursor.directory) else {
        choice(word, "shapes", &SHAPES)?;
        return Err(syntax(word, "a shape is expected here, and this is a node"));
    };
    cut::shape(cursor, shape)
}
