//! What the families of faults share: from the words of one command to a change of the rules.

use super::common::Common;
use super::cursor::Cursor;
use super::error::{Code, CommandError};
use super::selector;
use crate::directory::FlowId;
use crate::rule::{ChangeKind, Fault, Guard, Kind, NewRule, Owner, Place, Which};

/// `VERB FLOWS off`, or `VERB FLOWS` and whatever `parse` reads; it answers nothing for a fault that does
/// nothing, which is the same as `off`.
pub(super) fn fault(
    cursor: &mut Cursor<'_>,
    kind: Kind,
    parse: impl FnOnce(&mut Cursor<'_>, &mut Common) -> Result<Option<Fault>, CommandError>,
) -> Result<ChangeKind, CommandError> {
    let column = cursor.column_next();
    let aim = selector::aim(cursor)?;
    let is_off = take_off(cursor);
    let mut common = Common::new(aim.connection);
    let found = if is_off { None } else { parse(cursor, &mut common)? };
    match found {
        Some(fault) if !common.is_never() => Ok(add(aim.flows, fault, common.guard, Place::SameKind)),
        _ if aim.connection.is_some() => {
            let message = "off ends the rules of all connections; end one rule with rm ID";
            Err(CommandError::new(Code::Conflict, "", column, message))
        }
        _ => Ok(ChangeKind::Lift { which: Which::Kind(kind), flows: Some(aim.flows) }),
    }
}

pub(super) fn add(flows: Vec<FlowId>, fault: Fault, guard: Guard, place: Place) -> ChangeKind {
    ChangeKind::Add(NewRule { flows, fault, guard, place, owner: Owner::Command })
}

/// Ends rules of all flows, or of those that are named.
pub(super) fn lift(cursor: &mut Cursor<'_>, which: Which) -> Result<ChangeKind, CommandError> {
    Ok(ChangeKind::Lift { which, flows: selector::optional_flows(cursor)? })
}

/// Takes the word `off`, which ends a fault.
fn take_off(cursor: &mut Cursor<'_>) -> bool {
    cursor.is_word_next("off") && cursor.next().is_some()
}

/// Two parts of a command that contradict each other; the second one is blamed.
pub(super) fn conflict(token: super::lexer::Token<'_>, message: &str) -> CommandError {
    CommandError::new(Code::Conflict, token.text, token.column, message)
}
