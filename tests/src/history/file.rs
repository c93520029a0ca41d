//! Histories in files: one line of JSON each; empty lines and lines that begin with `#` are for people.

use std::fmt;
use std::io::BufRead;

use super::Line;

/// A line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its number in the file, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.number, self.why)
    }
}

impl std::error::Error for Malformed {}

/// The lines of a history with their numbers, read as they are asked for.
///
/// # Errors
/// Each item: [`Malformed`] if it cannot be read or is no line of a history.
pub fn read(input: impl BufRead) -> impl Iterator<Item = Result<(usize, Line), Malformed>> {
    let numbered = input.lines().enumerate().map(|(at, text)| (at + 1, text));
    numbered.filter_map(|(number, text)| {
        let malformed = |why: String| Malformed { number, why };
        let text = match text {
            Ok(text) => text,
            Err(error) => return Some(Err(malformed(format!("cannot be read: {error}")))),
        };
        if text.trim().is_empty() || text.starts_with('#') {
            return None;
        }
        let line = Line::from_json(&text);
        Some(match line {
            Ok(line) => Ok((number, line)),
            Err(error) => Err(malformed(format!("expected a line of a history as JSON: {error}"))),
        })
    })
}
