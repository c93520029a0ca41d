//! The committed corpus: inputs that a fuzzer found, each of which reaches something that the others do not.
//!
//! One file an input under `corpus/DECODER`, named by the hash of its content, so that two runs that find the same input
//! write one file. `minimise` renews it.

use std::io;
use std::path::{Path, PathBuf};

/// Most inputs kept for one decoder.
pub const FILES_MAX: usize = 100;
/// Most bytes kept for one decoder.
pub const BYTES_MAX: usize = 200 * 1024;

/// Where it is.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The inputs of one decoder with their names, in the order of their names.
///
/// # Errors
/// If there are none, or one cannot be read.
pub fn of(decoder: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(root().join(decoder))? {
        let entry = entry?;
        inputs.push((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?));
    }
    inputs.sort();
    Ok(inputs)
}
