//! The test library of the workspace: an in-memory cluster, a cluster of real processes, and the claims they prove.

#![expect(clippy::panic, reason = "a test library says what it met instead, and stops the test")]

pub mod check;
pub mod compose;
pub mod history;
pub mod hostile;
pub mod memory;
#[cfg(feature = "sim-bugs")]
pub mod mutants;
pub mod processes;
pub mod read_back;
pub mod recorder;
pub mod relation;
pub mod setting;
pub mod sim;
pub mod stations;
pub mod timeline;
pub mod two_writers;
