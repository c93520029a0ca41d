//! Every version a key ever had.

use super::{ANSWER_BYTES_MAX, LISTED_MAX, Log, answer_bytes};
use crate::id::Key;
use crate::replica::Lsn;
use crate::wire::{HistoryEntry, Response};

/// The entries behind a position, oldest first, as many as an answer holds.
pub(super) fn history<L: Log>(log: &L, key: &Key, after: Lsn, upto: Lsn) -> Result<Response, L::Error> {
    let (mut entries, mut bytes) = (Vec::<HistoryEntry>::new(), 0);
    for placed in log.of_key(key, after)? {
        let (lsn, event) = placed?;
        if lsn > upto {
            break;
        }
        if entries.len() == LISTED_MAX || bytes > ANSWER_BYTES_MAX {
            let more_after = entries.last().map(|last| last.position);
            return Ok(Response::History { entries, more_after });
        }
        bytes += answer_bytes(&event);
        entries.push(HistoryEntry::new(lsn.0, event));
    }
    if entries.is_empty() && after == Lsn(0) {
        return Ok(Response::UnknownKey);
    }
    Ok(Response::History { entries, more_after: None })
}
