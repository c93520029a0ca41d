//! The test library of the workspace.
