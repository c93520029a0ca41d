//! The test library of the workspace.

pub mod memory;
pub mod relation;
pub mod stations;
pub mod timeline;
