//! Two-line element sets: fixed columns, a checksum in each line. Fields are read by the `sgp4` crate.

use bytes::Bytes;
use sgp4::Elements;

use super::tle_columns;

const LINE_CHARS: usize = 69;
/// Line 0 of the three-line form has 24 characters by convention; more is tolerated, a page is not.
const NAME_CHARS_MAX: usize = 64;

/// A valid element set with the text it came from.
#[derive(Debug, Clone)]
pub struct Tle {
    name: Option<String>,
    lines: [String; 2],
    elements: Elements,
}

/// Why a text is no element set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTle {
    /// Not two lines, or three with a name first.
    #[error("element set has {lines} lines: expected 2, or 3 with the name first")]
    Lines {
        /// How many there were.
        lines: usize,
    },
    /// The text is not ASCII.
    #[error("element set has byte {byte:#04x} at offset {offset}: expected ASCII text")]
    NotAscii {
        /// Where, from 0.
        offset: usize,
        /// What was there.
        byte: u8,
    },
    /// The name is too long.
    #[error("element set name has {chars} characters: expected at most {NAME_CHARS_MAX}")]
    Name {
        /// How long it is.
        chars: usize,
    },
    /// A line has the wrong length.
    #[error("element line {line} has {chars} characters: expected {LINE_CHARS}")]
    Length {
        /// Line 1 or 2.
        line: usize,
        /// How long it is.
        chars: usize,
    },
    /// The name has a character that no display shows.
    #[error("element set name has the control character {found:?}: expected printable text")]
    NameCharacter {
        /// Which.
        found: char,
    },
    /// The last digit of a line is not the sum of the digits before it.
    #[error(
        "element line {line}, column 69 (checksum): {found:?}: expected {expected}, the sum of columns 1 to 68"
    )]
    Checksum {
        /// Line 1 or 2.
        line: usize,
        /// What it has.
        found: char,
        /// What its columns add up to, a minus sign being worth 1.
        expected: u32,
    },
    /// A field does not hold what its columns are for.
    #[error("element line {line}, columns {first} to {last} ({field}): {found:?}: expected {expected}")]
    Field {
        /// Line 1 or 2.
        line: usize,
        /// The first column, from 1.
        first: usize,
        /// The last column (inclusive).
        last: usize,
        /// Which field it is.
        field: &'static str,
        /// What was there.
        found: String,
        /// What was expected there.
        expected: &'static str,
    },
    /// The epoch is day 366 of a year that has 365.
    #[error(
        "element line 1, columns 21 to 32 (epoch day): {day:?}: expected below 366 in the year {year:02}"
    )]
    LeapDay {
        /// The last two digits of the year.
        year: u32,
        /// The day as it was given.
        day: String,
    },
    /// The lines are of two satellites.
    #[error(
        "element lines 1 and 2, columns 3 to 7 (satellite number): {first:?} and {second:?}: expected the same"
    )]
    OtherSatellite {
        /// That of line 1.
        first: String,
        /// That of line 2.
        second: String,
    },
    /// The reader of element sets objects to what no check of a column found.
    #[error("element set: {0}")]
    Elements(String),
}

impl Tle {
    /// Reads two lines, or three with the satellite's name first.
    ///
    /// # Errors
    /// [`InvalidTle`] names the line and what was expected.
    pub fn parse(input: &[u8]) -> Result<Self, InvalidTle> {
        let text = ascii(input)?;
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let (name, first, second) = match lines.as_slice() {
            [first, second] => (None, *first, *second),
            [name, first, second] => (Some(checked_name(name)?), *first, *second),
            other => return Err(InvalidTle::Lines { lines: other.len() }),
        };
        for (line, text) in [(1, first), (2, second)] {
            if text.len() != LINE_CHARS {
                return Err(InvalidTle::Length { line, chars: text.len() });
            }
        }
        tle_columns::check([first, second])?;
        let elements = Elements::from_tle(name.clone(), first.as_bytes(), second.as_bytes())
            .map_err(|error| InvalidTle::Elements(error.to_string()))?;
        Ok(Self { name, lines: [first.to_owned(), second.to_owned()], elements })
    }

    /// The fields, in the units of the format (degrees, revolutions a day).
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// The satellite's name, if a line in front gave one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The two lines as they were given, without what follows their last column.
    pub fn lines(&self) -> [&str; 2] {
        self.lines.each_ref().map(String::as_str)
    }

    /// The instant the elements are of, in microseconds since 1970. It is a part of the record, as its author gave it: no
    /// station's clock.
    pub fn epoch_us(&self) -> i64 {
        self.elements.datetime.and_utc().timestamp_micros()
    }

    /// The canonical bytes: the lines joined by a single line feed, the name first if there is one.
    pub fn to_bytes(&self) -> Bytes {
        let lines = self.name.iter().chain(&self.lines).map(String::as_str).collect::<Vec<_>>();
        lines.join("\n").into()
    }
}

fn ascii(input: &[u8]) -> Result<&str, InvalidTle> {
    if let Some(offset) = input.iter().position(|byte| !byte.is_ascii()) {
        return Err(InvalidTle::NotAscii { offset, byte: input[offset] });
    }
    Ok(std::str::from_utf8(input).expect("ASCII is UTF-8"))
}

/// The name without the `0 ` that some sources put in front.
fn checked_name(line: &str) -> Result<String, InvalidTle> {
    let mut name = line.trim();
    while let Some(rest) = name.strip_prefix("0 ") {
        name = rest.trim_start();
    }
    if let Some(found) = name.chars().find(|character| character.is_control()) {
        return Err(InvalidTle::NameCharacter { found });
    }
    if name.len() > NAME_CHARS_MAX {
        return Err(InvalidTle::Name { chars: name.len() });
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VANGUARD: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                            2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";

    #[test]
    fn a_real_element_set_is_read_and_kept_to_the_letter() {
        let tle = Tle::parse(VANGUARD.replace('\n', "\r\n").as_bytes()).unwrap();
        assert_eq!(tle.elements().norad_id, 5);
        assert_eq!(tle.to_bytes(), VANGUARD);
        let named = Tle::parse(format!("0 VANGUARD 1\n{VANGUARD}\n").as_bytes()).unwrap();
        assert_eq!(named.to_bytes(), format!("VANGUARD 1\n{VANGUARD}"));
    }

    #[test]
    fn one_wrong_digit_fails_the_checksum() {
        let broken = VANGUARD.replacen("34.2682", "34.2683", 1);
        let refused = Tle::parse(broken.as_bytes()).unwrap_err();
        assert_eq!(refused, InvalidTle::Checksum { line: 2, found: '7', expected: 8 });
        let short = &VANGUARD[..VANGUARD.len() - 1];
        assert_eq!(Tle::parse(short.as_bytes()).unwrap_err(), InvalidTle::Length { line: 2, chars: 68 });
        assert_eq!(Tle::parse(b"").unwrap_err(), InvalidTle::Lines { lines: 0 });
    }
}
