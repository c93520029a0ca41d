//! The HTTP API: Toxiproxy's, so that its clients drive this proxy unchanged, and `/v1` for everything it cannot say.
//!
//! What Toxiproxy answers is answered to the byte, with its oddities: errors are JSON and called plain text, a toxic is
//! created with 200 and a proxy with 201. Where no client depends on it, it is done better: toxics are taken in
//! `/populate`, a toxicity outside of 0 to 1 is refused, names with slashes can be reached. Faults that are not toxics
//! are never shown as toxics: clients parse attributes as unsigned integers, and one float would break them all.
//!
//! A request is parsed and its names are looked up here; then it is one order to the director, and the answer waits
//! until that is in force. Nothing here waits for a socket of the data plane.

mod answer;
mod body;
mod config;
mod error;
mod events;
mod mend;
mod metrics;
mod proxies;
mod routes;
mod server;
mod toxics;
mod v1;

pub(crate) use config::read_relays;
pub(crate) use server::Server;
