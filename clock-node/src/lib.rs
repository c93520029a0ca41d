//! One ground station: an actor that owns its clocks and its replicated catalog, over real TCP and a durable store.
//!
//! A write goes through the files in this order, always forward: [`net`] cuts the frame, `handle` queues it,
//! `actor` asks the replica (`clock_core::replica`), [`store`] makes it durable, the actor performs what the replica
//! then wants done, [`net`] writes the answer.

mod actor;
pub mod cli;
mod config;
pub mod demo;
mod facts;
mod handle;
pub mod launch;
pub mod net;
mod station;
pub mod store;
mod view;
mod wall_clock;

pub use actor::ActorError;
pub use config::StationConfig;
pub use station::{DRAIN_LIMIT, Station, StationError};
