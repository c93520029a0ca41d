//! Sizes and rates. KB, MB and GB are powers of 1000, KiB, MiB and GiB powers of 1024.

use super::error::{Code, CommandError};
use super::lexer::Token;

/// Largest size, and largest rate per second: a tebibyte. More than any link carries.
pub(crate) const BYTES_MAX: u64 = 1 << 40;

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `64KB`, `1.5MiB`, `100B`; at least `min`.
pub(crate) fn size(token: Token<'_>, min: u64) -> Result<u64, CommandError> {
    bytes(token, token.text, min, "a size needs a unit, e.g. 64KB or 64KiB")
}

/// `1MB/s`.
pub(crate) fn rate(token: Token<'_>) -> Result<u64, CommandError> {
    const HINT: &str = "a rate needs a unit, e.g. 1MB/s";
    match token.text.strip_suffix("/s") {
        Some(text) => bytes(token, text, 1, HINT),
        None => Err(CommandError::new(Code::BadUnit, token.text, token.column, HINT)),
    }
}

fn bytes(token: Token<'_>, text: &str, min: u64, hint: &str) -> Result<u64, CommandError> {
    let fail = |code, message: &str| Err(CommandError::new(code, token.text, token.column, message));
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return fail(Code::BadSyntax, "a size is a number and a unit, e.g. 64KB");
    }
    if unit.is_empty() {
        return fail(Code::BadUnit, hint);
    }
    let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return fail(Code::BadUnit, "the units are B, KB, MB, GB, KiB, MiB and GiB");
    };
    match scaled(number, *scale) {
        Some(bytes) if (min..=BYTES_MAX).contains(&bytes) => Ok(bytes),
        Some(_) => fail(Code::BadRange, &format!("the size must lie between {min}B and 1024GiB")),
        None => fail(Code::BadSyntax, "a size is a number and a unit, e.g. 64KB"),
    }
}

/// `number * scale`, rounded down, without a detour over floating point.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<u32>().ok()?;
    let tenths = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<u64>().ok()?;
    let part = u128::from(fraction) * u128::from(scale) / u128::from(tenths);
    u64::from(whole).checked_mul(scale)?.checked_add(u64::try_from(part).ok()?)
}

/// The size in the largest unit that divides it.
pub(crate) fn size_text(bytes: u64) -> String {
    let fits = |(_, scale): &&(&str, u64)| bytes >= *scale && bytes.is_multiple_of(*scale);
    let (unit, scale) = UNITS.iter().filter(fits).max_by_key(|(_, scale)| *scale).unwrap_or(&UNITS[0]);
    format!("{}{unit}", bytes / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lexer::Kind;

    fn parse(text: &str) -> Result<u64, String> {
        let token = Token { kind: Kind::Word, text, column: 1, offset: 0 };
        size(token, 1).map_err(|error| error.to_string())
    }

    #[test]
    fn units_of_1000_and_of_1024_are_told_apart() {
        for (text, bytes) in [("1KB", 1000), ("1KiB", 1024), ("1.5MB", 1_500_000), ("0.5KiB", 512), ("7B", 7)]
        {
            assert_eq!(parse(text), Ok(bytes));
        }
        for bytes in [1, 512, 1000, 1024, 1_500_000, 3 << 30] {
            assert_eq!(parse(&size_text(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn mistakes_say_what_is_missing() {
        let table = [
            ("64", r#"bad-unit "64": a size needs a unit, e.g. 64KB or 64KiB (line 1, col 1)"#),
            ("64kb", r#"bad-unit "64kb": the units are B, KB, MB, GB, KiB, MiB and GiB (line 1, col 1)"#),
            ("KB", r#"bad-syntax "KB": a size is a number and a unit, e.g. 64KB (line 1, col 1)"#),
            ("1.2.3KB", r#"bad-syntax "1.2.3KB": a size is a number and a unit, e.g. 64KB (line 1, col 1)"#),
            ("0B", r#"bad-range "0B": the size must lie between 1B and 1024GiB (line 1, col 1)"#),
            ("9999GB", r#"bad-range "9999GB": the size must lie between 1B and 1024GiB (line 1, col 1)"#),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), Err(expected.to_owned()));
        }
    }
}
