//! Durations, probabilities and counts, with their limits.

use std::time::Duration;

use super::error::{Code, CommandError};
use super::lexer::Token;

/// Longest delay, jitter or timeout. Beyond an hour a typing error is likelier than an intention.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(3600);

/// Largest `gap` of a reorder: more frames than a lane's byte bound would hold anyway.
pub(crate) const GAP_MAX: u64 = 100_000;

/// Most bytes written in a command: four times that many characters would not fit in a line.
pub(crate) const HEX_BYTES_MAX: usize = 1024;

/// `200ms`, `1.5s`, `80us`.
pub(crate) fn duration(token: Token<'_>) -> Result<Duration, CommandError> {
    duration_text(token, token.text)
}

/// `±50ms` or `+-50ms`.
pub(crate) fn jitter(token: Token<'_>) -> Result<Option<Duration>, CommandError> {
    let amount = token.text.strip_prefix('±').or_else(|| token.text.strip_prefix("+-"));
    amount.map(|amount| duration_text(token, amount)).transpose()
}

fn duration_text(token: Token<'_>, text: &str) -> Result<Duration, CommandError> {
    let fail = |code, message: &str| Err(CommandError::new(code, token.text, token.column, message));
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let Ok(number) = number.parse::<f64>() else {
        return fail(Code::BadSyntax, "a duration is a number and a unit, e.g. 5ms");
    };
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "" => return fail(Code::BadUnit, "a duration needs a unit, e.g. 5ms"),
        _ => return fail(Code::BadUnit, "the units are us, ms and s"),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => fail(Code::BadRange, "the longest duration is 3600s"),
    }
}

/// A number in `0..=1`.
pub(crate) fn probability(token: Token<'_>) -> Result<f64, CommandError> {
    let fail = |code, message: &str| Err(CommandError::new(code, token.text, token.column, message));
    match token.text.parse::<f64>() {
        Ok(p) if (0.0..=1.0).contains(&p) => Ok(p),
        Ok(_) => fail(Code::BadRange, "a probability lies between 0 and 1"),
        Err(_) => fail(Code::BadSyntax, "a probability is a number between 0 and 1, e.g. p=0.2"),
    }
}

/// A whole number in `min..=max`.
pub(crate) fn count(token: Token<'_>, min: u64, max: u64) -> Result<u64, CommandError> {
    let fail = |code, message: String| Err(CommandError::new(code, token.text, token.column, message));
    match token.text.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(_) => fail(Code::BadRange, format!("the number must lie between {min} and {max}")),
        Err(_) => fail(Code::BadSyntax, "a whole number is expected here".to_owned()),
    }
}

/// `#3`: the ordinal of a connection on its link.
pub(crate) fn connection(token: Token<'_>) -> Result<u64, CommandError> {
    let digits = Token { text: token.text.strip_prefix('#').unwrap_or(token.text), ..token };
    count(digits, 0, u64::MAX)
}

/// `00ff`: at least one byte, at most [`HEX_BYTES_MAX`].
pub(crate) fn hex(token: Token<'_>, digits: &str) -> Result<Vec<u8>, CommandError> {
    let fail = |code, message: &str| Err(CommandError::new(code, token.text, token.column, message));
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return fail(Code::BadSyntax, "bytes are written as pairs of hex digits, e.g. 00ff");
    }
    if digits.len() / 2 > HEX_BYTES_MAX {
        return fail(Code::BadRange, "at most 1024 bytes can be given");
    }
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_default();
    Ok((0..digits.len()).step_by(2).map(pair).collect())
}

/// The same for the narrower types.
pub(crate) fn count_u32(token: Token<'_>, min: u32, max: u32) -> Result<u32, CommandError> {
    // What is at most `max` fits.
    Ok(u32::try_from(count(token, u64::from(min), u64::from(max))?).unwrap_or(max))
}

pub(crate) fn count_usize(token: Token<'_>, min: usize, max: usize) -> Result<usize, CommandError> {
    let wide = |number| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(usize::try_from(count(token, wide(min), wide(max))?).unwrap_or(max))
}
