//! Distributions from files: which ones a line names, and what is in them. Reading them is the caller's part.

use std::sync::Arc;

use super::lexer::{self, Kind, Token};
use super::timing::is_file;

/// Largest file of samples: some hundred thousand numbers, far more than a distribution's shape needs.
pub(crate) const SAMPLES_FILE_BYTES_MAX: u64 = 4 << 20;

/// The files that a line wants its `dist=` from.
pub(crate) fn sample_files(line: &str) -> Vec<String> {
    let Ok(tokens) = lexer::tokens(line, super::tag(line).is_some()) else { return Vec::new() };
    let named = |window: &[Token<'_>]| match window {
        [key, equals, value] if key.text == "dist" && equals.kind == Kind::Equals && is_file(*value) => {
            Some(value.unquoted().to_owned())
        }
        _ => None,
    };
    tokens.windows(3).filter_map(named).collect()
}

/// Numbers separated by white space; `#` begins a comment. At least one, all finite.
///
/// # Errors
/// The number of the line that is wrong, from 1.
pub(crate) fn samples(text: &str) -> Result<Arc<[f64]>, usize> {
    let mut numbers = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for word in line.split('#').next().unwrap_or_default().split_whitespace() {
            match word.parse::<f64>() {
                Ok(number) if number.is_finite() => numbers.push(number),
                _ => return Err(at + 1),
            }
        }
    }
    if numbers.is_empty() { Err(1) } else { Ok(numbers.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_names_and_read_as_numbers() {
        assert_eq!(sample_files("@1 delay * 5ms dist=normal; delay * 1ms dist=./x.txt"), ["./x.txt"]);
        assert_eq!(sample_files("delay * 5ms dist=\"my file\""), ["my file"]);
        assert_eq!(samples("# netem\n-1 0.5\n2").as_deref(), Ok(&[-1.0, 0.5, 2.0][..]));
        assert_eq!(samples("1\nx\n").as_deref(), Err(&2));
        assert_eq!(samples("# nothing").as_deref(), Err(&1));
    }
}
