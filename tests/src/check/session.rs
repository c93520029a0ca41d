//! C3, session guarantees: a client that stays at a station, and its neighbours there, never see it go back.
//!
//! Whatever a station showed when it answered anybody, it still shows at every later answer, also after `kill -9`: that
//! is monotonic reads and read-your-writes for all clients of the station at once. Only what the harness took from its
//! disk excuses it. And a client that read something and then writes elsewhere with the context of what it read is
//! served by a station that has it (writes follow reads, roaming), or refused. A client that roams with a token is served
//! only by a station that shows everything in it, and gets one that has everything it was shown. Monotonic writes are C2: a station's own
//! writes are in the past of those after them.

use super::Property;
use super::counts::Counts;
use super::durability::Restorable;
use super::finding::{Verdict, broken};
use super::known::{Known, Reading};
use super::names::{StationId, WriteId};

/// What each station has shown in its answers, and not lost since.
#[derive(Debug, Default)]
pub(super) struct Session {
    floors: Vec<Counts>,
}

fn wrong(text: String) -> Verdict {
    broken(Property::Session, text)
}

impl Session {
    fn floor(&mut self, at: StationId) -> &mut Counts {
        if self.floors.len() <= at.0 {
            self.floors.resize_with(at.0 + 1, Counts::default);
        }
        &mut self.floors[at.0]
    }

    /// A station answers: with no less than before.
    pub(super) fn answered(&mut self, known: &Known, at: StationId) -> Verdict {
        self.not_less(known, at, "answers")?;
        self.floor(at).merge(&known.station(at).visible);
        Ok(())
    }

    /// A station came back. What its disk no longer holds, or holds behind something that is gone, it had shown from
    /// memory until then: the harness took it.
    pub(super) fn started(&mut self, known: &Known, at: StationId, restorable: &Restorable) -> Verdict {
        let mut whole = Counts::default();
        restorable.whole.iter().for_each(|write| whole.raise(known.dot(*write)));
        self.floor(at).lower_to(&whole);
        self.not_less(known, at, "came back")
    }

    fn not_less(&mut self, known: &Known, at: StationId, does: &str) -> Verdict {
        let Some(missing) = known.station(at).visible.first_missing(self.floor(at)) else { return Ok(()) };
        let (name, missing) = (known.station_text(at), known.names.dot_text(missing));
        wrong(format!(
            "{name} {does} without {missing}, which it had shown before and nobody took from its disk"
        ))
    }

    /// The harness took writes from a station's disk, and with them what depends on them.
    pub(super) fn lost(&mut self, known: &Known, at: StationId, lost: &[WriteId]) {
        let floor = self.floor(at);
        lost.iter().for_each(|write| floor.lower_below(known.dot(*write)));
        for write in known.station(at).shown() {
            let is_whole = known.past(*write).is_none_or(|past| floor.contains(past));
            if !is_whole {
                floor.lower_below(known.dot(*write));
            }
        }
    }
}

/// A station serves a client in a session: it shows all that the session has seen.
pub(super) fn covers_token(known: &Known, at: StationId, op: u64, does: &str) -> Verdict {
    let token = known.terms.get(&op).and_then(|terms| terms.session.as_ref());
    let missing = token.and_then(|token| known.station(at).visible.first_missing(token));
    let Some(missing) = missing else { return Ok(()) };
    let (name, missing) = (known.station_text(at), known.names.dot_text(missing));
    wrong(format!(
        "{name} {does} for operation {op}, whose session had seen {missing}; {name} does not show it"
    ))
}

/// The token that comes back has everything that the session had seen, and everything that the answer shows.
pub(super) fn token_returned(
    known: &Known,
    at: StationId,
    op: u64,
    (token, shown): (Option<&Counts>, &Counts),
) -> Verdict {
    let sent = known.terms.get(&op).and_then(|terms| terms.session.as_ref());
    let (name, Some(sent)) = (known.station_text(at), sent) else { return Ok(()) };
    let Some(token) = token else {
        return wrong(format!("{name} answers operation {op}, which is in a session, without a token"));
    };
    if let Some(missing) = token.first_missing(sent).or(token.first_missing(shown)) {
        let missing = known.names.dot_text(missing);
        return wrong(format!(
            "{name} gives operation {op} a token without {missing}, which its client has seen"
        ));
    }
    let station = known.station(at);
    match station.visible.first_missing(token).filter(|_| station.is_observed) {
        Some(ahead) => {
            let ahead = known.names.dot_text(ahead);
            wrong(format!("{name} gives operation {op} a token with {ahead}, which it does not show"))
        }
        None => Ok(()),
    }
}

/// A station mints a write for a client that had read these: it shows them.
pub(super) fn context_is_shown(known: &Known, at: StationId, reading: &Reading, write: WriteId) -> Verdict {
    let (Reading::Exactly(read) | Reading::Conflict(read)) = reading else { return Ok(()) };
    let station = known.station(at);
    let Some(ahead) = read.iter().find(|read| !station.shows(**read)) else { return Ok(()) };
    let (name, text, ahead) = (known.station_text(at), known.text(write), known.text(*ahead));
    wrong(format!("{name} minted {text} for a client that had read {ahead}, which {name} does not show"))
}
