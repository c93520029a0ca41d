//! The columns of a two-line element set: what each field must hold before anybody computes with it.
//!
//! The `sgp4` crate reads the fields, and would take an inclination of 900 degrees, an eccentricity that is a plus sign
//! or a mean motion of `inf`. It also says positions where a person wants the field's name. So each column is checked
//! here first, against its name and range.
//!
//! Source: Hoots and Roehrich, *Spacetrack Report No. 3*, 1980, and the column table at
//! <https://celestrak.org/columns/v04n03/>.

use super::tle::InvalidTle;

/// Columns 1 to 68 count; the last digit is their sum.
const SUMMED_COLUMNS: usize = 68;

/// One field of an element line. Columns count from 1 and the last is inclusive, as in every description of the format.
struct Column {
    line: usize,
    first: usize,
    last: usize,
    field: &'static str,
    expected: &'static str,
    holds: fn(&str) -> bool,
}

const fn column(
    line: usize,
    (first, last): (usize, usize),
    field: &'static str,
    expected: &'static str,
    holds: fn(&str) -> bool,
) -> Column {
    Column { line, first, last, field, expected, holds }
}

const SATELLITE: &str = "5 digits, or a letter and 4 digits";
const EPOCH_DAY: &str = "a day from 1 to below 367";
const SCALED: &str = "5 digits and an exponent, e.g. 12345-3";
const FRACTION: &str = "7 digits behind an assumed decimal point";
const ANGLE: &str = "degrees from 0 to 360";
const MOTION: &str = "revolutions a day, above 0 and below 20";

/// Every field but the checksum, in the order of the format.
const COLUMNS: [Column; 20] = [
    column(1, (1, 1), "line number", "1", |text| text == "1"),
    column(1, (3, 7), "satellite number", SATELLITE, is_satellite),
    column(1, (8, 8), "classification", "U, C or S", |text| matches!(text, "U" | "C" | "S")),
    column(1, (10, 17), "international designator", "a launch year of 2 digits, or blanks", is_designator),
    column(1, (19, 20), "epoch year", "2 digits", is_digits),
    column(1, (21, 32), "epoch day", EPOCH_DAY, is_epoch_day),
    column(1, (34, 43), "first derivative of mean motion", "a decimal number", is_decimal),
    column(1, (45, 52), "second derivative of mean motion", SCALED, is_scaled),
    column(1, (54, 61), "drag term", SCALED, is_scaled),
    column(1, (63, 63), "ephemeris type", "a digit", is_digits),
    column(1, (65, 68), "element set number", "a number", is_count),
    column(2, (1, 1), "line number", "2", |text| text == "2"),
    column(2, (3, 7), "satellite number", SATELLITE, is_satellite),
    column(2, (9, 16), "inclination", "degrees from 0 to 180", is_inclination),
    column(2, (18, 25), "right ascension", ANGLE, is_angle),
    column(2, (27, 33), "eccentricity", FRACTION, is_digits),
    column(2, (35, 42), "argument of perigee", ANGLE, is_angle),
    column(2, (44, 51), "mean anomaly", ANGLE, is_angle),
    column(2, (53, 63), "mean motion", MOTION, is_mean_motion),
    column(2, (64, 68), "revolution number", "a number", is_count),
];

/// The columns between fields, which are blank.
const BLANKS: [&[usize]; 2] = [&[2, 9, 18, 33, 44, 53, 62, 64], &[2, 8, 17, 26, 34, 43, 52]];

/// Checks both lines, each of exactly 69 ASCII characters.
///
/// # Errors
/// [`InvalidTle`] names the line, the columns and the field.
pub(super) fn check(lines: [&str; 2]) -> Result<(), InvalidTle> {
    for (line, text) in (1..).zip(lines) {
        check_sum(line, text)?;
    }
    for column in &COLUMNS {
        column.check(lines[column.line - 1])?;
    }
    for (line, text) in (1..).zip(lines) {
        check_blanks(line, text)?;
    }
    check_leap_day(lines[0])?;
    let [first, second] = lines.map(|text| text[2..7].trim_start());
    match first == second {
        true => Ok(()),
        false => Err(InvalidTle::OtherSatellite { first: first.to_owned(), second: second.to_owned() }),
    }
}

impl Column {
    fn check(&self, line: &str) -> Result<(), InvalidTle> {
        let found = &line[self.first - 1..self.last];
        match (self.holds)(found) {
            true => Ok(()),
            false => Err(self.refused(found)),
        }
    }

    fn refused(&self, found: &str) -> InvalidTle {
        let Self { line, first, last, field, expected, .. } = *self;
        InvalidTle::Field { line, first, last, field, found: found.to_owned(), expected }
    }
}

fn check_sum(line: usize, text: &str) -> Result<(), InvalidTle> {
    let expected = text.bytes().take(SUMMED_COLUMNS).map(worth).sum::<u32>() % 10;
    let found = text.chars().last().unwrap_or(' ');
    match found.to_digit(10) == Some(expected) {
        true => Ok(()),
        false => Err(InvalidTle::Checksum { line, found, expected }),
    }
}

/// What a character adds to the checksum of its line.
fn worth(byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'-' => 1,
        _ => 0,
    }
}

fn check_blanks(line: usize, text: &str) -> Result<(), InvalidTle> {
    let full = BLANKS[line - 1].iter().find(|column| text.as_bytes()[**column - 1] != b' ');
    let Some(&column) = full else { return Ok(()) };
    let found = text[column - 1..column].to_owned();
    Err(InvalidTle::Field {
        line,
        first: column,
        last: column,
        field: "space between fields",
        found,
        expected: "a blank",
    })
}

/// Day 366 is in leap years alone. Of the years 1957 to 2056 every fourth is one.
fn check_leap_day(first: &str) -> Result<(), InvalidTle> {
    let year: u32 = first[18..20].parse().unwrap_or_default();
    let day = decimal(&first[20..32]).unwrap_or_default();
    match day < 366.0 || year.is_multiple_of(4) {
        true => Ok(()),
        false => Err(InvalidTle::LeapDay { year, day: first[20..32].trim_start().to_owned() }),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits behind blanks.
fn is_count(text: &str) -> bool {
    is_digits(text.trim_start_matches(' '))
}

/// Alpha-5: above 99,999 the first of five digits is a letter, without I and O.
fn is_satellite(text: &str) -> bool {
    let trimmed = text.trim_start_matches(' ');
    let letter = |first: char| matches!(first, 'A'..='H' | 'J'..='N' | 'P'..='Z');
    is_digits(trimmed) || trimmed.len() == 5 && trimmed.starts_with(letter) && is_digits(&trimmed[1..])
}

fn is_designator(text: &str) -> bool {
    text.trim().is_empty() || is_digits(&text[..2])
}

/// Digits with a point, and perhaps a sign, behind blanks: without the words and exponents that Rust reads as numbers.
fn decimal(text: &str) -> Option<f64> {
    let trimmed = text.trim_start_matches(' ');
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    trimmed.parse().ok().filter(|_| is_plain)
}

fn is_decimal(text: &str) -> bool {
    decimal(text).is_some()
}

fn is_epoch_day(text: &str) -> bool {
    decimal(text).is_some_and(|day| (1.0..367.0).contains(&day))
}

fn is_inclination(text: &str) -> bool {
    decimal(text).is_some_and(|degrees| (0.0..=180.0).contains(&degrees))
}

/// 360 itself is what 359.99996 is rounded to.
fn is_angle(text: &str) -> bool {
    decimal(text).is_some_and(|degrees| (0.0..=360.0).contains(&degrees))
}

/// The lowest orbit there is takes a 17th of a day; what stands still is in no orbit.
fn is_mean_motion(text: &str) -> bool {
    decimal(text).is_some_and(|revolutions| revolutions > 0.0 && revolutions < 20.0)
}

/// A sign or blank, five digits behind an assumed point, and a power of ten of one digit with its sign.
fn is_scaled(text: &str) -> bool {
    let (digits, power) = text.split_at(6);
    let digits = digits.trim_start_matches(' ');
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    is_digits(digits) && is_digits(power.strip_prefix(['+', '-']).unwrap_or(power))
}
