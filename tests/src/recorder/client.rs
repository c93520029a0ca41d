//! A client of real stations that writes down each operation.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::{
    Choice, EntryView, Receipt, Request, RequestError, Response, StatusView, Terms, WriteContext,
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
        let written =
            self.ask(place, write.call(), async |client| match client.request_on(terms, request).await? {
                (Response::Written(receipt), token) => Ok((answer::written(&receipt), (receipt, token))),
                _ => Err(unexpected(place)),
            });
        let (receipt, token) = written.await?;
        self.recorder.acknowledge(&receipt, write);
        Ok((receipt, token))
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
        let read = self.ask(place, Call::Get { key: key.clone() }, async |client| {
            let Some(entry) = client.get(key).await? else { return Ok((Answer::Unknown, None)) };
            let seen = if look_behind { seen(client, key, entry.revision).await? } else { None };
            recorder.count(|counts| {
                counts.conflicts += u64::from(entry.versions.len() > 1);
                counts.looked_behind += u64::from(seen.is_some());
            });
            Ok((answer::entry(&entry, seen), Some(entry)))
        });
        read.await
    }

    /// Asks what the station has.
    ///
    /// # Errors
    /// [`NotAnswered`].
    pub async fn status(&mut self, place: &Place) -> Result<StatusView, NotAnswered> {
        let asked = self.ask(place, Call::Status, async |client| {
            let status = client.status().await?;
            Ok((answer::status(&status), status))
        });
        asked.await
    }

    /// Sends nothing that is not written down before, and lets nothing be known that is not written down after.
    async fn ask<T>(
        &mut self,
        place: &Place,
        call: Call,
        exchange: impl AsyncFnOnce(&mut Client) -> Result<(Answer, T), ClientError>,
    ) -> Result<T, NotAnswered> {
        self.connect(place).await?;
        let op = self.recorder.invoke(self.number, place, call);
        let client = self.connections.get_mut(&place.station).expect("just connected");
        match exchange(client).await {
            Ok((answer, answered)) => {
                self.recorder.note(What::Ok { op, answer, token: None });
                Ok(answered)
            }
            Err(ClientError::Request(error)) => {
                self.recorder.note(What::Fail { op, error: error.to_string() });
                Err(NotAnswered::Refused(error))
            }
            Err(error) => {
                let why = error.to_string();
                self.connections.remove(&place.station);
                self.recorder.note(What::Info { op, why: why.clone() });
                Err(NotAnswered::Unknown(why))
            }
        }
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

    fn request(&self) -> Request {
        let (kind, value) = (BodyKind::OPAQUE, self.value.clone());
        match &self.kind {
            WriteKind::Put(context) => {
                let (key, context) = (self.key.clone(), context.clone());
                Request::Put { key, kind, value, context, request: self.request }
            }
            WriteKind::Resolve { conflict, take, .. } => {
                let choice = take.clone().map_or(Choice::Value { kind, value }, Choice::Take);
                Request::Resolve { conflict: *conflict, choice, request: self.request }
            }
        }
    }

    fn call(&self) -> Call {
        let (key, value, request) = (self.key.clone(), ValueDigest::of(&self.value), self.request);
        match &self.kind {
            WriteKind::Put(context) => {
                let context = match context {
                    WriteContext::StationView => Context::Station,
                    WriteContext::Exactly(dots) => Context::Exactly(dots.clone()),
                    WriteContext::Blind => Context::Blind,
                };
                Call::Put { key, value, context, request }
            }
            WriteKind::Resolve { conflict, read, .. } => {
                let (conflict, read) = (conflict.to_string(), read.clone());
                Call::Resolve { key, conflict, read, value, request }
            }
        }
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
