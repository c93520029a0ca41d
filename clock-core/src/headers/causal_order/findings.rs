//! A report that a hostile log cannot make long.

use alloc::vec::Vec;

/// Most races, and most contradictions, of a report: 4096. A reader is helped by the first few; a log of 1024
/// services that never hear of each other has half a million races, and a tampered one has a contradiction
/// per line and service.
pub const FINDINGS_MAX: usize = 4096;

/// The first findings, and how many more there were.
#[derive(Clone, Debug)]
pub(super) struct Findings<T> {
    kept: Vec<T>,
    omitted: u64,
}

impl<T> Findings<T> {
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), omitted: 0 }
    }

    /// Counts a finding, and makes it if there is room.
    pub(super) fn push(&mut self, finding: impl FnOnce() -> T) {
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(finding());
        } else {
            self.omitted += 1;
        }
    }

    pub(super) fn kept(&self) -> &[T] {
        &self.kept
    }

    pub(super) fn omitted(&self) -> u64 {
        self.omitted
    }
}
