//! Messages over a byte stream: the codec between `tokio_util` and the wire format.

use bytes::BytesMut;
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
    /// The stream ended within a frame.
    #[error("the connection ended {0} bytes into a frame")]
    CutShort(usize),
}

/// Cuts messages off a stream.
#[derive(Debug)]
pub(super) struct FrameDecoder {
    /// Largest frame to accept now: small for a stranger, [`frame::FRAME_BYTES_MAX`] after the handshake.
    pub frame_bytes_max: usize,
}

impl Decoder for FrameDecoder {
    type Item = Message;
    type Error = ReadError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, ReadError> {
        let frame = frame::cut(buffer, self.frame_bytes_max)?;
        Ok(frame.as_ref().map(Message::from_frame).transpose()?)
    }

    /// A clean end and one within a frame are told apart.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, ReadError> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(ReadError::CutShort(buffer.len())),
            message => Ok(message),
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
