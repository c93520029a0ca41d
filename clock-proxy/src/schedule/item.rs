//! What waits in a lane.

use bytes::Bytes;
use tokio::time::Instant;

use crate::fault::{Delays, Place, Spot};
use crate::lane::End;

/// What a waiting item is charged on top of its bytes, so that a flood of empty frames is bounded too: an [`Item`],
/// its share of a queue's spare room, and the delays it was given.
pub(super) const ITEM_OVERHEAD_BYTES: usize = 192;

/// A frame on its way through a lane, or bytes without one.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) arrived: Instant,
    pub(crate) place: Place,
    /// 0 for the frame itself, else which of its copies.
    pub(crate) copy: u32,
    pub(crate) bytes: Bytes,
    /// Bytes without a frame may not be overtaken.
    pub(crate) is_frame: bool,
    pub(super) delays: Delays,
    /// When it may go; known when it has been asked for.
    pub(super) due: Option<Instant>,
}

impl Item {
    pub(crate) fn new(arrived: Instant, place: Place, copy: u32, bytes: Bytes, is_frame: bool) -> Self {
        Self { arrived, place, copy, bytes, is_frame, delays: Vec::new(), due: None }
    }

    pub(super) fn spot(&self) -> Spot<'_> {
        Spot { place: self.place, copy: self.copy, arrived: self.arrived, bytes: &self.bytes }
    }
}

/// A frame that stepped aside for later ones.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) bytes: Bytes,
    pub(super) since: Instant,
    /// How many had left the line when it did.
    pub(super) at: u64,
}

/// What the source said last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) arrived: Instant,
    pub(super) end: End,
}
