//! A client of real stations that writes down each operation.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::{
    self, Change, Choice, EntryView, Receipt, Request, RequestError, Response, StatusView, Terms,
    WriteContext,
};
use clock_core::{BodyKind, Dot, Key, NodeId, RequestId, VersionVector};
use clock_node::net::client::{Client, ClientError};

use super::{Recorder, answer};
use crate::history::{Answer, Call, Context, ValueDigest, What};

/// A station, and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub station: NodeId,
    /// Its address.
    pub address: String,
}

/// A write, so that the same can be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: Key,
    /// The value, opaque; of a resolution that takes a sibling's value, that one.
    pub value: Bytes,
    /// The client's id.
    pub request: RequestId,
    /// What it does.
    pub kind: WriteKind,
}

/// What a write does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteKind {
    /// It supersedes what this names.
    Put(WriteContext),
    /// It deletes, and supersedes what this names.
    Delete(WriteContext),
    /// It ends a conflict.
    Resolve {
        /// Which.
        conflict: ConflictId,
        /// Its siblings, as they were read.
        read: Vec<Dot>,
        /// The sibling whose value it takes, if it has none of its own.
        take: Option<Dot>,
    },
}

/// Why an operation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAnswered {
    /// Nothing was sent: no connection.
    Unreachable(String),
    /// The station refused it; nothing was changed.
    Refused(RequestError),
    /// Nobody knows.
    Unknown(String),
}

/// One client: asks one thing at a time, at whichever station it is told to.
#[derive(Debug)]
pub struct RecordingClient {
    recorder: Recorder,
    number: u32,
    patience: Duration,
    connections: BTreeMap<NodeId, Client>,
}

impl RecordingClient {
    pub(super) fn new(recorder: Recorder, number: u32) -> Self {
        Self { recorder, number, patience: Duration::from_secs(10), connections: BTreeMap::new() }
    }

    /// How long it waits for a connection, and for each answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Writes.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn write(&mut self, place: &Place, write: &Write) -> Result<Receipt, NotAnswered> {
        Ok(self.write_on(place, write, Terms::default()).await?.0)
    }

    /// Writes on terms of one's own; with the receipt comes the next token of the session, if there is one.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn write_on(
        &mut self,
        place: &Place,
        write: &Write,
        terms: Terms,
    ) -> Result<(Receipt, Option<VersionVector>), NotAnswered> {
        let request = write.request();
        let asked = terms.clone();
        let written = self.ask(place, (write.call(), &terms), async |client| {
            match client.request_on(asked, request).await? {
                (Response::Written(receipt), token) => Ok((answer::written(&receipt), token, receipt)),
                _ => Err(unexpected(place)),
            }
        });
        let (receipt, token) = written.await?;
        self.recorder.acknowledge(&receipt, write);
        Ok((receipt, token))
    }

    /// Writes all of these or none; the receipts are in their order. Of no resolution: those come alone.
    ///
    /// # Errors
    /// [`NotAnswered`], of all of them.
    pub async fn write_batch(
        &mut self,
        place: &Place,
        writes: &[Write],
    ) -> Result<Vec<Receipt>, NotAnswered> {
        self.connect(place).await?;
        let (terms, batch) = (Terms::default(), self.recorder.next_batch());
        let begin =
            |write: &Write| self.recorder.invoke((self.number, place), write.call(), &terms, Some(batch));
        let ops: Vec<u64> = writes.iter().map(begin).collect();
        let client = self.connections.get_mut(&place.station).expect("just connected");
        let asked = Request::Batch { writes: writes.iter().filter_map(Write::in_batch).collect() };
        let answered = match client.request(asked).await {
            Ok(Response::BatchWritten(receipts)) => Ok(receipts),
            Ok(Response::BatchRefused { error, .. }) => Err(ClientError::Request(error)),
            Ok(_) => Err(unexpected(place)),
            Err(error) => Err(error),
        };
        match answered {
            Ok(receipts) => {
                for ((op, receipt), write) in ops.iter().zip(&receipts).zip(writes) {
                    let answer = answer::written(receipt);
                    self.recorder.note(What::Ok { op: *op, answer, token: None });
                    self.recorder.acknowledge(receipt, write);
                }
                Ok(receipts)
            }
            Err(error) => Err(self.not_answered(place, &ops, error)),
        }
    }

    /// Reads a key on terms of one's own, as much of it as one answer holds; with it comes the next token of the
    /// session, if there is one.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn get_on(
        &mut self,
        place: &Place,
        key: &Key,
        terms: Terms,
    ) -> Result<(Option<EntryView>, Option<VersionVector>), NotAnswered> {
        let (call, asked) = (Call::Get { key: key.clone() }, terms.clone());
        let request = Request::Get { key: key.clone(), skip: 0 };
        let read =
            self.ask(place, (call, &terms), async |client| match client.request_on(asked, request).await? {
                (Response::Entry(entry), token) => Ok((answer::entry(&entry, None), token, Some(entry))),
                (Response::UnknownKey, token) => Ok((Answer::Unknown, token, None)),
                _ => Err(unexpected(place)),
            });
        read.await
    }

    /// Reads a key; with `look_behind` also all that the station has of it, if it holds still for so long.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn get(
        &mut self,
        place: &Place,
        key: &Key,
        look_behind: bool,
    ) -> Result<Option<EntryView>, NotAnswered> {
        let recorder = self.recorder.clone();
        let (call, terms) = (Call::Get { key: key.clone() }, Terms::default());
        let read = self.ask(place, (call, &terms), async |client| {
            let Some(entry) = client.get(key).await? else { return Ok((Answer::Unknown, None, None)) };
            let seen = if look_behind { seen(client, key, entry.revision).await? } else { None };
            recorder.count(|counts| {
                counts.conflicts += u64::from(entry.versions.len() > 1);
                counts.looked_behind += u64::from(seen.is_some());
            });
            Ok((answer::entry(&entry, seen), None, Some(entry)))
        });
        Ok(read.await?.0)
    }

    /// Asks what the station has.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn status(&mut self, place: &Place) -> Result<StatusView, NotAnswered> {
        let terms = Terms::default();
        let asked = self.ask(place, (Call::Status, &terms), async |client| {
            let status = client.status().await?;
            Ok((answer::status(&status), None, status))
        });
        Ok(asked.await?.0)
    }

    /// Sends nothing that is not written down before, and lets nothing be known that is not written down after.
    async fn ask<T>(
        &mut self,
        place: &Place,
        (call, terms): (Call, &Terms),
        exchange: impl AsyncFnOnce(&mut Client) -> Result<(Answer, Option<VersionVector>, T), ClientError>,
    ) -> Result<(T, Option<VersionVector>), NotAnswered> {
        self.connect(place).await?;
        let op = self.recorder.invoke((self.number, place), call, terms, None);
        let client = self.connections.get_mut(&place.station).expect("just connected");
        match exchange(client).await {
            Ok((answer, token, answered)) => {
                let next = token.as_ref().map(answer::last_events);
                self.recorder.note(What::Ok { op, answer, token: next });
                Ok((answered, token))
            }
            Err(error) => Err(self.not_answered(place, &[op], error)),
        }
    }

    fn not_answered(&mut self, place: &Place, ops: &[u64], error: ClientError) -> NotAnswered {
        if let ClientError::Request(error) = error {
            let refused = |op: &u64| self.recorder.note(What::Fail { op: *op, error: error.to_string() });
            ops.iter().for_each(refused);
            return NotAnswered::Refused(error);
        }
        let why = error.to_string();
        self.connections.remove(&place.station);
        ops.iter().for_each(|op| self.recorder.note(What::Info { op: *op, why: why.clone() }));
        NotAnswered::Unknown(why)
    }

    /// Ends the connection to a station, if there is one.
    pub fn disconnect(&mut self, station: &NodeId) {
        self.connections.remove(station);
    }

    async fn connect(&mut self, place: &Place) -> Result<(), NotAnswered> {
        if self.connections.contains_key(&place.station) {
            return Ok(());
        }
        let cluster = crate::processes::station("constellation");
        let connected = Client::connect(&place.address, &cluster, self.patience).await;
        let client = connected.map_err(|error| NotAnswered::Unreachable(error.to_string()))?;
        self.connections.insert(place.station.clone(), client);
        Ok(())
    }
}

impl Write {
    /// A write in the station's own view, with a fresh request id.
    ///
    /// # Panics
    /// If that is no key.
    pub fn put(key: &str, value: &str) -> Self {
        Self {
            key: Key::new(key).expect("test keys are valid"),
            value: Bytes::copy_from_slice(value.as_bytes()),
            request: RequestId(fastrand::u128(..)),
            kind: WriteKind::Put(WriteContext::StationView),
        }
    }

    /// What a history tells its value by.
    pub(super) fn digest(&self) -> ValueDigest {
        match self.kind {
            WriteKind::Delete(_) => ValueDigest::TOMBSTONE,
            WriteKind::Put(_) | WriteKind::Resolve { .. } => ValueDigest::of(&self.value),
        }
    }

    fn request(&self) -> Request {
        let (key, request) = (self.key.clone(), self.request);
        let (kind, value) = (BodyKind::OPAQUE, self.value.clone());
        match &self.kind {
            WriteKind::Put(context) => Request::Put { key, kind, value, context: context.clone(), request },
            WriteKind::Delete(context) => Request::Delete { key, context: context.clone(), request },
            WriteKind::Resolve { conflict, take, .. } => {
                let choice = take.clone().map_or(Choice::Value { kind, value }, Choice::Take);
                Request::Resolve { conflict: *conflict, choice, request }
            }
        }
    }

    fn in_batch(&self) -> Option<wire::Write> {
        let (key, request) = (self.key.clone(), self.request);
        let (change, context) = match &self.kind {
            WriteKind::Put(context) => {
                (Change::Put { kind: BodyKind::OPAQUE, value: self.value.clone() }, context.clone())
            }
            WriteKind::Delete(context) => (Change::Delete, context.clone()),
            WriteKind::Resolve { .. } => return None,
        };
        Some(wire::Write { key, change, context, request })
    }

    fn call(&self) -> Call {
        let (key, value, request) = (self.key.clone(), self.digest(), self.request);
        match &self.kind {
            WriteKind::Put(context) => Call::Put { key, value, context: context_of(context), request },
            WriteKind::Delete(context) => Call::Delete { key, context: context_of(context), request },
            WriteKind::Resolve { conflict, read, .. } => {
                let (conflict, read) = (conflict.to_string(), read.clone());
                Call::Resolve { key, conflict, read, value, request }
            }
        }
    }
}

fn context_of(context: &WriteContext) -> Context {
    match context {
        WriteContext::StationView => Context::Station,
        WriteContext::Exactly(dots) => Context::Exactly(dots.clone()),
        WriteContext::Blind => Context::Blind,
    }
}

/// Every write of the key that the station shows: its log is read between two looks at the key, and only counts if
/// nothing changed meanwhile. The log may be ahead of what is shown by a commit; then it has too many.
async fn seen(client: &mut Client, key: &Key, revision: u64) -> Result<Option<Vec<Dot>>, ClientError> {
    let entries = client.history(key).await?.unwrap_or_default();
    let again = client.get(key).await?;
    let held_still =
        again.is_some_and(|entry| entry.revision == revision) && entries.len() as u64 == revision;
    Ok(held_still.then(|| entries.into_iter().map(|entry| entry.dot).collect()))
}

fn unexpected(place: &Place) -> ClientError {
    ClientError::Unexpected { address: place.address.clone() }
}
