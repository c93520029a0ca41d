//! The in-memory cluster: nodes and clocks as they are, on a network that can be cut and reordered at will.
//!
//! [`MessageBus`] carries bytes between named nodes; [`ClusterNode`] stamps, encodes, broadcasts, decodes,
//! delivers in causal order and surfaces conflicts. No sockets, no timers, no threads of its own: of tokio
//! only `sync` is used, so any executor will do.

mod bus;
mod codec;
mod conflict;
mod event;
mod fact;
mod history;
mod hold_back;
mod network;
mod node;
mod race;
mod reorder;
mod screen;
mod submit_error;

pub use bus::{BusError, MAX_MESSAGE_BYTES, Message, MessageBus};
pub use conflict::Conflict;
pub use event::{Event, EventId};
pub use fact::{Fact, Refusal};
pub use hold_back::HOLD_BACK_MAX;
pub use network::RECIPIENT_CAPACITY;
pub use node::{ClusterNode, MAX_PAYLOAD_BYTES};
pub use submit_error::SubmitError;
