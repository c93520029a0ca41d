//! Changes that are no fault: where a node is dialled, and rules that end by their number.

use super::change::conflict;
use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::selector;
use super::value::count;
use crate::directory::CLIENT;
use crate::rule::{ChangeKind, RuleId};
use crate::topology::Upstream;

pub(super) fn node(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let (name, address) = match cursor.option()? {
        Some(pair) => pair,
        None => (cursor.word("a node")?, cursor.word("HOST:PORT")?),
    };
    let node = selector::node(cursor.directory, name)?;
    if name.text == CLIENT {
        return Err(conflict(name, "client stands for everybody outside and is never dialled"));
    }
    let upstream: Upstream = address.text.parse().map_err(|error| syntax(address, format!("{error}")))?;
    Ok(ChangeKind::Node { node, upstream })
}

/// `rm 3` or `rm 3 4`.
pub(super) fn remove(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let mut rules = Vec::new();
    while rules.is_empty() || cursor.peek().is_some() {
        let word = cursor.word("the number of a rule, see rules,")?;
        let number = count(word, 1, u64::from(u32::MAX))?;
        let rule = RuleId(u32::try_from(number).unwrap_or(u32::MAX));
        if !(cursor.world.has_rule)(rule) {
            let message = "no rule in force has this number; see rules";
            return Err(CommandError::new(Code::NotFound, word.text, word.column, message));
        }
        rules.push(rule);
    }
    Ok(ChangeKind::Remove(rules))
}
