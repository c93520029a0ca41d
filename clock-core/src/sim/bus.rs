//! The simulated network: named nodes, whole messages, partitions that hold and never lose.
//!
//! Messages of a sender to a recipient arrive in the order they were sent, unless
//! [`MessageBus::reorder`] says otherwise. A partition holds what crosses it until
//! [`MessageBus::heal`]. A lock guards the state and is never held across an await; waiting is done on a
//! notification that was created before the state was looked at, so no change is missed.

use super::network::{Network, Offer, Take};
use super::reorder::Reorder;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use tokio::sync::Notify;

/// The largest payload of one message, in bytes: 1 MiB, the same as the frame limit on a real connection.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// One message as the recipient gets it. `from` is set by the bus and can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub from: String,
    /// Who receives it.
    pub to: String,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// A network of named nodes in one process, shared behind an `Arc`.
#[derive(Debug)]
pub struct MessageBus {
    node_ids: Vec<String>,
    index_by_id: BTreeMap<String, usize>,
    network: Mutex<Network>,
    /// Per node: something arrived, or room was made.
    changed: Vec<Notify>,
    refused_partition: Mutex<Option<BusError>>,
}

impl MessageBus {
    /// A bus on which every node can talk to every other. A repeated id counts once.
    #[must_use]
    pub fn new(node_ids: Vec<String>) -> Self {
        let mut index_by_id = BTreeMap::new();
        let mut unique_ids = Vec::with_capacity(node_ids.len());
        for id in node_ids {
            index_by_id.entry(id.clone()).or_insert_with(|| {
                unique_ids.push(id);
                unique_ids.len() - 1
            });
        }
        Self {
            network: Mutex::new(Network::new(unique_ids.len())),
            changed: unique_ids.iter().map(|_| Notify::new()).collect(),
            node_ids: unique_ids,
            index_by_id,
            refused_partition: Mutex::new(None),
        }
    }

    /// The nodes, in the order they were given.
    #[must_use]
    pub fn node_ids(&self) -> &[String] {
        &self.node_ids
    }

    /// Cuts every link between the two groups, in both directions, on top of earlier cuts.
    ///
    /// A node in neither group stays connected to both. Messages that have arrived stay arrived. If an id is
    /// unknown or in both groups, the *whole* call has no effect and
    /// [`refused_partition`](Self::refused_partition) tells why; use [`try_partition`](Self::try_partition)
    /// where the ids are input.
    pub fn partition(&self, group_a: &[&str], group_b: &[&str]) {
        let refusal = self.try_partition(group_a, group_b).err();
        if refusal.is_some() {
            *self.refused_partition.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        }
    }

    /// As [`partition`](Self::partition), with the refusal as the result.
    ///
    /// # Errors
    /// [`BusError::UnknownNode`] or [`BusError::InBothGroups`]. No link was cut.
    pub fn try_partition(&self, group_a: &[&str], group_b: &[&str]) -> Result<(), BusError> {
        if let Some(shared) = group_a.iter().find(|id| group_b.contains(id)) {
            return Err(BusError::InBothGroups { node: (*shared).to_owned() });
        }
        let indices =
            |group: &[&str]| group.iter().map(|id| self.index_of(id)).collect::<Result<Vec<_>, _>>();
        let (group_a, group_b) = (indices(group_a)?, indices(group_b)?);
        self.lock().cut(&group_a, &group_b);
        Ok(())
    }

    /// Why the latest refused call of [`partition`](Self::partition) had no effect, if there was one.
    #[must_use]
    pub fn refused_partition(&self) -> Option<BusError> {
        self.refused_partition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Restores every link and releases what was held, in the order it was sent.
    pub fn heal(&self) {
        self.lock().heal();
        self.notify_all();
    }

    /// From now on a recipient gets one of its first `window` waiting messages, chosen by `seed`.
    ///
    /// At most `window - 1` later messages overtake any one. A window of 0 or 1 restores the order of arrival.
    pub fn reorder(&self, seed: u64, window: usize) {
        self.lock().set_order(Reorder::new(seed, window));
    }

    /// Ends the network: sends fail from now on, and [`recv`](Self::recv) returns `None` once it has handed
    /// out what had arrived. Messages held by a partition are released by [`heal`](Self::heal), also later.
    pub fn close(&self) {
        self.lock().close();
        self.notify_all();
    }

    /// How many messages partitions are holding.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().held_count()
    }

    /// How many messages have arrived for a node and wait for it; 0 for an unknown one.
    #[must_use]
    pub fn arrived(&self, node: &str) -> usize {
        self.index_by_id.get(node).map_or(0, |index| self.lock().arrived_count(*index))
    }

    /// Sends one message. Waits while [`RECIPIENT_CAPACITY`](super::RECIPIENT_CAPACITY) messages are under
    /// way to the recipient, held ones included; it never drops one.
    ///
    /// Cancel safe: dropped before it is done, the message was not sent. Sends that one node makes at the
    /// same time have no order among them.
    ///
    /// # Errors
    /// [`BusError::UnknownNode`], [`BusError::MessageTooLarge`] or [`BusError::Closed`]. Nothing was sent.
    pub async fn send(&self, from: &str, to: &str, payload: Vec<u8>) -> Result<(), BusError> {
        let (from_index, to_index) = (self.index_of(from)?, self.index_of(to)?);
        if payload.len() > MAX_MESSAGE_BYTES {
            return Err(BusError::MessageTooLarge { bytes: payload.len(), bytes_max: MAX_MESSAGE_BYTES });
        }
        let mut message = Message { from: from.to_owned(), to: to.to_owned(), payload };
        loop {
            let room_made = self.changed[to_index].notified();
            let offer = self.lock().offer(from_index, to_index, message);
            match offer {
                Offer::Accepted => break,
                Offer::Closed => return Err(BusError::Closed),
                Offer::Full(returned) => message = returned,
            }
            room_made.await;
        }
        self.changed[to_index].notify_waiters();
        Ok(())
    }

    /// The next message for a node; waits for one. `None` when the bus is closed and all that had arrived was
    /// handed out, and at once for an unknown node.
    ///
    /// Cancel safe: dropped before it is done, no message was taken.
    pub async fn recv(&self, node: &str) -> Option<Message> {
        let index = self.index_of(node).ok()?;
        loop {
            let arrived = self.changed[index].notified();
            match self.take(index) {
                Take::Message(message) => return Some(message),
                Take::NeverAgain => return None,
                Take::NothingYet => arrived.await,
            }
        }
    }

    /// The next message that has already arrived for a node, without waiting.
    #[must_use]
    pub fn try_recv(&self, node: &str) -> Option<Message> {
        match self.take(self.index_of(node).ok()?) {
            Take::Message(message) => Some(message),
            Take::NothingYet | Take::NeverAgain => None,
        }
    }

    fn take(&self, index: usize) -> Take {
        let taken = self.lock().take(index);
        if matches!(taken, Take::Message(_)) {
            self.changed[index].notify_waiters();
        }
        taken
    }

    fn notify_all(&self) {
        self.changed.iter().for_each(Notify::notify_waiters);
    }

    fn index_of(&self, node: &str) -> Result<usize, BusError> {
        let index = self.index_by_id.get(node).copied();
        index.ok_or_else(|| BusError::UnknownNode { node: node.to_owned() })
    }

    /// A panic elsewhere cannot leave the network half changed: its operations do not panic midway.
    fn lock(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the bus did not do as asked. Nothing changed in any case.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BusError {
    /// The bus was made without this node. Correct the id; retrying is useless.
    #[error("no node {node} on this bus")]
    UnknownNode {
        /// The id that is not known.
        node: String,
    },
    /// A node cannot be cut off from itself. Name it in one group only.
    #[error("node {node} is in both groups of the partition")]
    InBothGroups {
        /// The node named twice.
        node: String,
    },
    /// The payload is over the limit. Send it in parts.
    #[error("message of {bytes} bytes is above the limit of {bytes_max} bytes")]
    MessageTooLarge {
        /// The size of the payload.
        bytes: usize,
        /// The largest that is accepted.
        bytes_max: usize,
    },
    /// The bus was closed and stays closed.
    #[error("the bus is closed")]
    Closed,
}
