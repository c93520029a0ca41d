//! A frame-aware TCP relay that injects partitions, delays and reordering between stations.
//!
//! A real network misbehaves per *direction of a pair of machines*, and in whole messages. A byte pipe per
//! machine can show neither: it does not see the connections its machine dials, and it cuts messages in
//! half. So there is one listener per ordered pair (`a->b` is what a dials to reach b), both ends of every
//! connection are known, and faults act on whole length-prefixed frames.
//!
//! - A *flow* `a->b` is every byte from a to b, on whichever connection it travels.
//! - A fault never loses order, bytes or memory unless its name says so: what is held is bounded, and a
//!   full lane stops reading, so TCP pushes back on the sender.
//! - Every decision is a hash of (seed, rule number, flow, connection ordinal, direction, frame index). There
//!   is no random stream, so threads, chunking, other links and rules added later change nothing. Lanes
//!   without frames are the exception: there each read counts as a frame, so their jitter depends on how the
//!   bytes happen to be chunked.
//! - The control plane never waits for a socket: a lane whose reader is stuck still takes a new rule.
//!
//! Map: [`cli`] and [`topology`] say what to relay; `command` parses a line, `scenario` a file of timed ones, `rule` decides what it means,
//! `lane` and `schedule` apply it to bytes (no I/O, no clock), `relay`, `link` and
//! `acceptor` own the sockets, `control`
//! serves the lines, `http` serves Toxiproxy's API, `report` renders the answers. The manual is `docs/faults.md`.

mod acceptor;
pub mod cli;
mod command;
mod control;
mod crew;
mod descriptors;
mod dice;
mod directory;
mod fault;
pub mod frame;
pub mod grammar;
mod http;
mod journal;
mod lane;
mod link;
mod listener;
mod meter;
mod pool;
mod proxy;
mod relay;
mod report;
mod roster;
mod rule;
mod run;
pub mod scenario;
mod schedule;
mod timer;
pub mod topology;

pub use journal::{Events, EventsForm, Recording, RecordingError};
pub use proxy::{Proxy, StartError};
pub use run::run;
