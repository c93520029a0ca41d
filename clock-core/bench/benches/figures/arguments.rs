//! What can be chosen on the command line.

use std::path::PathBuf;

use clock_bench::case::Subject;
use clock_bench::measure::Effort;

const USAGE: &str = "\
cargo bench -p clock-bench --bench figures -- [--quick] [--json FILE] [--markdown FILE] [FILTER...]

  --quick      fewer and shorter passes: a look, not figures to quote
  --json FILE  all variants of everybody, in nanoseconds, to a file
  --markdown FILE  what is printed, as Markdown, to a file
  FILTER       measure operations only whose name contains it: tick, compare, hop, n=64";

pub(crate) struct Arguments {
    pub(crate) effort: Effort,
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
    filters: Vec<String>,
}

impl Arguments {
    /// The error is what to tell the user.
    pub(crate) fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { effort: Effort::FULL, json: None, markdown: None, filters: Vec::new() };
        while let Some(argument) = given.next() {
            match argument.as_str() {
                // Cargo says this to every benchmark.
                "--bench" => {}
                "--quick" => arguments.effort = Effort::QUICK,
                "--json" => arguments.json = Some(given.next().ok_or(USAGE)?.into()),
                "--markdown" => arguments.markdown = Some(given.next().ok_or(USAGE)?.into()),
                _ if argument.starts_with('-') => return Err(USAGE.to_owned()),
                _ => arguments.filters.push(argument),
            }
        }
        Ok(arguments)
    }

    pub(crate) fn wants(&self, subject: &Subject) -> bool {
        let name = format!("{} n={}", subject.op, subject.entries);
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}
