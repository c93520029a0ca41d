//! Figures as text: one table of times and ratios, and one of sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::case::{Format, Op, Subject, Who};
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

    /// The table: nanoseconds per operation, and how many times as long the best peer takes as we do.
    #[must_use]
    pub fn table(&self) -> String {
        let whos: BTreeSet<Who> = self.whos().collect();
        let mut text = format!("{:27} {:>5} {:>3}", "ns per operation", "n", "thr");
        for who in &whos {
            let _infallible = write!(text, " {who:>11}");
        }
        text.push_str("  best peer / ours\n");
        for row in self.rows().filter(|row| row.op != Op::Limit) {
            let entries = if row.entries == 0 { "-".to_owned() } else { row.entries.to_string() };
            let _infallible = write!(text, "{:27} {entries:>5} {:>3}", row.op, row.threads);
            for who in &whos {
                let figure = self.best(row, |other| other == *who);
                let _infallible =
                    write!(text, " {:>11}", figure.map_or("-".to_owned(), |figure| ns(figure.ns)));
            }
            text.push_str(&self.ratio(row));
            text.push('\n');
        }
        text
    }

    /// The limits of the machine.
    #[must_use]
    pub fn limits(&self) -> String {
        let limits = self.rows.iter().filter(|(row, _)| row.op == Op::Limit).flat_map(|(_, figures)| figures);
        limits
            .map(|figure| {
                let Subject { variant, threads, .. } = &figure.subject;
                format!("{variant:46} {threads} thr {:>9}\n", ns(figure.ns))
            })
            .collect()
    }

    fn whos(&self) -> impl Iterator<Item = Who> {
        self.rows.values().flatten().map(|figure| figure.subject.who).filter(|who| *who != Who::Machine)
    }

    fn ratio(&self, row: Row) -> String {
        let (Some(ours), Some(peer)) = (self.ours(row), self.best(row, Who::is_peer)) else {
            return String::new();
        };
        let Subject { who, variant, .. } = &peer.subject;
        format!("  {:>8.2}x  {who} {variant}", peer.ns / ours.ns)
    }
}

/// Bytes on the wire, at one size.
#[must_use]
pub fn sizes(sizes: &[(Subject, usize)], entries: usize) -> String {
    let mut text = String::new();
    for format in [Format::Text, Format::MsgPack, Format::Binary] {
        let is_of_row = |subject: &Subject| subject.op == Op::Encode(format) && subject.entries == entries;
        for (subject, bytes) in sizes.iter().filter(|(subject, _)| is_of_row(subject)) {
            let Subject { entries, who, variant, .. } = subject;
            let _infallible = writeln!(text, "{format:8} {entries:>5} {who:>11} {variant:38} {bytes:>7}");
        }
    }
    text
}

/// Three significant digits are more than the noise leaves.
#[must_use]
pub fn ns(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1000.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
