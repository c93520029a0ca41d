//! The grammar of the commands alone, without a proxy: for tests and fuzzing.

use crate::command::{LINE_BYTES_MAX, World, parse_in};
use crate::directory::Directory;
use crate::topology::NODES_MAX;

/// Parses one line between these stations, as a session would, without files of samples, and returns how many commands
/// it holds; `None` for a blank one. Takes any text, in bounded time.
///
/// # Errors
/// The first thing that is wrong, as a sentence with its column.
pub fn check(line: &str, nodes: &[&str]) -> Result<Option<usize>, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("a line has at most {LINE_BYTES_MAX} bytes"));
    }
    let directory = stations(nodes);
    let parsed = parse_in(line, 1, &World::of(&directory)).map_err(|error| error.to_string())?;
    Ok(parsed.map(|line| line.commands.len()))
}

/// Stations of these names, each once, as many as a proxy takes.
pub(crate) fn stations(nodes: &[&str]) -> Directory {
    let mut directory = Directory::default();
    for name in nodes.iter().take(NODES_MAX) {
        if directory.node(name).is_none() {
            directory.add_station(name, None);
        }
    }
    directory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_mistakes_are_sentences() {
        assert_eq!(check("cut a->b; heal", &["a", "b", "b"]), Ok(Some(2)));
        assert_eq!(check("# nothing", &[]), Ok(None));
        let error = check("cut a->z", &["a"]).unwrap_err();
        assert_eq!(error, r#"unknown-node "z": no node has this name (line 1, col 8)"#);
        assert_eq!(crate::scenario::check("at 1s heal\nevery 1s until 3s ping", &["a", "b"]), Ok(4));
        assert!(crate::scenario::check("at x", &[]).is_err());
    }

    /// The worst that fits into a line: disproved by a test that takes seconds.
    #[test]
    fn a_line_full_of_flows_takes_little_time() {
        let names: Vec<String> = (0..NODES_MAX).map(|n| format!("n{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let line = format!("cut *{}", ",*".repeat(LINE_BYTES_MAX / 2 - 10));
        assert!(check(&line, &names).is_err());
        assert_eq!(check("cut *,*,*->*", &names), Ok(Some(1)));
    }
}
