//! What the replica reports, turned into log lines and watchers' notices.

use std::fmt;

use clock_core::NodeId;
use clock_core::replica::Fact;
use clock_core::wire::Notice;

/// Logs a fact at the level of who has to act: error for an operator, warn for degraded, info for life cycle.
pub(crate) fn log(station: &NodeId, fact: &Fact) {
    match fact {
        Fact::Minted { dot, request, .. } => tracing::trace!(%station, %dot, %request, "minted"),
        Fact::Applied(applied) => {
            tracing::debug!(%station, key = %applied.key, dot = ?applied.version.dots.first(), position = applied.position, "applied");
        }
        Fact::ConflictOpened(conflict) => {
            tracing::info!(%station, key = %conflict.key, conflict = %conflict.id, siblings = conflict.siblings.len(), "conflict");
        }
        Fact::ConflictClosed { id, key, by } => {
            tracing::info!(%station, %key, conflict = %id, %by, "conflict ended");
        }
        Fact::CopiesDecided { dot, outcome, w, missing } => {
            let (outcome, missing) = (outcome.as_str(), Names(missing));
            tracing::debug!(%station, %dot, outcome, w, %missing, "copies decided");
        }
        Fact::Committed { dot, request, durable_on } => {
            let durable_on = Names(durable_on);
            tracing::info!(%station, %dot, %request, %durable_on, "an indeterminate write is committed");
        }
        Fact::Duplicate { dot } => tracing::trace!(%station, %dot, "duplicate"),
        Fact::HeldBack { dot, missing } => tracing::debug!(%station, %dot, %missing, "held back"),
        Fact::HoldBackFull { dot } => {
            tracing::debug!(%station, %dot, "hold-back buffer full: will be shipped again");
        }
        Fact::Equivocation { dot, from } => {
            tracing::error!(%station, %dot, %from, "one dot with two contents: evidence is in quarantine");
        }
        Fact::TimestampRefused { dot, reason } => {
            tracing::debug!(%station, %dot, %reason, "timestamp refused, event kept");
        }
        Fact::LostOwnEvents { peer, claimed, minted } => {
            tracing::error!(%station, %peer, claimed, minted, "a peer knows events of ours that we lost");
        }
        Fact::NewIncarnation { old, new } => tracing::warn!(%station, %old, %new, "new incarnation"),
        Fact::LinkUp { peer, missing } => tracing::info!(%station, %peer, missing, "link up"),
        Fact::LinkDown { peer } => tracing::info!(%station, %peer, "link down"),
        Fact::Resending { peer } => tracing::debug!(%station, %peer, "resending"),
    }
}

/// Stations in a log line.
struct Names<'a>(&'a [NodeId]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{name}")?;
        }
        Ok(())
    }
}

/// What a watcher is told of a fact, if anything.
pub(crate) fn notice(fact: Fact) -> Option<Notice> {
    match fact {
        Fact::Applied(applied) => Some(Notice::Applied(*applied)),
        Fact::ConflictOpened(conflict) => Some(Notice::ConflictOpened(conflict)),
        Fact::ConflictClosed { id, key, by } => Some(Notice::ConflictClosed { id, key, by }),
        Fact::Committed { dot, request, durable_on } => Some(Notice::Committed { dot, request, durable_on }),
        Fact::Minted { .. }
        | Fact::CopiesDecided { .. }
        | Fact::Duplicate { .. }
        | Fact::HeldBack { .. }
        | Fact::HoldBackFull { .. }
        | Fact::Equivocation { .. }
        | Fact::TimestampRefused { .. }
        | Fact::LostOwnEvents { .. }
        | Fact::NewIncarnation { .. }
        | Fact::LinkUp { .. }
        | Fact::LinkDown { .. }
        | Fact::Resending { .. } => None,
    }
}
