//! Checks histories: of the simulator, of real processes, or forged by hand.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use clock_tests::check::{Checker, Violation};
use clock_tests::history::{self, Malformed};

const HELP: &str = "\
Checks histories against the properties C1 to C11 (docs/testing.md).

Usage: clock-check HISTORY.jsonl...

Each file is judged by itself; - is the standard input. For each one line is printed: what the history
had in it and `ok`, or the first violation with its place.

  -h, --help    this text

Exit codes: 0 every history is right, 1 one breaks a property, 2 one cannot be read.";

/// Why a history did not pass.
enum Failure {
    Unreadable(std::io::Error),
    Malformed(Malformed),
    /// At this line of the file, or as a whole.
    Broken(Option<usize>, Violation),
}

fn judge(input: impl BufRead, checker: &mut Checker) -> Result<(), Failure> {
    for line in history::read(input) {
        let (number, line) = line.map_err(Failure::Malformed)?;
        checker.observe(&line).map_err(|violation| Failure::Broken(Some(number), violation))?;
    }
    checker.end().map_err(|violation| Failure::Broken(None, violation))
}

fn judge_file(name: &str, checker: &mut Checker) -> Result<(), Failure> {
    match name {
        "-" => judge(std::io::stdin().lock(), checker),
        path => judge(BufReader::new(File::open(path).map_err(Failure::Unreadable)?), checker),
    }
}

/// Prints what is to be said of a file, and returns its exit code.
fn report(name: &str) -> u8 {
    let mut checker = Checker::default();
    let judged = judge_file(name, &mut checker);
    let seen = checker.counters();
    let had = format!(
        "{} lines, {} operations, {} writes acknowledged, {} reads",
        seen.lines, seen.operations, seen.acknowledged, seen.reads
    );
    match judged {
        Ok(()) => {
            println!("{name}: {had}: ok");
            0
        }
        Err(Failure::Broken(Some(number), violation)) => {
            println!("{name}:{number}: {violation}");
            1
        }
        Err(Failure::Broken(None, violation)) => {
            println!("{name}: as a whole ({had}): {violation}");
            1
        }
        Err(Failure::Malformed(malformed)) => {
            eprintln!("{name}:{malformed}");
            2
        }
        Err(Failure::Unreadable(error)) => {
            eprintln!("{name}: cannot be read: {error}");
            2
        }
    }
}

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.iter().any(|name| name == "-h" || name == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if names.is_empty() || names.iter().any(|name| name.starts_with('-') && name != "-") {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    }
    ExitCode::from(names.iter().map(|name| report(name)).max().unwrap_or(0))
}
