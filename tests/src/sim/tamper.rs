//! Frames that no honest station sends: damaged on their way, or forged by a peer. None of them may be taken.

use bytes::{Bytes, BytesMut};
use clock_core::Dot;
use clock_core::wire::message::Message;
use clock_core::wire::{EncodedEvent, frame};

use super::disk::flipped;

/// What is to be done to the next frame over a link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tampering {
    /// This bit flips.
    Flip(u32),
    /// It has a byte too many.
    Pad,
    /// It carries another content of an event, behind the event itself.
    Forge,
}

/// What was done to a frame.
#[derive(Debug, Clone)]
pub(super) enum Tampered {
    /// It is as it was sent.
    Not,
    /// It is no frame any more: nobody may take it.
    Spoilt,
    /// It carries a second content of this dot: whoever takes it has to say so.
    Forged(Dot),
}

/// Does it, if the frame is of a kind to which it can be done.
pub(super) fn tamper(bytes: &Bytes, tampering: Tampering) -> Option<(Bytes, Tampered)> {
    match tampering {
        Tampering::Flip(bit) => Some((flipped(bytes, bit), Tampered::Spoilt)),
        Tampering::Pad => padded(bytes).map(|padded| (padded, Tampered::Spoilt)),
        Tampering::Forge => forged(bytes).map(|(forged, dot)| (forged, Tampered::Forged(dot))),
    }
}

fn opened(bytes: &Bytes) -> Option<frame::Frame> {
    frame::cut(&mut BytesMut::from(bytes.as_ref()), frame::FRAME_BYTES_MAX).ok().flatten()
}

fn padded(bytes: &Bytes) -> Option<Bytes> {
    let frame = opened(bytes)?;
    let body = [frame.body.as_ref(), &[0]].concat();
    frame::encode(frame.kind, &body).ok()
}

fn forged(bytes: &Bytes) -> Option<(Bytes, Dot)> {
    let Ok(Message::Events(mut events)) = Message::from_frame(&opened(bytes)?) else { return None };
    let mut event = events.last()?.decode().ok()?;
    event.body.bytes = Bytes::from_static(b"forged");
    events.push(EncodedEvent::encode(&event).ok()?);
    Some((Message::Events(events).to_frame().ok()?, event.dot))
}
