//! What to relay: stations, listeners, raw relays and settings.
//!
//! A [`Blueprint`] is collected from a file and from flags, in this order, and checked as a whole when it
//! becomes a [`Plan`]. Each part remembers where it was written, so an error names the flag, or the file
//! with line and column.

mod address;
mod blueprint;
mod fault;
mod file;
mod rule;
mod timeout;

pub use address::{Upstream, UpstreamError};
pub use blueprint::{Blueprint, LinkArg, NodeArg, Plan, RawArg};
pub use fault::{Fault, Origin, TopologyError};
pub use rule::RuleWish;

pub(crate) use blueprint::{LinkSpec, Settings, parse_threads};
pub(crate) use timeout::parse_frame_timeout;

pub use crate::frame::Framing;

/// Largest payload length taken for a frame: the stations' 1 MiB, and some slack for a header around it.
pub const FRAME_BYTES_MAX_DEFAULT: u32 = (1 << 20) + 4096;

/// Bytes one lane may hold: eight of the largest frames, and 24 connections fit 200 MB.
pub const HOLD_BYTES_DEFAULT: usize = 8 << 20;

/// Connections of one link at a time: with two descriptors each they fit the limit of 65,536 that servers usually
/// have, and idle they take less than 64 MiB. Beyond this the kernel's backlog takes over.
pub const CONNS_MAX_DEFAULT: usize = 16_384;

/// Most threads that relay: each has a runtime and descriptors of its own, and more than there are cores only take
/// turns.
pub const THREADS_MAX: usize = 256;

/// Most nodes of one topology. 64 stations are 4,032 listeners, a socket each.
pub const NODES_MAX: usize = 64;
