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

pub use address::{Upstream, UpstreamError};
pub use blueprint::{Blueprint, LinkArg, NodeArg, Plan, RawArg};
pub use fault::{Fault, Origin, TopologyError};
pub use rule::RuleWish;

pub(crate) use blueprint::{LinkSpec, Settings};

use serde::{Deserialize, Serialize};

/// How the bytes of a link are cut into the units that faults act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// A u32 big-endian length, then that many bytes.
    #[default]
    U32be,
    /// Any bytes. They can be cut, held and delayed, but not reordered or dropped.
    Raw,
}

/// Largest payload length taken for a frame: the stations' 1 MiB, and some slack for a header around it.
pub const FRAME_BYTES_MAX_DEFAULT: u32 = (1 << 20) + 4096;

/// Bytes one lane may hold: eight of the largest frames, and 24 connections fit 200 MB.
pub const HOLD_BYTES_DEFAULT: usize = 8 << 20;

/// Most nodes of one topology. 64 stations are 4,032 listeners, a socket each.
pub const NODES_MAX: usize = 64;
