//! Messages over a byte stream: the codec between `tokio_util` and the wire format.

use bytes::BytesMut;
use clock_core::wire::RequestError;
use clock_core::wire::frame::{self, FrameError};
use clock_core::wire::message::{Message, MessageError};
use tokio_util::codec::{Decoder, Encoder};

/// Why nothing more can be read. Close the connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The connection broke.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// What arrived is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The frame holds no message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A request that does not decode, from somebody who may not ask.
    #[error("request {number}: {refusal}")]
    Request {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        refusal: RequestError,
    },
    /// The stream ended within a frame.
    #[error("the connection ended {0} bytes into a frame")]
    CutShort(usize),
}

/// What a whole frame held.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "almost all are messages: a box would cost each an allocation")]
pub(super) enum Received {
    /// A message.
    Message(Message),
    /// A request that does not decode: to be refused under its number, while the session goes on.
    Malformed {
        /// The client's number for it.
        number: u64,
        /// What to answer.
        refusal: RequestError,
    },
}

impl Received {
    /// The message, where a request is not expected and one that does not decode is as bad as any other bytes.
    ///
    /// # Errors
    /// [`ReadError::Request`] if it does not decode.
    pub(super) fn message(self) -> Result<Message, ReadError> {
        match self {
            Self::Message(message) => Ok(message),
            Self::Malformed { number, refusal } => Err(ReadError::Request { number, refusal }),
        }
    }
}

/// Cuts messages off a stream.
#[derive(Debug)]
pub(super) struct FrameDecoder {
    /// Largest frame to accept now: small for a stranger, [`frame::FRAME_BYTES_MAX`] after the handshake.
    pub frame_bytes_max: usize,
}

impl Decoder for FrameDecoder {
    type Item = Received;
    type Error = ReadError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, ReadError> {
        let Some(frame) = frame::cut(buffer, self.frame_bytes_max)? else { return Ok(None) };
        match Message::from_frame(&frame) {
            Ok(message) => Ok(Some(Received::Message(message))),
            // No error of the decoder: after one it reads no more.
            Err(MessageError::Request { number, field, detail }) => {
                Ok(Some(Received::Malformed { number, refusal: RequestError::Malformed { field, detail } }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A clean end and one within a frame are told apart.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, ReadError> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(ReadError::CutShort(buffer.len())),
            received => Ok(received),
        }
    }
}

/// Writes messages to a stream.
#[derive(Debug)]
pub(super) struct FrameEncoder;

impl Encoder<Message> for FrameEncoder {
    type Error = ReadError;

    fn encode(&mut self, message: Message, buffer: &mut BytesMut) -> Result<(), ReadError> {
        buffer.extend_from_slice(&message.to_frame()?);
        Ok(())
    }
}
