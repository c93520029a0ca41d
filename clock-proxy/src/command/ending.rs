//! Connections that end: `reset`, `black-hole`, `limit`, `slow-close`.

use super::change::{add, conflict, fault};
use super::common::Common;
use super::cursor::Cursor;
use super::error::CommandError;
use super::lexer::{Kind as Sign, Token};
use super::option::{choice, unknown_key};
use super::selector::{self, Aim};
use super::size::size;
use super::value::{connection, count, duration};
use crate::rule::{Action, ChangeKind, Fault, Kind, Place, ResetAfter, Which};

/// The keys of `reset` itself: its `after` is when, not how many frames the rule lets pass.
const RESET_KEYS: [&str; 2] = ["after", "bytes"];

/// `reset FLOWS` once and now, or a rule with `after=`.
pub(super) fn reset(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let aim = selector::aim(cursor)?;
    if cursor.is_word_next("off") {
        cursor.next();
        return Ok(ChangeKind::Lift { which: Which::Kind(Kind::Reset), flows: Some(aim.flows) });
    }
    let mut words = ResetWords { common: Common::new(aim.connection), after: None, loses: None, extra: None };
    while let Some((key, value)) = cursor.option()? {
        words.take(key, value)?;
    }
    match words.after {
        None => once(aim, &words),
        Some(after) => {
            let fault = Fault::Reset(words.reset_after(after)?);
            Ok(add(aim.flows, fault, words.common.guard, Place::SameKind))
        }
    }
}

#[derive(Clone, Copy)]
enum After {
    Time(std::time::Duration),
    Frames(u64),
}

struct ResetWords<'a> {
    common: Common,
    after: Option<After>,
    /// Whether bytes are lost, and the word that says so.
    loses: Option<(bool, Token<'a>)>,
    /// The first word that makes sense for a rule only.
    extra: Option<Token<'a>>,
}

impl<'a> ResetWords<'a> {
    fn take(&mut self, key: Token<'a>, value: Token<'a>) -> Result<(), CommandError> {
        match key.text {
            "after" if value.text.bytes().all(|b| b.is_ascii_digit()) => {
                self.after = Some(After::Frames(count(value, 1, u64::MAX)?));
            }
            "after" => self.after = Some(After::Time(duration(value)?)),
            "bytes" => {
                let loses = choice(value, "values", &[("keep", false), ("lose", true)])?;
                (self.loses, self.extra) = (Some((loses, key)), self.extra.or(Some(key)));
            }
            _ => {
                self.common.take(key, value, &RESET_KEYS)?;
                let is_connection = key.text == "conns" && value.kind == Sign::Connection;
                self.extra = self.extra.or((!is_connection).then_some(key));
            }
        }
        Ok(())
    }

    fn reset_after(&self, after: After) -> Result<ResetAfter, CommandError> {
        match (after, self.loses) {
            (After::Frames(_), Some((true, key))) => {
                Err(conflict(key, "frames that were counted are delivered before the reset"))
            }
            (After::Frames(frames), _) => Ok(ResetAfter::Frames(frames)),
            (After::Time(after), loses) => {
                Ok(ResetAfter::Time { after, loses_bytes: loses.is_some_and(|(loses, _)| loses) })
            }
        }
    }
}

fn once(aim: Aim, words: &ResetWords<'_>) -> Result<ChangeKind, CommandError> {
    if let Some(key) = words.extra {
        return Err(conflict(key, "without after= a reset happens at once, and takes no other parameter"));
    }
    let connection = match words.common.guard.conns {
        crate::rule::Conns::One(ordinal) => Some(ordinal),
        crate::rule::Conns::All | crate::rule::Conns::New => None,
    };
    Ok(ChangeKind::Act(Action::Reset { flows: aim.flows, connection }))
}

/// `black-hole FLOWS [close=5s]`.
pub(super) fn black_hole(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::BlackHole, |cursor, common| {
        let mut close_after = None;
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "close" => close_after = Some(duration(value)?),
                _ => common.take(key, value, &["close"])?,
            }
        }
        Ok(Some(Fault::BlackHole { close_after }))
    })
}

/// `limit FLOWS 1MB`.
pub(super) fn limit(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Limit, |cursor, common| {
        let bytes = size(cursor.word("a size, e.g. 1MB, or off")?, 0)?;
        common.take_all(cursor)?;
        Ok(Some(Fault::Limit { bytes }))
    })
}

/// `slow-close FLOWS 200ms`.
pub(super) fn slow_close(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::SlowClose, |cursor, common| {
        let delay = duration(cursor.word("a duration, e.g. 200ms, or off")?)?;
        common.take_all(cursor)?;
        Ok(if delay.is_zero() { None } else { Some(Fault::SlowClose { delay }) })
    })
}

/// `inject FLOWS hex=00ff`.
pub(super) fn inject(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let mut aim = selector::aim(cursor)?;
    let mut bytes = None;
    while let Some((key, value)) = cursor.option()? {
        match (key.text, value.kind) {
            ("hex", _) => bytes = Some(super::value::hex(value, value.text)?.into()),
            ("conns", Sign::Connection) => aim.connection = Some(connection(value)?),
            _ => return Err(unknown_key(key, &["hex", "conns"], &[])),
        }
    }
    let Some(bytes) = bytes else { return Err(cursor.missing("hex=BYTES, e.g. hex=00ff,")) };
    Ok(ChangeKind::Act(Action::Inject { flows: aim.flows, connection: aim.connection, bytes }))
}
