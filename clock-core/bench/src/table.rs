//! Figures as tables: times and ratios, and sizes.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Format, Op, Subject, Who};
use crate::grid::Grid;
use crate::measure::Figure;

/// What is compared in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The operation.
    pub op: Op,
    /// Entries of a vector.
    pub entries: usize,
    /// How many threads.
    pub threads: usize,
}

impl Row {
    /// The row of a subject.
    #[must_use]
    pub fn of(subject: &Subject) -> Self {
        Self { op: subject.op, entries: subject.entries, threads: subject.threads }
    }
}

/// Figures by row; in each row the best variant of everybody counts.
pub struct Figures<'a> {
    rows: BTreeMap<Row, Vec<&'a Figure>>,
}

impl<'a> Figures<'a> {
    /// Sorts figures into rows.
    #[must_use]
    pub fn new(figures: &'a [Figure]) -> Self {
        let mut rows: BTreeMap<Row, Vec<&Figure>> = BTreeMap::new();
        for figure in figures {
            rows.entry(Row::of(&figure.subject)).or_default().push(figure);
        }
        Self { rows }
    }

    /// All rows that have a figure.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.keys().copied()
    }

    /// The fastest in a row of those that qualify.
    pub fn best(&self, row: Row, qualifies: impl Fn(Who) -> bool) -> Option<&'a Figure> {
        let figures = self.rows.get(&row)?.iter().copied();
        figures.filter(|figure| qualifies(figure.subject.who)).min_by(|a, b| a.ns.total_cmp(&b.ns))
    }

    /// A limit of the machine, by name.
    #[must_use]
    pub fn limit(&self, row: Row, name: &str) -> Option<&'a Figure> {
        self.rows.get(&row)?.iter().copied().find(|figure| figure.subject.variant == name)
    }

    /// Ours in a row: the front door, or the bare vectors where the front door cannot do it.
    #[must_use]
    pub fn ours(&self, row: Row) -> Option<&'a Figure> {
        self.best(row, |who| who == Who::Ours).or_else(|| self.best(row, Who::is_ours))
    }

    /// Nanoseconds per operation, and how many times as long the best peer takes as we do, for some operations.
    #[must_use]
    pub fn table(&self, title: &str, note: &str, is_wanted: impl Fn(Op) -> bool) -> Grid {
        let rows: Vec<Row> = self.rows().filter(|row| row.op != Op::Limit && is_wanted(row.op)).collect();
        let whos: BTreeSet<Who> = rows.iter().flat_map(|row| self.whos(*row)).collect();
        let mut grid = Grid::new(title, note, &["ns per operation", "n", "threads"]);
        grid.head.extend(whos.iter().map(Who::to_string));
        grid.head.extend(["best peer / ours", "best peer"].map(str::to_owned));
        for row in rows {
            let entries = if row.entries == 0 { "-".to_owned() } else { row.entries.to_string() };
            let mut cells = vec![row.op.to_string(), entries, row.threads.to_string()];
            cells.extend(whos.iter().map(|who| {
                self.best(row, |other| other == *who).map_or("-".to_owned(), |figure| ns(figure.ns))
            }));
            cells.extend(self.ratio(row));
            grid.rows.push(cells);
        }
        grid
    }

    /// The limits of the machine.
    #[must_use]
    pub fn limits(&self, title: &str) -> Grid {
        let mut grid = Grid::new(title, "", &["limit", "threads", "ns"]);
        let limits = self.rows.iter().filter(|(row, _)| row.op == Op::Limit).flat_map(|(_, figures)| figures);
        grid.rows.extend(limits.map(|figure| {
            let Subject { variant, threads, .. } = &figure.subject;
            vec![variant.clone(), threads.to_string(), ns(figure.ns)]
        }));
        grid
    }

    fn whos(&self, row: Row) -> impl Iterator<Item = Who> {
        self.rows.get(&row).into_iter().flatten().map(|figure| figure.subject.who)
    }

    fn ratio(&self, row: Row) -> [String; 2] {
        let (Some(ours), Some(peer)) = (self.ours(row), self.best(row, Who::is_peer)) else {
            return [String::new(), String::new()];
        };
        let Subject { who, variant, .. } = &peer.subject;
        [format!("{:.2}", peer.ns / ours.ns), format!("{who} {variant}")]
    }
}

/// Bytes on the wire, at one size.
#[must_use]
pub fn sizes(title: &str, note: &str, sizes: &[(Subject, usize)], entries: usize) -> Grid {
    let mut grid = Grid::new(title, note, &["form", "n", "who", "variant", "bytes"]);
    for format in [Format::Text, Format::MsgPack, Format::Binary, Format::Delta] {
        let is_of_row = |subject: &Subject| subject.op == Op::Encode(format) && subject.entries == entries;
        let of_row = sizes.iter().filter(|(subject, _)| is_of_row(subject));
        grid.rows.extend(of_row.map(|(Subject { entries, who, variant, .. }, bytes)| {
            vec![format.to_string(), entries.to_string(), who.to_string(), variant.clone(), bytes.to_string()]
        }));
    }
    grid
}

/// Three significant digits are more than the noise leaves.
#[must_use]
pub fn ns(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
