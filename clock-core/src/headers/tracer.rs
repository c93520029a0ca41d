//! The clocks of one service: what it sends carries what it knew, what it receives it knows from then on.
//!
//! Each send and each receipt is an event of its own and counts (Fidge 1988), so an entry says how many steps a service
//! has taken, and a service's log of sent events has gaps where it received.

use alloc::vec::Vec;

use thiserror::Error;

use super::{EventIdSource, EventType, IdsExhausted, LamportTimestamp, Trace, TracedEvent};
use crate::causality::Ordering;
use crate::clocks::{CounterExhausted, LamportClock, LamportRefused, MAX_COUNTER, MergeRefused, VectorClock};
use crate::id::NodeId;
use crate::versions::VectorTimestamp;

/// One service's clocks and its source of event ids.
#[derive(Debug)]
pub struct Tracer<S> {
    node: NodeId,
    vector: VectorClock,
    lamport: LamportClock,
    ids: S,
}

impl<S: EventIdSource> Tracer<S> {
    /// The tracer of a service that has seen nothing.
    #[must_use]
    pub fn new(node: NodeId, ids: S) -> Self {
        let vector = VectorClock::new(node.as_str());
        Self { node, vector, lamport: LamportClock::new(), ids }
    }

    /// The tracer of a service that goes on after a restart from what it stored: its last vector and Lamport time.
    ///
    /// A service that lost them takes a new node id: under the old one, two of its events would share a counter.
    ///
    /// # Errors
    /// [`MergeRefused`] if the vector is not one that a tracer can have reached.
    pub fn restored(
        node: NodeId,
        vector: &VectorTimestamp,
        lamport: u64,
        ids: S,
    ) -> Result<Self, MergeRefused> {
        let vector = VectorClock::restored(node.as_str(), vector.entries())?;
        Ok(Self { node, vector, lamport: LamportClock::starting_at(lamport), ids })
    }

    /// Whose clocks these are.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// What the service knows now. Store it, with the Lamport time, before what it covers leaves the service.
    #[must_use]
    pub fn vector(&self) -> &VectorTimestamp {
        self.vector.timestamp()
    }

    /// The Lamport time of the last step.
    #[must_use]
    pub fn lamport(&self) -> LamportTimestamp {
        let time = self.lamport.current().min(MAX_COUNTER);
        LamportTimestamp::new(self.node.clone(), time).expect("the time is at most MAX_COUNTER")
    }

    /// Counts a local step that sends nothing.
    ///
    /// # Errors
    /// [`CounterExhausted`]. Nothing changed.
    pub fn tick(&mut self) -> Result<(), CounterExhausted> {
        self.vector.try_tick()?;
        self.lamport.tick();
        Ok(())
    }

    /// Makes an event that comes after all that this service has sent and received, at a wall time in milliseconds that
    /// only its id shows.
    ///
    /// # Errors
    /// [`SendError`]. The clocks did not change.
    pub fn send(
        &mut self,
        event_type: EventType,
        payload: Vec<u8>,
        wall_ms: u64,
    ) -> Result<TracedEvent, SendError> {
        self.check_room()?;
        let event_id = self.ids.next_id(wall_ms)?;
        self.tick()?;
        let trace = Trace { event_id, event_type, causality: self.vector.timestamp().clone() };
        Ok(TracedEvent::new(trace, payload))
    }

    /// Takes in what the sender knew, and counts the receipt. Returns how the received timestamp related to what this
    /// service knew before: `After` is news that builds on all of it, `Concurrent` is news made without knowing some
    /// of it, `Before` and `Equal` are no news.
    ///
    /// # Errors
    /// [`ReceiveError`]. The clocks did not change; the event's payload is the caller's to judge.
    pub fn receive(&mut self, causality: &VectorTimestamp) -> Result<Ordering, ReceiveError> {
        self.check_room()?;
        let relation = causality.compare(self.vector.timestamp());
        self.vector.try_observe(causality)?;
        self.tick()?;
        Ok(relation)
    }

    /// Takes in a Lamport time that came beside or instead of a vector, and counts the receipt on that clock.
    ///
    /// # Errors
    /// [`LamportRefused`]. Nothing changed.
    pub fn receive_lamport(&mut self, lamport: &LamportTimestamp) -> Result<u64, LamportRefused> {
        self.lamport.try_observe(lamport.time())
    }

    fn check_room(&self) -> Result<(), CounterExhausted> {
        let node = self.node.as_str();
        if self.vector.get(node) < MAX_COUNTER {
            return Ok(());
        }
        Err(CounterExhausted { node_id: node.into(), limit: MAX_COUNTER })
    }
}

/// Why an event was not made. The clocks did not change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The service has used up its counter: it goes on under a new node id.
    #[error(transparent)]
    CounterExhausted(#[from] CounterExhausted),
    /// The source has no further id.
    #[error(transparent)]
    IdsExhausted(#[from] IdsExhausted),
}

/// Why a received timestamp was not taken in. The clocks did not change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// The service has used up its counter: it goes on under a new node id.
    #[error(transparent)]
    CounterExhausted(#[from] CounterExhausted),
    /// The timestamp is not credible: see [`MergeRefused`] for what each case calls for.
    #[error(transparent)]
    MergeRefused(#[from] MergeRefused),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::CountingSource;
    use std::string::ToString;

    fn tracer(name: &str) -> Tracer<CountingSource> {
        let node = NodeId::new(name).unwrap();
        Tracer::new(node.clone(), CountingSource::after(node, 0))
    }

    fn send(tracer: &mut Tracer<CountingSource>) -> TracedEvent {
        tracer.send(EventType::new("order.created").unwrap(), Vec::new(), 0).unwrap()
    }

    #[test]
    fn an_event_comes_after_all_that_its_sender_received() {
        let (mut orders, mut billing) = (tracer("orders"), tracer("billing"));
        let order = send(&mut orders);
        assert_eq!(billing.receive(order.causality()), Ok(Ordering::After));
        let invoice = send(&mut billing);
        assert_eq!(order.compare(&invoice), Ordering::Before);
        assert_eq!(send(&mut orders).compare(&invoice), Ordering::Concurrent);
    }

    #[test]
    fn a_receipt_says_what_was_known_before() {
        let (mut orders, mut billing) = (tracer("orders"), tracer("billing"));
        let order = send(&mut orders);
        send(&mut billing);
        assert_eq!(billing.receive(order.causality()), Ok(Ordering::Concurrent));
        assert_eq!(billing.receive(order.causality()), Ok(Ordering::Before));
    }

    #[test]
    fn a_refused_timestamp_leaves_both_clocks_alone() {
        let mut orders = tracer("orders");
        send(&mut orders);
        let forged = VectorTimestamp::from_entries([("orders", 9), ("billing", 1)]).unwrap();
        let before = (orders.vector().clone(), orders.lamport());
        assert!(matches!(orders.receive(&forged), Err(ReceiveError::MergeRefused(_))));
        assert_eq!((orders.vector().clone(), orders.lamport()), before);
    }

    #[test]
    fn a_used_up_counter_sends_and_receives_nothing() {
        let node = NodeId::new("orders").unwrap();
        let full = VectorTimestamp::from_entries([("orders", MAX_COUNTER)]).unwrap();
        let ids = CountingSource::after(node.clone(), 0);
        let mut orders = Tracer::restored(node, &full, 3, ids).unwrap();
        let news = VectorTimestamp::from_entries([("billing", 1)]).unwrap();
        assert!(matches!(orders.receive(&news), Err(ReceiveError::CounterExhausted(_))));
        let event_type = EventType::new("order.created").unwrap();
        assert!(matches!(orders.send(event_type, Vec::new(), 0), Err(SendError::CounterExhausted(_))));
        assert_eq!((orders.vector(), orders.lamport().time()), (&full, 3));
    }

    #[test]
    fn a_lamport_time_travels_by_itself() {
        let (mut orders, mut billing) = (tracer("orders"), tracer("billing"));
        for _ in 0..5 {
            orders.tick().unwrap();
        }
        assert_eq!(orders.lamport().to_string(), "orders:5");
        assert_eq!(billing.receive_lamport(&orders.lamport()), Ok(6));
        let forged = LamportTimestamp::new(NodeId::new("x").unwrap(), MAX_COUNTER).unwrap();
        assert!(billing.receive_lamport(&forged).is_err());
        assert_eq!(billing.lamport().time(), 6);
    }
}
