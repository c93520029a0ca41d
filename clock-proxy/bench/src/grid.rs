//! A table of texts in Markdown.

use std::fmt::Write as _;

/// A table with a heading and what a reader has to know of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    /// The heading.
    title: String,
    /// Sentences below the heading; may be empty.
    note: String,
    /// One name per column.
    pub(crate) head: Vec<String>,
    /// As many cells as columns.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table without rows yet.
    pub(crate) fn new(title: &str, note: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { title: title.to_owned(), note: note.to_owned(), head, rows: Vec::new() }
    }

    /// As a part of a section.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        if !self.note.is_empty() {
            let _infallible = writeln!(text, "{}\n", self.note);
        }
        let rules =
            (0..self.head.len()).map(|column| if self.holds_numbers(column) { "---:" } else { "---" });
        let mut line = |cells: &[&str]| {
            let _infallible = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&self.head.iter().map(String::as_str).collect::<Vec<_>>());
        line(&rules.collect::<Vec<_>>());
        for row in &self.rows {
            line(&row.iter().map(String::as_str).collect::<Vec<_>>());
        }
        text
    }

    /// Numbers align at their end.
    fn holds_numbers(&self, column: usize) -> bool {
        self.rows.iter().map(|row| &row[column]).all(|cell| {
            let digits = cell.trim_start_matches('-');
            digits.is_empty() || digits.starts_with(|first: char| first.is_ascii_digit())
        })
    }
}
