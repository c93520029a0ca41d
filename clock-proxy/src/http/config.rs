//! `--toxiproxy-config`: a file with what `/populate` takes.

use std::path::Path;

use super::proxies::relay_wishes;
use crate::control::relays::RelayWish;
use crate::topology::{Fault, Origin, TopologyError};

/// Reads the relays of a file.
pub(crate) async fn read_relays(path: &Path) -> Result<Vec<RelayWish>, TopologyError> {
    let refused =
        |fault| TopologyError { origin: Origin::File { path: path.to_owned(), line: 1, column: 1 }, fault };
    // The runtime serves nobody yet.
    let bytes = std::fs::read(path).map_err(|error| refused(Fault::Unreadable(error.to_string())))?;
    relay_wishes(&bytes).await.map_err(|error| refused(Fault::BadFile(error.to_string())))
}
