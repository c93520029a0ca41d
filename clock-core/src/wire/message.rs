//! What stations and clients say to each other. The documentation of [`Message`] is the protocol.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::bounded;
use super::codec::{self, CodecError, NumberedError};
use super::event_bytes::{EVENT_BYTES_MAX, EncodedEvent};
use super::frame::{self, Frame, FrameError};
use super::request::{Request, Terms};
use super::response::Response;
use super::view::Notice;
use crate::event::CONTEXT_DOTS_MAX;
use crate::id::{Dot, NodeId, ReplicaId};
use crate::versions::VersionVector;

/// Most events in one frame: enough to amortise it, few enough that an ack is never far away.
pub const FRAME_EVENTS_MAX: usize = 256;

/// Everything that travels in a frame.
///
/// A *session* is one connection. The side that dialled speaks first. Between stations the dialler ships events
/// and the acceptor acknowledges them; both stations of a pair dial, so each pair has two sessions, one for each
/// direction.
///
/// | type | message | sent by | when |
/// |---|---|---|---|
/// | 1 | `Hello` | dialler | first, once |
/// | 2 | `Welcome` | acceptor | answers a `Hello` it accepts |
/// | 3 | `Refused` | either side | says why it closes the session, then closes it |
/// | 4 | `Events` | dialling station | events that the peer's last vector does not cover, in the sender's log order |
/// | 5 | `Heartbeat` | dialling station | at an interval: what the session has carried so far |
/// | 6 | `Ack` | accepting station | after every commit and every heartbeat: its durable vector, absolute |
/// | 7 | `Beside` | accepting station | before the ack that covers it: an event of the dialler met others at its key |
/// | 16 | `Request` | client | any time; answered in any order, matched by `number` |
/// | 17 | `Response` | station | once for each request |
/// | 18 | `Notice` | station | after a `Watch` request, as things happen |
///
/// Every vector is a *claim*: it chooses what to send and is never merged into the receiver's own (rule 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Opens a session.
    Hello(Hello),
    /// Accepts it.
    Welcome(Claim),
    /// Refuses it, or ends it.
    Refused(Refusal),
    /// Ships events.
    Events(Vec<EncodedEvent>),
    /// Tells what was shipped, so that a loss on the way is noticed.
    Heartbeat {
        /// All that the acceptor must have once it has read this far.
        sent: VersionVector,
    },
    /// Acknowledges what is durable.
    Ack {
        /// Everything the acceptor has durably applied.
        durable: VersionVector,
        /// Something the heartbeat named never arrived: ship again from `durable`.
        resend: bool,
    },
    /// Tells the author of a write what stood beside it when it became visible at the acceptor, so that its receipt can
    /// name the conflict.
    Beside(Beside),
    /// A client asks.
    Request {
        /// Chosen by the client, unique among its open requests.
        number: u64,
        /// On which terms.
        terms: Terms,
        /// What it asks.
        request: Request,
    },
    /// The station answers.
    Response {
        /// The number of the request.
        number: u64,
        /// The session's token from now on, if the request came with one: what the station showed when it answered.
        token: Option<VersionVector>,
        /// The answer.
        response: Response,
    },
    /// Something happened that a watcher asked to be told.
    Notice(Notice),
}

/// What an event met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The event.
    pub dot: Dot,
    /// The other current versions of its key, ascending; not all, if there are more than one context may name.
    #[serde(deserialize_with = "bounded::list::<_, _, CONTEXT_DOTS_MAX>")]
    pub versions: Vec<Dot>,
}

/// The first words of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The cluster that the dialler means; another one refuses it.
    pub cluster: NodeId,
    /// Who dials.
    pub role: Role,
}

/// What the dialler is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A program or a person.
    Client,
    /// A station.
    Peer(Claim),
}

/// A station's name and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who claims.
    pub replica: ReplicaId,
    /// What it has durably applied; and of the receiver's own events, also what it does not show yet.
    pub durable: VersionVector,
}

/// Why a session is refused or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The dialler means another cluster.
    #[error("this is cluster {0}")]
    OtherCluster(NodeId),
    /// The dialling station is no member.
    #[error("station {0} is not a member here")]
    UnknownStation(NodeId),
    /// A station dialled itself, or a second station runs under the same name.
    #[error("this is station {0} itself")]
    SameStation(NodeId),
    /// Too many connections: come back later.
    #[error("{0} connections are open, the limit: try again later")]
    Busy(u32),
    /// The station is stopping.
    #[error("the station is stopping")]
    Stopping,
    /// What the dialler sent is not the protocol.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// The watcher read too slowly and its bounded queue is full.
    #[error("the watcher fell behind: watch again")]
    Lagged,
    /// The station said hello again on another session: that one counts.
    #[error("a later session of the same station has taken its place")]
    Superseded,
}

/// Why a frame's body is no message. Close the session, unless it is a [`Request`](MessageError::Request).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// A type this build does not know.
    #[error("message type {0} is unknown")]
    UnknownType(u8),
    /// The body does not decode.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The request of a client does not decode. The frame around it is whole and says under which number an answer is
    /// awaited: refuse the request, and go on.
    #[error("malformed request {number}: field {field}: {detail}")]
    Request {
        /// The client's number for it.
        number: u64,
        /// The path of what did not decode, such as `Put.context[3].seq`.
        field: String,
        /// What was met there, and what was expected.
        detail: String,
    },
    /// It does not fit a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The list of events is cut short or too long.
    #[error("events frame: {0}")]
    Events(&'static str),
}

/// What is behind the number of a request: the names by which a malformed one is refused.
#[derive(Deserialize)]
struct Asked {
    terms: Terms,
    request: Request,
}

/// The numbered value of a frame is a request.
impl From<NumberedError> for MessageError {
    fn from(error: NumberedError) -> Self {
        match error {
            NumberedError::Number(error) => Self::Codec(error),
            NumberedError::Value { number, field, detail } => {
                let field = if field.is_empty() { "request".to_owned() } else { field };
                Self::Request { number, field, detail }
            }
        }
    }
}

impl Message {
    /// The frame's bytes, length prefix included.
    ///
    /// # Errors
    /// [`MessageError::Frame`] if the message does not fit one frame.
    pub fn to_frame(&self) -> Result<Bytes, MessageError> {
        let (kind, body) = match self {
            Self::Hello(hello) => (1, codec::encode("hello", hello)?),
            Self::Welcome(claim) => (2, codec::encode("welcome", claim)?),
            Self::Refused(refusal) => (3, codec::encode("refusal", refusal)?),
            Self::Events(events) => (4, join_events(events)),
            Self::Heartbeat { sent } => (5, codec::encode("heartbeat", sent)?),
            Self::Ack { durable, resend } => (6, codec::encode("ack", &(durable, resend))?),
            Self::Beside(beside) => (7, codec::encode("beside", beside)?),
            Self::Request { number, terms, request } => {
                (16, codec::encode("request", &(number, terms, request))?)
            }
            Self::Response { number, token, response } => {
                (17, codec::encode("response", &(number, token, response))?)
            }
            Self::Notice(notice) => (18, codec::encode("notice", notice)?),
        };
        Ok(frame::encode(kind, &body)?)
    }

    /// Reads the message of a frame.
    ///
    /// # Errors
    /// [`MessageError`] if the body is not exactly one message of the frame's type.
    pub fn from_frame(frame: &Frame) -> Result<Self, MessageError> {
        let body = &frame.body;
        Ok(match frame.kind {
            1 => Self::Hello(codec::decode("hello", body)?),
            2 => Self::Welcome(codec::decode("welcome", body)?),
            3 => Self::Refused(codec::decode("refusal", body)?),
            4 => Self::Events(split_events(body.clone())?),
            5 => Self::Heartbeat { sent: codec::decode("heartbeat", body)? },
            6 => {
                let (durable, resend) = codec::decode("ack", body)?;
                Self::Ack { durable, resend }
            }
            7 => Self::Beside(codec::decode("beside", body)?),
            16 => {
                let (number, Asked { terms, request }) = codec::decode_numbered("request", body)?;
                Self::Request { number, terms, request }
            }
            17 => {
                let (number, token, response) = codec::decode("response", body)?;
                Self::Response { number, token, response }
            }
            18 => Self::Notice(codec::decode("notice", body)?),
            unknown => return Err(MessageError::UnknownType(unknown)),
        })
    }
}

/// Each event behind its u32 big-endian length, so that a reader takes them out of the frame without copying.
fn join_events(events: &[EncodedEvent]) -> Vec<u8> {
    let mut body = BytesMut::new();
    for event in events {
        let bytes = event.as_bytes();
        body.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        body.put_slice(bytes);
    }
    body.into()
}

fn split_events(mut body: Bytes) -> Result<Vec<EncodedEvent>, MessageError> {
    let mut events = Vec::new();
    while body.has_remaining() {
        if events.len() == FRAME_EVENTS_MAX {
            return Err(MessageError::Events("too many events"));
        }
        let length = body.try_get_u32().map_err(|_| MessageError::Events("cut short in a length"))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= EVENT_BYTES_MAX.min(body.len()));
        let length = length.ok_or(MessageError::Events("cut short in an event"))?;
        events.push(EncodedEvent::from_bytes(body.split_to(length)));
    }
    Ok(events)
}
