//! Bytes to lines, with a bound.

use crate::command::LINE_BYTES_MAX;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Text(String),
    /// Longer than allowed; its bytes are gone.
    TooLong,
}

/// Collects bytes and cuts them at line ends. Holds at most one line and what it was fed last.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    buffer: Vec<u8>,
    is_skipping: bool,
}

impl LineSplitter {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let rest = self.buffer.split_off(end + 1);
            let line = std::mem::replace(&mut self.buffer, rest);
            return Some(self.finished(&line[..end]));
        }
        if self.buffer.len() > LINE_BYTES_MAX {
            self.is_skipping = true;
            self.buffer.clear();
        }
        None
    }

    /// What is left at the end of the input, if it is not empty.
    pub(super) fn last_line(&mut self) -> Option<Line> {
        let line = std::mem::take(&mut self.buffer);
        if line.is_empty() && !self.is_skipping {
            return None;
        }
        Some(self.finished(&line))
    }

    fn finished(&mut self, line: &[u8]) -> Line {
        if std::mem::take(&mut self.is_skipping) || line.len() > LINE_BYTES_MAX {
            return Line::TooLong;
        }
        // What is no UTF-8 is no command either; the parser will say so.
        Line::Text(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(bytes: &[u8], step: usize) -> Vec<Line> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for part in bytes.chunks(step) {
            splitter.feed(part);
            while let Some(line) = splitter.next_line() {
                lines.push(line);
            }
        }
        lines.extend(splitter.last_line());
        lines
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let input = format!("a\r\n\n{long}\nb\nlast");
        for step in [1, 7, 5000, 100_000] {
            let text = |text: &str| Line::Text(text.to_owned());
            let expected = [text("a"), text(""), Line::TooLong, text("b"), text("last")];
            assert_eq!(split(input.as_bytes(), step), expected, "in steps of {step}");
        }
    }
}
