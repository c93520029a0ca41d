//! Plans that once failed, kept as files with what they are about: they pass now, and fail again with the bug back.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::Plan;

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What happened, for people.
    pub story: String,
    /// The mutant that has the bug.
    pub mutant: String,
    /// The property that it broke.
    pub property: String,
    /// The plan, made as small as it gets.
    pub plan: Plan,
}

impl Kept {
    /// Where they are kept.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
    }

    /// All of them, by name of file.
    ///
    /// # Errors
    /// Which file cannot be read, and why.
    pub fn all() -> Result<Vec<(String, Self)>, String> {
        let folder = Self::folder();
        let said = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let entries = std::fs::read_dir(&folder).map_err(|error| said(&folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let read = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).map_err(|error| said(&path, &error))?;
            let kept = serde_json::from_str(&text).map_err(|error| said(&path, &error))?;
            Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), kept))
        };
        paths.into_iter().map(read).collect()
    }
}
