//! What each effect has to keep, judged by the disk alone.

use clock_core::replica::{About, Effect, Fact, LogQuery, LogQuestion, LogRecord, Lsn, SessionId, Ticket};
use clock_core::wire::message::{Claim, Message, Role};
use clock_core::wire::{
    ConflictView, Copies, EncodedEvent, EntryView, Outcome, Presence, Receipt, Request, RequestError,
    Response, StatusView, Terms, VersionView,
};
use clock_core::{Dot, Key, NodeId, ReplicaId, RequestId, VersionVector};

use super::disk::{self, Entry};
use super::station::{Side, Station};
use super::world::WORLD;

impl Station<'_> {
    pub(super) fn judge(&mut self, effect: &Effect) {
        match effect {
            Effect::Append(LogRecord::Event { lsn, dot, key, event }) => {
                self.judge_append(*lsn, (dot, key), event);
            }
            Effect::Append(LogRecord::Incarnation(incarnation)) => {
                let me = ReplicaId { node: WORLD.config.station.clone(), incarnation: *incarnation };
                assert_eq!(self.disk.upto(&me), 0, "{me} has minted before");
                self.disk.note_incarnation(*incarnation);
                self.unheard.clear();
                self.has_minted = false;
                self.tally.incarnations += 1;
            }
            Effect::Append(LogRecord::Quarantine { .. }) => {
                self.disk.note_quarantined();
                self.tally.quarantined += 1;
            }
            Effect::Sync { upto } => self.disk.request_sync(*upto),
            Effect::Send { session, message } => self.judge_send(*session, message),
            Effect::Reply { ticket, token, response } => self.judge_reply(*ticket, token.as_ref(), response),
            Effect::ReplyFromLog { ticket, token, question } => {
                self.judge_question(*ticket, token.as_ref(), question);
            }
            Effect::ReadLog { session, query } => self.judge_read(*session, query),
            Effect::Close { session, .. } => {
                self.set_side(*session, Side::Gone);
                self.tally.closed += 1;
            }
            Effect::Observe(fact) => self.judge_fact(fact),
        }
    }

    fn judge_append(&mut self, lsn: Lsn, (dot, key): (&Dot, &Key), encoded: &EncodedEvent) {
        let entry = self.disk.append(lsn, encoded);
        assert_eq!((&entry.event.dot, &entry.event.key), (dot, key), "the names of an event's record");
        let is_mine =
            dot.replica.node == WORLD.config.station && dot.replica.incarnation == self.disk.incarnation;
        if is_mine {
            self.has_minted = true;
            self.judge_minted();
            self.disk.note_minted();
        }
    }

    fn judge_send(&mut self, session: SessionId, message: &Message) {
        assert!(message.to_frame().is_ok(), "a message that cannot be written: {message:?}");
        let side = self.side(session).clone();
        match (message, side) {
            (Message::Hello(hello), Side::Dialling(peer)) => {
                assert_eq!(hello.cluster, WORLD.config.cluster, "the cluster of a hello");
                let Role::Peer(claim) = &hello.role else { panic!("a station that is a client: {hello:?}") };
                self.judge_claim(claim, Some(&peer));
            }
            (Message::Welcome(claim), Side::Inbound(peer)) => self.judge_claim(claim, Some(&peer)),
            (Message::Welcome(claim), Side::Client) => self.judge_claim(claim, None),
            (Message::Ack { durable, .. }, Side::Inbound(_)) => self.judge_visible(durable),
            (Message::Heartbeat { .. }, Side::Dialled(_)) => {}
            (Message::Beside(beside), Side::Inbound(peer)) => {
                assert_eq!(beside.dot.replica.node, peer, "whose write stood beside others");
                self.judge_durable(&[&beside.versions[..], std::slice::from_ref(&beside.dot)].concat());
            }
            // Before a welcome nothing is read, so nothing is shipped but what a read brings that nobody asked for.
            (Message::Events(events), Side::Dialling(_) | Side::Dialled(_)) => {
                assert!(!events.is_empty(), "a frame without events");
                let durable = self.disk.durable_entries();
                for event in events {
                    let is_stored = durable.iter().any(|entry| entry.encoded == *event);
                    assert!(is_stored, "shipped before it was durable: {event:?}");
                }
                self.tally.shipped += events.len();
            }
            (message, side) => panic!("{message:?} to a session that is {side:?}"),
        }
    }

    /// What is durable; to a peer, also its own events that are on their way to the disk or wait for their past.
    fn judge_claim(&self, claim: &Claim, peer: Option<&NodeId>) {
        assert_eq!(claim.replica, *self.replica.id(), "who claims");
        let dots = self.disk.entries().iter().map(|entry| &entry.event.dot);
        let its_own = dots.filter(|dot| Some(&dot.replica.node) == peer);
        let visible = self.disk.visible();
        let shown = visible.iter().map(|(replica, seq)| (replica.clone(), seq));
        let least: VersionVector = shown.chain(its_own.map(|dot| (dot.replica.clone(), dot.seq))).collect();
        assert!(claim.durable.contains(&least), "{} is claimed to {peer:?}, not {least}", claim.durable);
        for (replica, seq) in claim.durable.delta_from(&least) {
            let dot = Dot { replica, seq };
            let is_its_own = Some(&dot.replica.node) == peer && self.held_back.contains(&dot);
            assert!(is_its_own, "{dot} is claimed to {peer:?}, and is not there");
        }
    }

    fn judge_visible(&self, vector: &VersionVector) {
        assert_eq!(*vector, self.disk.visible(), "what is said to be durable");
    }

    fn judge_read(&mut self, session: SessionId, query: &LogQuery) {
        assert!(matches!(self.side(session), Side::Dialled(_)), "a read for a session that ships nothing");
        assert!(self.reads.iter().all(|(reading, _)| *reading != session), "two reads for one session");
        let durable = self.disk.durable_entries().len() as u64;
        assert!(query.upto.0 <= durable && query.events_max > 0 && query.bytes_max > 0, "{query:?}");
        self.reads.push((session, query.clone()));
    }

    /// The request that is answered, and whether the session's token is as it should be.
    fn answered(&mut self, ticket: Ticket, token: Option<&VersionVector>) -> (Terms, Request) {
        let asked = self.open.remove(&ticket);
        let (terms, request) = asked.unwrap_or_else(|| panic!("answered twice, or never asked: {ticket:?}"));
        if let Some(token) = token {
            assert!(terms.session.is_some(), "a token for who has no session: {request:?}");
            assert!(self.disk.visible().contains(token), "a token of what is not durable: {token}");
        }
        (terms, request)
    }

    fn judge_question(&mut self, ticket: Ticket, token: Option<&VersionVector>, question: &LogQuestion) {
        let (terms, asked) = self.answered(ticket, token);
        assert!(
            question.upto.0 <= self.disk.durable_entries().len() as u64,
            "{question:?} of what is not durable"
        );
        let is_asked = match (&question.about, &asked) {
            (About::History { key, after }, Request::History { key: asked, after: from }) => {
                (key, after.0) == (asked, *from)
            }
            (About::Snapshot { keys, at }, Request::Snapshot { keys: asked, at: as_of }) => {
                let is_visible = self.disk.visible().contains(at);
                is_visible && keys == asked && as_of.as_ref().is_none_or(|as_of| as_of == at)
            }
            (About::Why(dot), Request::Why { dot: asked })
            | (About::Impact(dot), Request::Impact { dot: asked }) => dot == asked,
            _ => false,
        };
        assert!(is_asked, "{question:?} was not asked for, but {asked:?}");
        self.judge_session(&terms, token);
        self.tally.questions += 1;
    }

    /// Whoever is served in a session is served all that it has seen, and told so.
    fn judge_session(&self, terms: &Terms, token: Option<&VersionVector>) {
        let Some(seen) = &terms.session else { return };
        let token = token.expect("who is served in a session gets its next token");
        assert!(token.contains(seen), "served behind the session: {token} and not {seen}");
    }

    fn judge_reply(&mut self, ticket: Ticket, token: Option<&VersionVector>, response: &Response) {
        let (terms, asked) = self.answered(ticket, token);
        match (&asked, response) {
            (_, Response::Refused(error)) => return self.judge_refusal(&asked, error),
            (Request::Batch { writes }, Response::BatchRefused { index, error }) => {
                assert!((*index as usize) < writes.len(), "write {index} of {}", writes.len());
                return self.judge_refusal(&asked, error);
            }
            (Request::Batch { writes }, Response::BatchWritten(receipts)) => {
                assert_eq!(writes.len(), receipts.len(), "a receipt for each write");
                for (write, receipt) in writes.iter().zip(receipts) {
                    self.judge_receipt((Some(&write.key), write.request), &terms, receipt);
                }
                self.tally.batches += 1;
            }
            (
                Request::Put { key, request, .. } | Request::Delete { key, request, .. },
                Response::Written(receipt),
            ) => self.judge_receipt((Some(key), *request), &terms, receipt),
            (Request::Resolve { request, .. } | Request::Receipt { request }, Response::Written(receipt)) => {
                self.judge_receipt((None, *request), &terms, receipt);
            }
            (Request::Get { key, skip }, Response::Entry(entry)) => self.judge_entry(key, *skip, entry),
            (Request::Get { key, .. }, Response::UnknownKey) => {
                assert!(self.disk.current(key).is_empty(), "{key} is known");
            }
            (Request::Conflicts { after }, Response::Conflicts { conflicts, more_after: None }) => {
                self.judge_conflicts(after.as_ref(), conflicts);
            }
            (Request::Status, Response::Status(status)) => self.judge_status(status),
            (Request::Watch { .. }, Response::Watching) => {}
            _ => panic!("{response:?} is no answer to {asked:?}"),
        }
        self.judge_session(&terms, token);
    }

    fn judge_receipt(&mut self, (key, request): (Option<&Key>, RequestId), terms: &Terms, receipt: &Receipt) {
        assert!(self.disk.is_durable(&receipt.dot), "{} was acknowledged before it was durable", receipt.dot);
        let Entry { event, past, .. } = self.disk.entry(&receipt.dot).expect("what is durable is there");
        assert!(
            receipt.request == request && key.is_none_or(|key| *key == receipt.key),
            "the receipt of another write: {receipt:?}"
        );
        assert_eq!((&event.key, event.request), (&receipt.key, receipt.request), "what {event} is");
        assert_eq!((event.lamport, event.hlc), (receipt.lamport, receipt.hlc), "when {event} was");
        assert_eq!(event.context, receipt.context, "what {event} superseded");
        assert_eq!(receipt.vector, past.clone().into_iter().collect(), "the past of {event}");
        assert!(receipt.concurrent_with.is_sorted(), "{receipt:?}");
        if !self.was_told_beside {
            self.judge_durable(&receipt.concurrent_with);
        }
        self.judge_copies(terms, receipt);
        self.tally.written += 1;
    }

    /// The outcome is what the copies say, and no more copies are named than there can be.
    fn judge_copies(&mut self, terms: &Terms, receipt: &Receipt) {
        let n = u16::try_from(WORLD.config.peers.len() + 1).expect("a small cluster");
        let w = match terms.copies {
            Copies::Majority => n / 2 + 1,
            Copies::Count(count) => count,
        };
        assert_eq!((receipt.w, receipt.n), (w, n), "W of N");
        let (own, others) = receipt.durable_on.split_first().expect("it is durable here");
        assert_eq!(*own, WORLD.config.station, "where it is durable first");
        assert!(others.iter().all(|other| WORLD.config.peers.contains(other)), "{receipt:?}");
        let has_enough = receipt.durable_on.len() >= usize::from(w);
        match receipt.outcome {
            Outcome::Local => assert_eq!(w, 1, "{receipt:?}"),
            Outcome::Committed => assert!(has_enough && w > 1, "{receipt:?}"),
            Outcome::Indeterminate => {
                assert!(!has_enough, "{receipt:?}");
                self.tally.indeterminate += 1;
            }
        }
    }

    fn judge_refusal(&mut self, asked: &Request, error: &RequestError) {
        assert!(!error.to_string().is_empty(), "a refusal of {asked:?} says why");
        let is_exhausted = matches!(error, RequestError::Exhausted(_));
        assert!(!is_exhausted || !self.is_wall_sane, "a sane clock was exhausted: {error}");
        self.last_refusal = Some(error.clone());
        self.tally.refused += 1;
    }

    fn judge_entry(&self, key: &Key, skip: u32, entry: &EntryView) {
        let current = self.disk.current(key);
        assert_eq!(entry.key, *key, "the key that was asked for");
        assert_eq!(entry.versions_total as usize, disk::versions(&current), "how many versions {key} has");
        assert_eq!(entry.revision, self.disk.writes(key), "how many writes {key} had");
        let is_sorted = entry.versions.is_sorted_by_key(|version| version.dots.first());
        assert!(is_sorted, "the order of versions: {entry:?}");
        let is_live = current.iter().any(|event| !event.body.is_tombstone());
        assert_eq!(entry.presence == Presence::Live, is_live, "whether {key} has a value");
        assert_eq!(entry.conflict.is_some(), entry.versions_total > 1, "a conflict is more than one version");
        let mut dots: Vec<&Dot> = entry.versions.iter().flat_map(|version| &version.dots).collect();
        self.judge_versions(&entry.versions);
        if skip == 0 {
            let mut expected: Vec<&Dot> = current.iter().map(|event| &event.dot).collect();
            dots.sort_unstable();
            expected.sort_unstable();
            assert_eq!(dots, expected, "the current versions of {key}");
        }
    }

    fn judge_versions(&self, versions: &[VersionView]) {
        for version in versions {
            self.judge_durable(&version.dots);
            let first = version.dots.first().and_then(|dot| self.disk.entry(dot));
            let Entry { event, past, .. } = first.expect("a version has a name");
            assert_eq!(version.value, event.body.bytes, "the value of {event}");
            assert_eq!(version.vector, past.clone().into_iter().collect(), "the past of {event}");
        }
    }

    fn judge_conflicts(&self, after: Option<&Key>, conflicts: &[ConflictView]) {
        let shown: Vec<&Key> = conflicts.iter().map(|conflict| &conflict.key).collect();
        let mut expected = self.disk.conflicts();
        expected.retain(|key| after.is_none_or(|after| *key > after));
        assert_eq!(shown, expected, "the open conflicts");
    }

    fn judge_status(&self, status: &StatusView) {
        self.judge_visible(&status.durable);
        assert_eq!(status.conflicts, self.disk.conflicts().len() as u64, "how many conflicts are open");
    }

    fn judge_durable(&self, dots: &[Dot]) {
        dots.iter().for_each(|dot| assert!(self.disk.is_durable(dot), "{dot} was shown and is not durable"));
    }

    fn judge_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Applied(applied) => {
                self.judge_versions(std::slice::from_ref(&applied.version));
                self.tally.committed += 1;
            }
            Fact::ConflictOpened(conflict) => {
                conflict.siblings.iter().for_each(|sibling| self.judge_durable(&sibling.dots));
                self.tally.conflicts += 1;
            }
            Fact::ConflictClosed { .. } => self.tally.resolved += 1,
            Fact::HeldBack { dot, missing } => {
                let is_missing = self.disk.entry(missing).is_none();
                assert!(is_missing, "{dot} waits for {missing}, which is there");
                self.held_back.insert(dot.clone());
                self.tally.held_back += 1;
            }
            Fact::TimestampRefused { dot, .. } => {
                self.refused_times.insert(dot.clone());
                self.tally.timestamps += 1;
            }
            _ => {}
        }
    }
}
