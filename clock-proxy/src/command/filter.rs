//! `where=len>512,byte[4]==2,match=00ff`: a condition on the payload of a frame.

use super::error::{Code, CommandError};
use super::lexer::Token;
use super::value::hex;
use crate::rule::{Comparison, Condition};

/// Most conditions of one filter: each costs every frame something.
const CONDITIONS_MAX: usize = 16;

const FORM: &str = "a condition is len>512, byte[4]==2 or match=00ff";

const SIGNS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("=", Comparison::Equal),
];

/// All of them must hold.
pub(super) fn conditions(value: Token<'_>) -> Result<Vec<Condition>, CommandError> {
    let mut conditions = Vec::new();
    let mut column = value.column;
    for text in value.text.split(',') {
        let part = Token { text, column, ..value };
        conditions.push(condition(part)?);
        column += text.chars().count() + 1;
    }
    if conditions.len() > CONDITIONS_MAX {
        let message = format!("a filter has at most {CONDITIONS_MAX} conditions");
        return Err(CommandError::new(Code::BadRange, value.text, value.column, message));
    }
    Ok(conditions)
}

fn condition(part: Token<'_>) -> Result<Condition, CommandError> {
    if let Some(digits) = part.text.strip_prefix("match=") {
        return Ok(Condition::Contains(hex(part, digits)?));
    }
    let wrong = || CommandError::new(Code::BadSyntax, part.text, part.column, FORM);
    if let Some(rest) = part.text.strip_prefix("len") {
        let (comparison, number) = split_sign(rest).ok_or_else(wrong)?;
        return Ok(Condition::Length(comparison, number.parse().map_err(|_| wrong())?));
    }
    let rest = part.text.strip_prefix("byte[").ok_or_else(wrong)?;
    let (offset, rest) = rest.split_once(']').ok_or_else(wrong)?;
    let (comparison, number) = split_sign(rest).ok_or_else(wrong)?;
    let value = match number.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).map_err(|_| wrong())?,
        None => number.parse().map_err(|_| wrong())?,
    };
    Ok(Condition::Byte { offset: offset.parse().map_err(|_| wrong())?, comparison, value })
}

fn split_sign(text: &str) -> Option<(Comparison, &str)> {
    SIGNS.iter().find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?)))
}

/// The sign of a comparison, as a filter and `expect` write it.
pub(super) fn sign(comparison: Comparison) -> &'static str {
    SIGNS.iter().find(|(_, known)| *known == comparison).map_or("==", |(sign, _)| *sign)
}

/// The comparison of this sign.
pub(super) fn comparison(sign: &str) -> Option<Comparison> {
    SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, comparison)| *comparison)
}
