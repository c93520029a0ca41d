//! Seeds of what clients say and are told: a request, an answer and a notice of every kind.

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::message::Message;
use clock_core::wire::{
    AppliedView, Change, Choice, ConflictView, Copies, EntryView, HistoryEntry, ImpactView, LinkView, Notice,
    Outcome, Presence, Receipt, Request, RequestError, Response, SiblingSummary, SnapshotEntry,
    SnapshotVersion, StationImpact, StatusView, Terms, VersionView, WhyView, Write, WriteContext,
};
use clock_core::{BodyKind, RequestId};

use crate::seeds::{dot, events, hlc, key, node, replica, typed, vector};

pub(crate) fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let value = Bytes::from_static(b"1,0,0,0");
    let conflict = ConflictId::of(&[dot("pacific", 1), dot("atlantic", 1)]);
    let request = RequestId(0x0011_2233);
    let context = WriteContext::Exactly(vec![dot("atlantic", 3), dot("pacific", 2)]);
    let put = Request::Put { key: key(), kind: BodyKind::ATTITUDE, value: value.clone(), context, request };
    let choice = Choice::Value { kind: BodyKind::OPAQUE, value };
    let delete = Change::Delete;
    let write = |change| Write { key: key(), change, context: WriteContext::Blind, request: RequestId(6) };
    let put_one = Change::Put { kind: BodyKind::OPAQUE, value: Bytes::from_static(b"one") };
    let all = [
        ("put", put),
        ("resolve_take", Request::Resolve { conflict, choice: Choice::Take(dot("pacific", 1)), request }),
        ("resolve_value", Request::Resolve { conflict, choice, request }),
        ("resolve_delete", Request::Resolve { conflict, choice: Choice::Delete, request }),
        ("get", Request::Get { key: key(), skip: 3 }),
        ("history", Request::History { key: key(), after: 70_000 }),
        ("conflicts", Request::Conflicts { after: Some(key()) }),
        ("status", Request::Status),
        ("watch", Request::Watch { after: Some(vector()) }),
        ("delete", Request::Delete { key: key(), context: WriteContext::StationView, request }),
        ("batch", Request::Batch { writes: vec![write(put_one), write(delete)] }),
        ("receipt", Request::Receipt { request }),
        ("snapshot", Request::Snapshot { keys: vec![key(), key()], at: Some(vector()) }),
        ("why", Request::Why { dot: dot("pacific", 1) }),
        ("impact", Request::Impact { dot: dot("atlantic", 3) }),
    ];
    let terms = Terms { copies: Copies::Majority, deadline_ms: 70_000, session: Some(vector()) };
    let message = |(name, request)| (name, Message::Request { number: 300, terms: terms.clone(), request });
    typed(all.into_iter().map(message).collect())
}

pub(crate) fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let (_, event) = events().remove(1);
    let conflicts = vec![conflict()];
    let entry = EntryView {
        key: key(),
        revision: 4,
        conflict: Some(conflict().id),
        presence: Presence::Live,
        versions_total: 2,
        versions: vec![version(), version()],
    };
    let log_entry = HistoryEntry::new(9, event.clone());
    let all = [
        ("written", Response::Written(receipt())),
        ("entry", Response::Entry(entry)),
        ("log", Response::History { entries: vec![HistoryEntry::new(9, event)], more_after: Some(9) }),
        ("open_conflicts", Response::Conflicts { conflicts, more_after: Some(key()) }),
        ("state", Response::Status(status())),
        ("refusal", Response::Refused(RequestError::ContextAhead(dot("indian", 5)))),
        ("batch_written", Response::BatchWritten(vec![receipt(), receipt()])),
        ("batch_refused", Response::BatchRefused { index: 1, error: RequestError::EmptyBatch }),
        (
            "snapshot_read",
            Response::Snapshot { at: vector(), entries: vec![snapshot(log_entry)], answered: 2 },
        ),
        ("because", Response::Why(why())),
        ("consequences", Response::Impact(impact())),
    ];
    let token = Some(vector());
    let message = |(name, response)| (name, Message::Response { number: 1, token: token.clone(), response });
    typed(all.into_iter().map(message).collect())
}

pub(crate) fn notices() -> Vec<(&'static str, Vec<u8>)> {
    let via = Some(node("atlantic"));
    let applied = AppliedView { key: key(), version: version(), position: 9, via, applied_wall_ms: 10 };
    let closed = Notice::ConflictClosed { id: conflict().id, key: key(), by: dot("indian", 1) };
    let committed = Notice::Committed {
        dot: dot("pacific", 2),
        request: RequestId(5),
        durable_on: vec![node("pacific")],
    };
    typed(vec![
        ("applied", Message::Notice(Notice::Applied(applied))),
        ("opened", Message::Notice(Notice::ConflictOpened(conflict()))),
        ("closed", Message::Notice(closed)),
        ("replayed", Message::Notice(Notice::Replayed { key: key(), entry: history_entry() })),
        ("lagged", Message::Notice(Notice::Lagged { missed: 300 })),
        ("committed", Message::Notice(committed)),
    ])
}

fn history_entry() -> HistoryEntry {
    HistoryEntry::new(9, events().remove(1).1)
}

fn snapshot(entry: HistoryEntry) -> SnapshotEntry {
    SnapshotEntry {
        key: key(),
        revision: 4,
        conflict: None,
        presence: Presence::Deleted,
        versions_total: 1,
        versions: vec![SnapshotVersion { dots: vec![dot("pacific", 2)], entry }],
    }
}

fn why() -> WhyView {
    WhyView {
        key: key(),
        entry: history_entry(),
        vector: vector(),
        is_current: false,
        superseded_by: vec![dot("indian", 5)],
        concurrent_with: vec![dot("atlantic", 3)],
        built_on: vec![dot("pacific", 1)],
        is_cut: true,
    }
}

fn impact() -> ImpactView {
    let station = StationImpact { station: node("indian"), first: dot("indian", 5), events: 2 };
    ImpactView {
        key: key(),
        same_key: vec![dot("indian", 5)],
        stations: vec![station],
        events: 2,
        keys: vec![key()],
        is_cut: false,
    }
}

fn receipt() -> Receipt {
    Receipt {
        dot: dot("pacific", 2),
        key: key(),
        request: RequestId(5),
        lamport: 7,
        hlc: hlc(),
        wall_ms: 1_700_000_000_000,
        vector: vector(),
        context: vec![dot("atlantic", 3)],
        outcome: Outcome::Indeterminate,
        w: 3,
        n: 4,
        durable_on: vec![node("pacific")],
        concurrent_with: vec![dot("indian", 1)],
        is_cut: false,
    }
}

fn version() -> VersionView {
    VersionView {
        dots: vec![dot("atlantic", 3), dot("pacific", 2)],
        lamport: 7,
        hlc: hlc(),
        wall_ms: 1_700_000_000_000,
        vector: vector(),
        context: vec![dot("indian", 1)],
        kind: BodyKind::OPAQUE,
        value: Bytes::from_static(b"nominal"),
        request: RequestId(5),
    }
}

fn conflict() -> ConflictView {
    let sibling = |node| SiblingSummary {
        dots: vec![dot(node, 1)],
        lamport: 3,
        hlc: hlc(),
        wall_ms: 8,
        kind: BodyKind::OPAQUE,
        value: Some(Bytes::from_static(b"nominal")),
    };
    let id = ConflictId::of(&[dot("atlantic", 1), dot("pacific", 1)]);
    ConflictView { id, key: key(), revision: 2, siblings: vec![sibling("atlantic"), sibling("pacific")] }
}

fn status() -> StatusView {
    let link = LinkView { peer: node("atlantic"), outbound: true, inbound: false, lag_events: Some(3) };
    StatusView {
        cluster: node("mss"),
        replica: replica("pacific"),
        lamport: 7,
        durable: vector(),
        keys: 3,
        conflicts: 1,
        held_back: 0,
        awaiting_copies: 2,
        duplicates: 2,
        quarantined: 0,
        wall_ms: 1_700_000_000_000,
        links: vec![link],
    }
}
