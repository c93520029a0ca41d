//! The parameters that every fault takes: which connections, which frames, how often, how long.

use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::filter;
use super::lexer::{Kind, Token};
use super::option::unknown_key;
use super::value::{connection, count, duration, probability};
use crate::rule::{Conns, Guard};

/// Their keys.
pub(super) const KEYS: [&str; 8] = ["p", "after", "every", "count", "for", "conns", "conn-p", "where"];

/// A guard as it is read.
pub(super) struct Common {
    pub(super) guard: Guard,
    /// Whether `p` was given: some faults need to know.
    pub(super) has_probability: bool,
}

impl Common {
    /// `connection` is the one named in the flow, if any.
    pub(super) fn new(connection: Option<u64>) -> Self {
        let conns = connection.map_or(Conns::All, Conns::One);
        Self { guard: Guard { conns, ..Guard::default() }, has_probability: false }
    }

    /// Takes one parameter; `own` are the keys of the fault itself, for the error.
    pub(super) fn take(
        &mut self,
        key: Token<'_>,
        value: Token<'_>,
        own: &[&str],
    ) -> Result<(), CommandError> {
        let guard = &mut self.guard;
        match key.text {
            "p" => {
                guard.probability = probability(value)?;
                self.has_probability = true;
            }
            "after" => guard.after = count(value, 0, u64::MAX)?,
            "every" => guard.every = count(value, 1, u64::MAX)?,
            "count" => guard.count = Some(count(value, 1, u64::MAX)?),
            "for" => guard.lasts = Some(lasting(value)?),
            "conns" => self.take_conns(value)?,
            "conn-p" => guard.connection_probability = probability(value)?,
            "where" => guard.filter = filter::conditions(value)?,
            _ => return Err(unknown_key(key, own, &KEYS)),
        }
        Ok(())
    }

    /// Takes all parameters that are left, of a fault that has none of its own.
    pub(super) fn take_all(&mut self, cursor: &mut Cursor<'_>) -> Result<(), CommandError> {
        while let Some((key, value)) = cursor.option()? {
            self.take(key, value, &[])?;
        }
        Ok(())
    }

    fn take_conns(&mut self, value: Token<'_>) -> Result<(), CommandError> {
        let conns = match (value.kind, value.text) {
            (Kind::Connection, _) => Conns::One(connection(value)?),
            (_, "all") => Conns::All,
            (_, "new") => Conns::New,
            _ => return Err(syntax(value, "the connections are all, new or one like #3")),
        };
        if matches!(self.guard.conns, Conns::One(_)) && conns != self.guard.conns {
            let message = "the flow names another connection";
            return Err(CommandError::new(Code::Conflict, value.text, value.column, message));
        }
        self.guard.conns = conns;
        Ok(())
    }

    /// Whether the fault can never happen, on no frame of no connection: that is `off`.
    pub(super) fn is_never(&self) -> bool {
        self.guard.probability == 0.0 && self.guard.conns == Conns::All && self.guard.filter.is_empty()
    }
}

/// How long a rule lasts.
pub(super) fn lasting(value: Token<'_>) -> Result<std::time::Duration, CommandError> {
    let lasts = duration(value)?;
    if lasts.is_zero() {
        return Err(CommandError::new(
            Code::BadRange,
            value.text,
            value.column,
            "a rule lasts longer than this",
        ));
    }
    Ok(lasts)
}
