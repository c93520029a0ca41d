//! As many file descriptors as the system lets this process have.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::debug;

/// Raises the soft limit to the hard one. The usual 1,024 are 500 connections, and the only reason for them are
/// programs that use `select()`.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => debug!(?before, now = ?limit.current, "file descriptors"),
        Err(error) => debug!(%error, ?before, "no more file descriptors"),
    }
}
