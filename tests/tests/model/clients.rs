//! What the clients know: what they asked, which versions they meant to supersede, and what they were told.
//!
//! This is the oracle's memory. Nothing in it comes from a vector or a context that a station computed.

use std::collections::BTreeMap;

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, Request, WriteContext};
use clock_core::{BodyKind, Key, RequestId};

use super::dots::{Dots, Place};

/// What a client asks of a station. There is one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// A write after whatever the station knows.
    After,
    /// A deletion of whatever the station knows.
    Delete,
    /// A write beside whatever there is.
    Beside,
    /// A write instead of exactly these versions.
    Instead(Dots),
    /// The end of the conflict of these versions, with the value of the last one.
    Resolve(Dots),
}

/// A request, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// What it asked for.
    pub(crate) what: What,
    /// The value it gives: named by the request that brought it.
    pub(crate) body: u8,
    /// The write was acknowledged to the client.
    pub(crate) answered: bool,
}

/// What the oracle knows of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Sent {
    /// What its client meant to supersede.
    pub(crate) context: Dots,
    /// All that happened before it: what its station showed then, and its own writes.
    pub(crate) past: Dots,
}

/// All clients of one history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Clients {
    /// What was asked, by number.
    pub(crate) asked: BTreeMap<u8, Asked>,
    /// What was sent with each write, by its station and request.
    pub(crate) sent: BTreeMap<(Place, u8), Sent>,
}

/// The one key.
pub(crate) fn key() -> Key {
    Key::new("k").expect("a letter is a key")
}

/// What a deletion brings.
pub(crate) const NOTHING: u8 = 0;

/// A value, from the request that brought it.
pub(crate) fn value(body: u8) -> Bytes {
    if body == NOTHING {
        return Bytes::new();
    }
    Bytes::copy_from_slice(&[b'v', body])
}

impl Clients {
    /// Notes a request to a station and numbers it. Numbers are given for each station, so that the order in which
    /// clients of different stations ask leaves no trace.
    pub(crate) fn ask(&mut self, at: Place, what: What, body: Option<u8>) -> u8 {
        let of_station = at.0 * 16..(at.0 + 1) * 16;
        let count = self.asked.range(of_station).count();
        let number = at.0 * 16 + u8::try_from(count).expect("few requests") + 1;
        self.asked.insert(number, Asked { what, body: body.unwrap_or(number), answered: false });
        number
    }

    /// The request as it is sent.
    pub(crate) fn request(&self, number: u8) -> Request {
        let Asked { what, body, .. } = self.asked[&number];
        let request = RequestId(u128::from(number));
        let context = match what {
            What::After => WriteContext::StationView,
            What::Delete => {
                return Request::Delete { key: key(), context: WriteContext::StationView, request };
            }
            What::Beside => WriteContext::Blind,
            What::Instead(dots) => WriteContext::Exactly(dots.names()),
            What::Resolve(siblings) => {
                let names = siblings.names();
                let last = names.last().expect("a conflict has siblings").clone();
                let conflict = ConflictId::of(&names);
                return Request::Resolve { conflict, choice: Choice::Take(last), request };
            }
        };
        Request::Put { key: key(), kind: BodyKind::OPAQUE, value: value(body), context, request }
    }
}
