//! What was measured, by column and relay.

use std::collections::BTreeMap;

use crate::grid::Grid;

use crate::peer::Peer;

/// A figure, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// A number in the unit of its column.
    Value(f64),
    /// A few words.
    Note(String),
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    cells: BTreeMap<(String, Peer), Cell>,
}

/// A table: its heading, what a reader has to know, and its columns.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) title: &'a str,
    pub(crate) note: &'a str,
    pub(crate) columns: &'a [String],
    /// Whether a column with the ratio to no relay stands beside each.
    pub(crate) with_ratio: bool,
}

impl Figures {
    /// Notes a figure.
    pub(crate) fn put(&mut self, column: &str, peer: Peer, cell: Cell) {
        self.cells.insert((column.to_owned(), peer), cell);
    }

    /// Notes a number, or that there was nothing to count.
    pub(crate) fn put_value(&mut self, column: &str, peer: Peer, value: Option<f64>) {
        let cell = value.map_or_else(|| Cell::Note("no samples".to_owned()), Cell::Value);
        self.put(column, peer, cell);
    }

    /// A number, if there is one.
    pub(crate) fn value(&self, column: &str, peer: Peer) -> Option<f64> {
        match self.cells.get(&(column.to_owned(), peer))? {
            Cell::Value(value) => Some(*value),
            Cell::Note(_) => None,
        }
    }

    /// One row per relay that has anything in these columns.
    pub(crate) fn table(&self, layout: &Layout<'_>) -> Grid {
        let mut grid = Grid::new(layout.title, layout.note, &["relay"]);
        for column in layout.columns {
            grid.head.push(column.clone());
            if layout.with_ratio {
                grid.head.push("to direct".to_owned());
            }
        }
        let has_any = |peer: &Peer| layout.columns.iter().any(|column| self.cell(column, *peer).is_some());
        for peer in Peer::ALL.into_iter().filter(has_any) {
            let cells =
                layout.columns.iter().flat_map(|column| self.cells_of(column, peer, layout.with_ratio));
            grid.rows.push(std::iter::once(peer.to_string()).chain(cells).collect());
        }
        grid
    }

    fn cell(&self, column: &str, peer: Peer) -> Option<&Cell> {
        self.cells.get(&(column.to_owned(), peer))
    }

    fn cells_of(&self, column: &str, peer: Peer, with_ratio: bool) -> Vec<String> {
        let cell = self.cell(column, peer);
        let text = match cell {
            None => "-".to_owned(),
            Some(Cell::Value(value)) => digits(*value),
            Some(Cell::Note(note)) => note.clone(),
        };
        let ratio = || {
            let ratio = self.value(column, peer)? / self.value(column, Peer::Direct)?;
            Some(format!("{ratio:.2}"))
        };
        let mut cells = vec![text];
        cells.extend(with_ratio.then(|| ratio().unwrap_or_else(|| "-".to_owned())));
        cells
    }
}

/// Three significant digits are more than the noise leaves.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
