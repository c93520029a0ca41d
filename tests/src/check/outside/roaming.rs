//! C3 for clients that roam with a token: the four session guarantees, wherever they ask.
//!
//! Judged without believing the token: from the dots that the client read and wrote in its session, in the order in which
//! it was told of them. A client asks one thing at a time, so whatever it was told, it was told before its next question.
//!
//! - Read your writes: a read returns each write of the session, or something that supersedes it.
//! - Monotonic reads: a read returns each version that the session has read of the key, or something that supersedes it.
//! - Monotonic writes, and writes follow reads: all that the session wrote and read before it first asked for a write is
//!   in the vector of that write. A retry proves no more, since its receipt is that of the write.
//!
//! Besides, the next token covers the last one and all that the answer names. Who sends an empty token begins anew.
//!
//! Source: Terry et al., *Session Guarantees for Weakly Consistent Replicated Data*, PDIS 1994.

use std::collections::HashMap;

use clock_core::Dot;

use super::uncovered;
use crate::check::Property;
use crate::check::counts::Counts;
use crate::check::finding::{Verdict, broken};
use crate::check::known::{Known, Operation, Question};
use crate::check::names::{DotAt, KeyId, RequestIndex, WriteId};
use crate::check::told::{Receipt, Told};

/// What the sessions were told.
#[derive(Debug, Default)]
pub(in crate::check) struct Roaming {
    sessions: HashMap<u32, Session>,
    /// Whose the operations under way are, and with which token.
    asked: HashMap<u64, (u32, Vec<DotAt>)>,
}

/// What a client was told in its session.
#[derive(Debug, Default)]
struct Session {
    wrote: Vec<Met>,
    read: Vec<Met>,
}

/// A write that a session met.
#[derive(Debug)]
struct Met {
    key: KeyId,
    write: WriteId,
    /// The line that told of it.
    line: u64,
}

impl Session {
    fn has_read(&mut self, key: KeyId, writes: &[WriteId], line: u64) {
        // What was read before is covered by what was read now: this was checked.
        self.read.retain(|met| met.key != key);
        self.read.extend(writes.iter().map(|write| Met { key, write: *write, line }));
    }
}

fn of_key(met: &[Met], key: KeyId) -> impl Iterator<Item = WriteId> {
    met.iter().filter(move |met| met.key == key).map(|met| met.write)
}

fn wrong(text: String) -> Verdict {
    broken(Property::Session, text)
}

impl Roaming {
    /// A client asks with a token.
    pub(in crate::check) fn asks(&mut self, known: &mut Known, (op, client): (u64, u32), token: &[Dot]) {
        if token.is_empty() {
            self.sessions.remove(&client);
        }
        let token = token.iter().map(|dot| known.names.dot(dot)).collect();
        known.make_room();
        self.asked.insert(op, (client, token));
    }

    /// An operation has no answer.
    pub(in crate::check) fn forget(&mut self, op: u64) {
        self.asked.remove(&op);
    }

    /// Something was taken from a disk: it is not known what the sessions may still rely on.
    pub(super) fn lost(&mut self) {
        self.sessions.clear();
    }

    /// An operation is answered, in whatever session it was asked.
    pub(in crate::check) fn answered(
        &mut self,
        known: &mut Known,
        (op, operation): (u64, Operation),
        told: &Told<'_>,
        (token, line): (Option<&[Dot]>, u64),
    ) -> Verdict {
        let Some((client, sent)) = self.asked.remove(&op) else { return Ok(()) };
        let session = self.sessions.entry(client).or_default();
        let mut named: Vec<WriteId> = Vec::new();
        match (operation.question, told) {
            (Question::Get(key), Told::Entry(entry)) => {
                named = entry.names();
                if entry.is_complete {
                    session.may_read(known, (client, operation), key, &named)?;
                    session.has_read(key, &named, line);
                }
            }
            (Question::Get(key), Told::Nothing) => session.may_read(known, (client, operation), key, &[])?,
            (Question::Write(request, _), Told::Written(receipt)) => {
                named.push(receipt.write);
                session.may_write(known, client, request, receipt)?;
                let key = known.truth(receipt.write).map(|truth| truth.key);
                let met = key.map(|key| Met { key, write: receipt.write, line });
                session.wrote.extend(met);
            }
            _ => {}
        }
        let named = sent.into_iter().chain(named.into_iter().map(|write| known.dot(write)));
        let named: Vec<DotAt> = named.collect();
        token_covers(known, (client, operation), token.unwrap_or_default(), &named)
    }
}

impl Session {
    fn may_read(
        &self,
        known: &Known,
        (client, operation): (u32, Operation),
        key: KeyId,
        returned: &[WriteId],
    ) -> Verdict {
        let found = [(&self.wrote, "written", "read your writes"), (&self.read, "read", "monotonic reads")];
        for (met, did, guarantee) in found {
            let Some(missing) = uncovered(known, returned, of_key(met, key)) else { continue };
            let (name, missing) = (known.station_text(operation.station), known.text(missing));
            let list = known.names.list(returned);
            return wrong(format!(
                "{guarantee}: {name} returned {list} to client {client}, which had {did} {missing} in its session"
            ));
        }
        Ok(())
    }

    fn may_write(&self, known: &Known, client: u32, request: RequestIndex, receipt: &Receipt) -> Verdict {
        let asks = known.request(request).asks.iter();
        let begun = asks.map(|ask| ask.begun).min().unwrap_or(0);
        let mut vector = Counts::default();
        receipt.vector.iter().for_each(|dot| vector.raise(*dot));
        let found =
            [(&self.wrote, "written", "monotonic writes"), (&self.read, "read", "writes follow reads")];
        for (met, did, guarantee) in found {
            let mut before = met.iter().filter(|met| met.line < begun);
            let Some(missing) = before.find(|met| !vector.covers(known.dot(met.write))) else { continue };
            let (text, missing) = (known.text(receipt.write), known.text(missing.write));
            return wrong(format!(
                "{guarantee}: the vector of {text} lacks {missing}, which client {client} had {did} in its session"
            ));
        }
        Ok(())
    }
}

/// The next token has all that the last one had, and all that the answer tells of.
fn token_covers(
    known: &mut Known,
    (client, operation): (u32, Operation),
    token: &[Dot],
    named: &[DotAt],
) -> Verdict {
    let mut covered = Counts::default();
    token.iter().for_each(|dot| covered.raise(known.names.dot(dot)));
    known.make_room();
    let Some(missing) = named.iter().find(|dot| !covered.covers(**dot)) else { return Ok(()) };
    let (name, missing) = (known.station_text(operation.station), known.names.dot_text(*missing));
    wrong(format!("{name} gave client {client} a token without {missing}, which its session knows of"))
}
