//! Files that commands name. Read and written on threads that may wait, never on one that relays.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::command::{SAMPLES_FILE_BYTES_MAX, Samples, samples as parse_samples};

/// Reads a text file of at most `bytes_max`.
pub(crate) async fn read(path: PathBuf, bytes_max: u64) -> io::Result<String> {
    off_runtime(move || read_now(&path, bytes_max)).await
}

fn read_now(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > bytes_max) {
        let message = format!("a file has at most {bytes_max} bytes here");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

pub(super) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Every distribution that is named, or why it cannot be used.
pub(crate) async fn samples(files: Vec<String>) -> Samples {
    let mut samples = Samples::new();
    for file in files {
        let numbers = read_samples(read(PathBuf::from(&file), SAMPLES_FILE_BYTES_MAX).await);
        samples.insert(file, numbers);
    }
    samples
}

/// Writes a file as a whole: whoever reads it sees the old one or the new one.
pub(crate) async fn write(path: PathBuf, text: String) -> io::Result<()> {
    off_runtime(move || replace(&path, &text)).await
}

/// The same on this thread.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, path)
}

/// The same on this thread.
pub(crate) fn samples_now(files: Vec<PathBuf>) -> Samples {
    let read =
        |path: PathBuf| (path.display().to_string(), read_samples(read_now(&path, SAMPLES_FILE_BYTES_MAX)));
    files.into_iter().map(read).collect()
}

fn read_samples(text: io::Result<String>) -> Result<std::sync::Arc<[f64]>, String> {
    let text = text.map_err(|error| error.to_string())?;
    parse_samples(&text).map_err(|line| format!("line {line} holds no finite number"))
}
