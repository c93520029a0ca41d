//! Printing: tables for people, one JSON value per line for programs.

use std::io::{self, Write};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::Value;

use super::exit::CliError;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Prints one JSON value on one line.
pub(super) fn print_json(value: &Value) -> Result<(), CliError> {
    print_line(&value.to_string())
}

/// Prints a line; a reader that went away (`| head`) is an error like any other, not a panic.
pub(super) fn print_line(line: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|source| CliError::Io { what: "standard output".to_owned(), source })
}

/// Prints a table with a header.
pub(super) fn print_table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<(), CliError> {
    print_wide_table(header.map(str::to_owned).into(), rows.into_iter().map(Vec::from))
}

/// Prints a table with as many columns as its header has.
pub(super) fn print_wide_table(
    header: Vec<String>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), CliError> {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    print_line(&table.to_string())
}
