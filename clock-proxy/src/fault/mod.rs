//! What the rules do to the bytes of one lane: all decisions, and none of the I/O.
//!
//! A frame meets the rules in a fixed order (match, cut, reset and black hole, drop, duplicate and replay, corrupt,
//! delay, reorder, rate, slice, limit, write). [`Decider`] answers the first part, once for each frame, when it has
//! come in whole; it answers delay and reorder when the frame's turn in the line has come. [`Gates`] answer the last
//! part: how many bytes may be written now, and when it is worth asking again.
//!
//! Every answer that is not "pass" is an event of the journal, with the numbers that suffice to repeat it. Nothing
//! here reads a clock or a socket.

mod bucket;
mod corrupt;
mod decider;
mod gate;
mod history;
mod loss;
mod place;
mod repeat;
mod spread;
mod standing;
mod taking;
mod watch;

pub(crate) use bucket::Pools;
pub(crate) use decider::{Decider, Delays, Spot};
pub(crate) use gate::{Course, Gates};
pub(crate) use place::Place;
#[cfg(test)]
pub(crate) use standing::tests;
pub(crate) use taking::Piece;
