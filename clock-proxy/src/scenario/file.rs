//! A scenario from a file.

use std::cell::Cell;
use std::path::PathBuf;

use super::{FILE_BYTES_MAX, Plan, ScenarioError, read};
use crate::command::{Code, CommandError, World, sample_files};
use crate::control::file;
use crate::directory::Directory;

/// Reads and checks a scenario file. Random shapes are counted from 0, so that a file means the same every time.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub(crate) async fn read_file(path: &str, directory: &Directory, seed: u64) -> Result<Plan, ScenarioError> {
    let fail = |error| ScenarioError { file: path.to_owned(), error };
    let text = file::read(PathBuf::from(path), FILE_BYTES_MAX).await;
    let text = text.map_err(|error| fail(CommandError::new(Code::Io, "", 1, error.to_string())))?;
    let samples = file::samples(text.lines().flat_map(sample_files).collect()).await;
    let draws = Cell::new(0);
    let next_draw = || draws.replace(draws.get() + 1);
    let world = World { samples: &samples, seed, next_draw: &next_draw, ..World::of(directory) };
    read(&text, &world).map_err(fail)
}
