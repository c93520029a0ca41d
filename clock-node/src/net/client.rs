//! A client's connection to one station: what the command line, the demo and the tests speak through.

use std::collections::VecDeque;
use std::time::Duration;

use clock_core::wire::message::{Hello, Message, Refusal, Role};
use clock_core::wire::{
    ConflictView, EntryView, HistoryEntry, ImpactView, Notice, Request, Response, SNAPSHOT_KEYS_MAX,
    SnapshotEntry, StatusView, Terms, WhyView,
};
use clock_core::{Dot, Key, NodeId, ReplicaId, VersionVector};
use futures_util::SinkExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::ReadError;
use super::session::{self, Reader, Writer};

/// Notices kept while an answer is awaited; who watches and asks on one connection must read both.
const NOTICES_MAX: usize = 1024;
/// How often a read that needs several answers starts over because the key changed in between.
const READ_ATTEMPTS: usize = 5;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection: nothing was asked.
    #[error("no station at {address}: {source}")]
    Unreachable {
        /// Where it was expected.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// No answer in time. Whether a write was applied is *unknown*: ask again with the same request id.
    #[error("no answer from {address} within {after:?}: the outcome is unknown")]
    Timeout {
        /// Who did not answer.
        address: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke before the answer. Whether a write was applied is *unknown*.
    #[error("connection to {address} ended before the answer: {detail}")]
    Broken {
        /// With whom.
        address: String,
        /// How.
        detail: String,
    },
    /// The station refused the session.
    #[error("station at {address} refused: {refusal}")]
    Refused {
        /// Who.
        address: String,
        /// Why.
        refusal: Refusal,
    },
    /// The station answered something else than was asked.
    #[error("station at {address} gave an answer that does not fit the question")]
    Unexpected {
        /// Who.
        address: String,
    },
    /// The request was refused; nothing was changed.
    #[error(transparent)]
    Request(#[from] clock_core::wire::RequestError),
}

/// One connection. Requests are answered one at a time; notices that come in between are kept.
#[derive(Debug)]
pub struct Client {
    address: String,
    replica: ReplicaId,
    reader: Reader,
    writer: Writer,
    patience: Duration,
    terms: Terms,
    next_number: u64,
    notices: VecDeque<Notice>,
}

/// Keys as of one frontier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The frontier.
    pub at: VersionVector,
    /// The keys that were ever written by then, in the order in which they were asked for.
    pub entries: Vec<SnapshotEntry>,
}

impl Client {
    /// Connects and says hello. `patience` bounds the connection and each answer.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], [`ClientError::Timeout`] or [`ClientError::Refused`].
    pub async fn connect(address: &str, cluster: &NodeId, patience: Duration) -> Result<Self, ClientError> {
        let unreachable = |source| ClientError::Unreachable { address: address.to_owned(), source };
        let late = || unreachable(std::io::Error::new(std::io::ErrorKind::TimedOut, "no connection in time"));
        let dialled = timeout(patience, TcpStream::connect(address)).await.map_err(|_| late())?;
        let (mut reader, mut writer) = session::split(dialled.map_err(unreachable)?);
        reader.decoder_mut().frame_bytes_max = clock_core::wire::frame::FRAME_BYTES_MAX;
        let broken =
            |error: ReadError| ClientError::Broken { address: address.to_owned(), detail: error.to_string() };
        let hello = Hello { cluster: cluster.clone(), role: Role::Client };
        writer.send(Message::Hello(hello)).await.map_err(broken)?;
        let welcome = timeout(patience, session::next_message(&mut reader)).await;
        let replica = match welcome {
            Ok(Some(Ok(Message::Welcome(claim)))) => claim.replica,
            Ok(Some(Ok(Message::Refused(refusal)))) => {
                return Err(ClientError::Refused { address: address.to_owned(), refusal });
            }
            Ok(Some(Ok(_))) => return Err(ClientError::Unexpected { address: address.to_owned() }),
            Ok(Some(Err(error))) => return Err(broken(error)),
            Ok(None) => return Err(closed(address)),
            Err(_) => return Err(late()),
        };
        let address = address.to_owned();
        let (terms, notices) = (Terms::default(), VecDeque::new());
        Ok(Self { address, replica, reader, writer, patience, terms, next_number: 1, notices })
    }

    /// Which station answers, in which incarnation.
    pub fn replica(&self) -> &ReplicaId {
        &self.replica
    }

    /// The terms of every request from now on. With a session among them, each answer brings the next token, and the next
    /// request takes it along.
    pub fn on_terms(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// What the session has seen so far; `None` if there is no session.
    pub fn session(&self) -> Option<&VersionVector> {
        self.terms.session.as_ref()
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`ClientError`]; for a write, [`Timeout`](ClientError::Timeout) and [`Broken`](ClientError::Broken) mean *unknown*.
    pub async fn request(&mut self, request: Request) -> Result<Response, ClientError> {
        let (response, token) = self.request_on(self.terms.clone(), request).await?;
        if self.terms.session.is_some() && token.is_some() {
            self.terms.session = token;
        }
        Ok(response)
    }

    /// Asks on terms of one's own, and waits for the answer: by so much longer as the terms allow the station to wait.
    /// With it comes the session's next token, if the terms have one.
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub async fn request_on(
        &mut self,
        terms: Terms,
        request: Request,
    ) -> Result<(Response, Option<VersionVector>), ClientError> {
        let number = self.next_number;
        self.next_number += 1;
        let patience = self.patience + Duration::from_millis(u64::from(terms.deadline_ms));
        let late = ClientError::Timeout { address: self.address.clone(), after: patience };
        let answered = timeout(patience, self.exchange(number, terms, request)).await;
        match answered.map_err(|_| late)?? {
            (Response::Refused(error), _) => Err(error.into()),
            answered => Ok(answered),
        }
    }

    async fn exchange(
        &mut self,
        number: u64,
        terms: Terms,
        request: Request,
    ) -> Result<(Response, Option<VersionVector>), ClientError> {
        let sent = self.writer.send(Message::Request { number, terms, request }).await;
        sent.map_err(|error| self.broken(&error))?;
        loop {
            match self.receive().await? {
                Message::Response { number: answered, token, response } if answered == number => {
                    return Ok((response, token));
                }
                // An answer that came too late for an earlier request.
                Message::Response { .. } => {}
                Message::Notice(notice) if self.notices.len() < NOTICES_MAX => self.notices.push_back(notice),
                Message::Notice(_) => {
                    let detail = format!("{NOTICES_MAX} notices were not read");
                    return Err(ClientError::Broken { address: self.address.clone(), detail });
                }
                // The session ends before the answer: for a write, nobody knows here whether it was applied.
                Message::Refused(refusal) => {
                    let detail = format!("the station said: {refusal}");
                    return Err(ClientError::Broken { address: self.address.clone(), detail });
                }
                _ => return Err(ClientError::Unexpected { address: self.address.clone() }),
            }
        }
    }

    async fn receive(&mut self) -> Result<Message, ClientError> {
        match session::next_message(&mut self.reader).await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(self.broken(&error)),
            None => Err(closed(&self.address)),
        }
    }

    fn broken(&self, error: &ReadError) -> ClientError {
        ClientError::Broken { address: self.address.clone(), detail: error.to_string() }
    }

    /// The next notice after a [`Request::Watch`]; waits for as long as it takes. Cancel safe.
    ///
    /// # Errors
    /// [`ClientError`] if the connection ends; [`Refused`](ClientError::Refused) with `Lagged` if we read too slowly.
    pub async fn notice(&mut self) -> Result<Notice, ClientError> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                return Ok(notice);
            }
            match self.receive().await? {
                Message::Notice(notice) => return Ok(notice),
                Message::Response { .. } => {}
                Message::Refused(refusal) => {
                    return Err(ClientError::Refused { address: self.address.clone(), refusal });
                }
                _ => return Err(ClientError::Unexpected { address: self.address.clone() }),
            }
        }
    }

    /// The key with all its current versions; `None` if nobody has written it, as far as the station knows.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&mut self, key: &Key) -> Result<Option<EntryView>, ClientError> {
        for _ in 0..READ_ATTEMPTS {
            let Some(mut entry) = self.entry_part(key, 0).await? else { return Ok(None) };
            while entry.versions.len() < usize::try_from(entry.versions_total).unwrap_or(usize::MAX) {
                let skip = u32::try_from(entry.versions.len()).unwrap_or(u32::MAX);
                match self.entry_part(key, skip).await? {
                    Some(part) if part.revision == entry.revision => entry.versions.extend(part.versions),
                    _ => break,
                }
            }
            if entry.versions.len() == usize::try_from(entry.versions_total).unwrap_or(usize::MAX) {
                return Ok(Some(entry));
            }
        }
        Err(ClientError::Unexpected { address: self.address.clone() })
    }

    async fn entry_part(&mut self, key: &Key, skip: u32) -> Result<Option<EntryView>, ClientError> {
        match self.request(Request::Get { key: key.clone(), skip }).await? {
            Response::Entry(entry) => Ok(Some(entry)),
            Response::UnknownKey => Ok(None),
            _ => Err(ClientError::Unexpected { address: self.address.clone() }),
        }
    }

    /// Every version a key ever had, oldest first as the station applied them; `None` if it never had one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn history(&mut self, key: &Key) -> Result<Option<Vec<HistoryEntry>>, ClientError> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            match self.request(Request::History { key: key.clone(), after }).await? {
                Response::History { entries, more_after } => {
                    all.extend(entries);
                    match more_after {
                        Some(position) => after = position,
                        None => return Ok(Some(all)),
                    }
                }
                Response::UnknownKey => return Ok(None),
                _ => return Err(ClientError::Unexpected { address: self.address.clone() }),
            }
        }
    }

    /// The open conflicts in the order of their keys.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn conflicts(&mut self) -> Result<Vec<ConflictView>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            match self.request(Request::Conflicts { after }).await? {
                Response::Conflicts { conflicts, more_after } => {
                    all.extend(conflicts);
                    match more_after {
                        Some(key) => after = Some(key),
                        None => return Ok(all),
                    }
                }
                _ => return Err(ClientError::Unexpected { address: self.address.clone() }),
            }
        }
    }

    /// The versions of many keys as of one frontier: that which is given, or what the station shows now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn snapshot(
        &mut self,
        keys: &[Key],
        at: Option<VersionVector>,
    ) -> Result<Snapshot, ClientError> {
        let (mut rest, mut frontier, mut all) = (keys, at, Vec::new());
        loop {
            let asked = &rest[..rest.len().min(SNAPSHOT_KEYS_MAX)];
            let request = Request::Snapshot { keys: asked.to_vec(), at: frontier.take() };
            let Response::Snapshot { at, entries, answered } = self.request(request).await? else {
                return Err(self.unexpected());
            };
            all.extend(entries);
            let answered = usize::try_from(answered).unwrap_or(usize::MAX).min(asked.len());
            rest = &rest[answered..];
            match (rest.is_empty(), answered) {
                (true, _) => return Ok(Snapshot { at, entries: all }),
                // An answer to nothing would be asked for without end.
                (false, 0) => return Err(self.unexpected()),
                (false, _) => frontier = Some(at),
            }
        }
    }

    /// What one write was.
    ///
    /// # Errors
    /// [`ClientError`]; [`UnknownDot`](clock_core::wire::RequestError::UnknownDot) if the station does not have it.
    pub async fn why(&mut self, dot: &Dot) -> Result<WhyView, ClientError> {
        match self.request(Request::Why { dot: dot.clone() }).await? {
            Response::Why(why) => Ok(why),
            _ => Err(self.unexpected()),
        }
    }

    /// What came after a write.
    ///
    /// # Errors
    /// [`ClientError`]; [`UnknownDot`](clock_core::wire::RequestError::UnknownDot) if the station does not have it.
    pub async fn impact(&mut self, dot: &Dot) -> Result<ImpactView, ClientError> {
        match self.request(Request::Impact { dot: dot.clone() }).await? {
            Response::Impact(impact) => Ok(impact),
            _ => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> ClientError {
        ClientError::Unexpected { address: self.address.clone() }
    }

    /// What the station is doing.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&mut self) -> Result<StatusView, ClientError> {
        match self.request(Request::Status).await? {
            Response::Status(status) => Ok(status),
            _ => Err(ClientError::Unexpected { address: self.address.clone() }),
        }
    }
}

fn closed(address: &str) -> ClientError {
    ClientError::Broken { address: address.to_owned(), detail: "the station closed it".to_owned() }
}
