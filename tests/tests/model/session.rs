//! Sessions between stations: in each direction frames keep their order, and what was sent before an end went down
//! may still arrive.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use clock_core::replica::SessionId;
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::Message;

use super::dots::{Dots, Place};

/// Sessions of one ordered pair that may exist at once.
const SLOTS: u64 = 8;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// The station that dialled: it ships.
    Dialler,
    /// The station that was dialled: it acknowledges.
    Acceptor,
}

impl Side {
    /// The other end.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }
}

/// What one end of a session knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// Nothing yet: no hello has arrived.
    Waiting,
    /// It is up.
    Up,
    /// It is gone.
    Down,
}

/// A connection. Its frames are kept encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    /// Who dialled.
    pub(crate) dialler: Place,
    /// Who was dialled.
    pub(crate) acceptor: Place,
    /// Whether the dialler's end is up.
    pub(crate) dialler_end: End,
    /// Whether the acceptor's is.
    pub(crate) acceptor_end: End,
    to_acceptor: VecDeque<Bytes>,
    to_dialler: VecDeque<Bytes>,
    /// The latest ack, which a station writes when nothing else is queued.
    ack: Option<Bytes>,
}

impl Session {
    /// A connection that was just dialled.
    pub(crate) fn new(dialler: Place, acceptor: Place) -> Self {
        let queues = (VecDeque::new(), VecDeque::new());
        let (dialler_end, acceptor_end) = (End::Up, End::Waiting);
        let (to_acceptor, to_dialler) = queues;
        Self { dialler, acceptor, dialler_end, acceptor_end, to_acceptor, to_dialler, ack: None }
    }

    /// The id of an ordered pair's session in a slot.
    pub(crate) fn id(dialler: Place, acceptor: Place, slot: u64) -> SessionId {
        SessionId(1 + (u64::from(dialler.0) * 4 + u64::from(acceptor.0)) * SLOTS + slot)
    }

    /// The ids an ordered pair's sessions may have.
    pub(crate) fn ids(dialler: Place, acceptor: Place) -> impl Iterator<Item = SessionId> {
        (0..SLOTS).map(move |slot| Self::id(dialler, acceptor, slot))
    }

    /// The station at one end.
    pub(crate) fn place(&self, side: Side) -> Place {
        match side {
            Side::Dialler => self.dialler,
            Side::Acceptor => self.acceptor,
        }
    }

    /// What that station knows of the session.
    pub(crate) fn end(&self, side: Side) -> End {
        match side {
            Side::Dialler => self.dialler_end,
            Side::Acceptor => self.acceptor_end,
        }
    }

    /// Which end is this station's.
    pub(crate) fn side(&self, place: Place) -> Side {
        if place == self.dialler { Side::Dialler } else { Side::Acceptor }
    }

    /// A station sends; nothing arrives at an end that is gone.
    pub(crate) fn send(&mut self, from: Side, message: &Message) {
        let bytes = message.to_frame().expect("a station's message fits a frame");
        let is_plain_ack = matches!(message, Message::Ack { resend: false, .. });
        match from {
            Side::Dialler if self.acceptor_end != End::Down => self.to_acceptor.push_back(bytes),
            Side::Acceptor if self.dialler_end == End::Down => {}
            Side::Acceptor if is_plain_ack => self.ack = Some(bytes),
            Side::Acceptor => self.to_dialler.push_back(bytes),
            Side::Dialler => {}
        }
    }

    /// What arrives next at one end.
    pub(crate) fn next(&self, to: Side) -> Option<Message> {
        match to {
            Side::Acceptor => self.to_acceptor.front(),
            Side::Dialler => self.to_dialler.front().or(self.ack.as_ref()),
        }
        .map(decode)
    }

    /// Takes it out.
    pub(crate) fn take(&mut self, to: Side) -> Option<Message> {
        match to {
            Side::Acceptor => self.to_acceptor.pop_front(),
            Side::Dialler => self.to_dialler.pop_front().or_else(|| self.ack.take()),
        }
        .as_ref()
        .map(decode)
    }

    /// Whether something can arrive at this end.
    pub(crate) fn has_next(&self, to: Side) -> bool {
        match to {
            Side::Acceptor => !self.to_acceptor.is_empty(),
            Side::Dialler => !self.to_dialler.is_empty() || self.ack.is_some(),
        }
    }

    /// Whether the next to arrive at the dialler is an ack, with nothing before it.
    pub(crate) fn has_ack_next(&self) -> bool {
        self.to_dialler.is_empty() && self.ack.is_some()
    }

    /// The end goes down: what was on its way to it is lost.
    pub(crate) fn close(&mut self, side: Side) {
        match side {
            Side::Dialler => {
                self.dialler_end = End::Down;
                self.to_dialler.clear();
                self.ack = None;
            }
            Side::Acceptor => {
                self.acceptor_end = End::Down;
                self.to_acceptor.clear();
            }
        }
    }

    /// Whether neither end knows anything of it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.dialler_end == End::Down && self.acceptor_end == End::Down
    }

    /// Whether both ends are up and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        let both_up = self.dialler_end == End::Up && self.acceptor_end == End::Up;
        both_up && !self.has_next(Side::Dialler) && !self.has_next(Side::Acceptor)
    }
}

fn decode(bytes: &Bytes) -> Message {
    let mut buffer = BytesMut::from(bytes.as_ref());
    let frame = frame::cut(&mut buffer, FRAME_BYTES_MAX).expect("a valid frame").expect("a whole frame");
    Message::from_frame(&frame).expect("a valid message")
}

/// A message in few words, for a path that somebody reads.
pub(crate) fn shown(message: &Message) -> String {
    match message {
        Message::Hello(_) => "hello".to_owned(),
        Message::Welcome(claim) => format!("welcome, has {}", Dots::covered_by(&claim.durable)),
        Message::Events(events) => {
            let dots = events.iter().map(|event| Dots::of(&event.decode().expect("a valid event").dot));
            format!("events {}", Dots::all(dots))
        }
        Message::Heartbeat { sent } => format!("heartbeat, sent {}", Dots::covered_by(sent)),
        Message::Ack { durable, resend } => {
            let asks = if *resend { ", asks for the rest again" } else { "" };
            format!("ack {}{asks}", Dots::covered_by(durable))
        }
        other => format!("{other:?}"),
    }
}
