//! Sockets: frames in, frames out. Knows sessions and messages; never the store, never the replica's state.

pub mod client;
#[cfg(test)]
mod door_tests;
mod frames;
mod peer;
mod server;
mod session;
mod watcher;

pub(crate) use peer::{Backoff, PeerDialler};
pub(crate) use server::Server;

use std::time::Duration;

/// How long a dial may take before it is given up.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a stranger may take to say hello, and a station to answer.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a peer may be silent, and how long one frame may take to arrive: ten heartbeats.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
