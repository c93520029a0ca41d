//! A table of texts, for a terminal or for a document.

use std::fmt::Write as _;

/// A table with a heading and what a reader has to know of it.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// The heading.
    pub title: String,
    /// Sentences below the heading; may be empty.
    pub note: String,
    /// One name per column.
    pub head: Vec<String>,
    /// As many cells as columns.
    pub rows: Vec<Vec<String>>,
}

impl Grid {
    /// A table without rows yet.
    #[must_use]
    pub fn new(title: &str, note: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { title: title.to_owned(), note: note.to_owned(), head, rows: Vec::new() }
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let (widths, are_numbers) = (self.widths(), self.are_numbers());
        let mut text = format!("== {}\n", self.title);
        if !self.note.is_empty() {
            let _infallible = writeln!(text, "{}", self.note);
        }
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), is_number) in row.iter().zip(&widths).zip(&are_numbers) {
                let _infallible = match is_number {
                    true => write!(line, "{cell:>width$}  "),
                    false => write!(line, "{cell:width$}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// For a document.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        if !self.note.is_empty() {
            let _infallible = writeln!(text, "{}\n", self.note);
        }
        let rules = self.are_numbers().into_iter().map(|is_number| if is_number { "---:" } else { "---" });
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

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.head.len()];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }

    /// Which columns hold numbers alone, so that they align at their end.
    fn are_numbers(&self) -> Vec<bool> {
        let is_number = |cell: &String| {
            cell.is_empty() || cell == "-" || cell.starts_with(|first: char| first.is_ascii_digit())
        };
        (0..self.head.len()).map(|column| self.rows.iter().all(|row| is_number(&row[column]))).collect()
    }
}
