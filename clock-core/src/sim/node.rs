//! One station on the simulated network.
//!
//! A local event is stamped by the injected [`Clock`], becomes part of the node's own history, and is then
//! sent to every other node. A received one waits until the clock calls it deliverable, is applied once, and
//! surfaces a conflict with every head it is concurrent with. The node never asks which clock it has.
//!
//! Events are sent by their origin only and never relayed; the bus loses nothing, so every node gets every
//! event. One task owns a node, through `&mut self`.

use super::bus::{Message, MessageBus};
use super::codec::encode;
use super::conflict::Conflict;
use super::event::{Event, EventId};
use super::fact::{Fact, Refusal};
use super::history::History;
use super::hold_back::{Hold, HoldBack};
use super::race::{First, race};
use super::screen::screen;
use super::submit_error::SubmitError;
use crate::causality::Ordering;
use crate::clocks::{Clock, VectorNodeClock};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The largest payload of one event, in bytes: a message less 64 KiB, which holds the vectors of 700 nodes
/// with the longest ids.
pub const MAX_PAYLOAD_BYTES: usize = super::bus::MAX_MESSAGE_BYTES - (64 << 10);

type Observer = Box<dyn FnMut(&str, Fact<'_>) + Send>;

/// A node of the in-memory cluster, with an exact clock unless another is injected.
pub struct ClusterNode<C = VectorNodeClock> {
    id: String,
    bus: Arc<MessageBus>,
    clock: C,
    history: History,
    /// The counter in the name of the latest own event; 0 before the first.
    own_latest: u64,
    hold_back: HoldBack,
    /// Encoded events still to be sent, with the recipient. Not empty between calls only if one was cancelled.
    outbox: VecDeque<(String, Arc<[u8]>)>,
    refusals: BTreeMap<Refusal, u64>,
    observer: Option<Observer>,
}

impl ClusterNode {
    /// A node with a vector clock. If the bus does not know the id, the node hears and reaches nobody.
    #[must_use]
    pub fn new(id: String, bus: Arc<MessageBus>) -> Self {
        let clock = VectorNodeClock::new(&id);
        Self::with_clock(id, bus, clock)
    }
}

impl<C: Clock> ClusterNode<C> {
    /// A node with the given clock, which must stamp under the same id.
    #[must_use]
    pub fn with_clock(id: String, bus: Arc<MessageBus>, clock: C) -> Self {
        Self {
            id,
            bus,
            clock,
            history: History::default(),
            own_latest: 0,
            hold_back: HoldBack::default(),
            outbox: VecDeque::new(),
            refusals: BTreeMap::new(),
            observer: None,
        }
    }

    /// Has every [`Fact`] told to `observer`, with the id of this node, as it happens.
    #[must_use]
    pub fn observed_by(mut self, observer: impl FnMut(&str, Fact<'_>) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Stamps an event, adds it to the own history and sends it to every other node.
    ///
    /// Waits while a recipient has no room, and handles what arrives meanwhile. If the event cannot be
    /// stamped, nothing is stored or sent, and the payload comes back in an event with `lamport` 0 and an
    /// empty vector ([`Event::is_stamped`] is false); [`try_submit`](Self::try_submit) says why.
    ///
    /// Cancelled while it waits, the event is in the history already and the next `submit` or
    /// [`run`](Self::run) goes on sending it: submitting the payload again would make a second event.
    pub async fn submit(&mut self, payload: Vec<u8>) -> Event {
        match self.try_submit(payload).await {
            Ok(event) => event,
            Err(refused) => Event::unstamped(&self.id, refused.into_payload()),
        }
    }

    /// As [`submit`](Self::submit), with the reason if the event cannot be stamped.
    ///
    /// # Errors
    /// [`SubmitError`], with the payload. Nothing was stored or sent.
    pub async fn try_submit(&mut self, payload: Vec<u8>) -> Result<Event, SubmitError> {
        let event = match self.stamp(payload) {
            Ok(event) => event,
            Err(refused) => {
                self.refuse(Refusal::NotSubmitted);
                return Err(refused);
            }
        };
        self.own_latest = event.id().counter;
        self.enqueue(&event);
        self.tell(Fact::Submitted(&event));
        self.apply(event.clone());
        self.flush().await;
        Ok(event)
    }

    /// Receives until the bus closes. Cancel safe: every message taken is handled.
    pub async fn run(&mut self) {
        loop {
            self.flush().await;
            match self.bus.recv(&self.id).await {
                Some(message) => self.handle(&message),
                None => return,
            }
        }
    }

    /// Handles exactly the messages that have arrived by now, and returns how many. Sends nothing.
    pub fn deliver_pending(&mut self) -> usize {
        let count = self.bus.arrived(&self.id);
        let messages: Vec<_> = (0..count).map_while(|_| self.bus.try_recv(&self.id)).collect();
        for message in &messages {
            self.handle(message);
        }
        messages.len()
    }

    /// The id of this node.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The events applied, in the order they were: own ones when submitted, others when their past was here.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        self.history.events()
    }

    /// The event of that name, if it was applied here.
    #[must_use]
    pub fn event(&self, id: &EventId) -> Option<&Event> {
        self.history.find(id)
    }

    /// The events that no known event comes after; more than one means an open conflict.
    pub fn heads(&self) -> impl Iterator<Item = &Event> {
        self.history.heads()
    }

    /// Every pair surfaced so far, each once. Any two heads are among them, on every node.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        self.history.conflicts()
    }

    /// How many received events wait for their past.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.hold_back.count()
    }

    /// How often something was not done for this reason.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refusals.get(&refusal).copied().unwrap_or(0)
    }

    /// How two events relate, as far as this node's kind of clock can tell. No event wins by it.
    #[must_use]
    pub fn reconcile(&self, a: &Event, b: &Event) -> Ordering {
        a.compare(b)
    }

    fn stamp(&mut self, payload: Vec<u8>) -> Result<Event, SubmitError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = payload.len();
            return Err(SubmitError::PayloadTooLarge { bytes, bytes_max: MAX_PAYLOAD_BYTES, payload });
        }
        match self.clock.tick() {
            Ok(timestamp) => Ok(Event::stamped(&self.id, timestamp, payload)),
            Err(source) => Err(SubmitError::Clock { source, payload }),
        }
    }

    fn enqueue(&mut self, event: &Event) {
        let bytes: Arc<[u8]> = encode(event).into();
        let peers = self.bus.node_ids().iter().filter(|peer| **peer != self.id);
        self.outbox.extend(peers.map(|peer| (peer.clone(), Arc::clone(&bytes))));
    }

    /// Sends what is to be sent. Receives while it has to wait, or two nodes with full inboxes would wait for
    /// each other for ever.
    async fn flush(&mut self) {
        while let Some((peer, bytes)) = self.outbox.front() {
            let sent = self.bus.send(&self.id, peer, bytes.to_vec());
            match race(sent, self.bus.recv(&self.id)).await {
                First::Left(result) => {
                    self.outbox.pop_front();
                    if result.is_err() {
                        self.refuse(Refusal::Unsendable);
                    }
                }
                First::Right(Some(message)) => self.handle(&message),
                // The bus has just been closed: the next attempt to send says so.
                First::Right(None) => {}
            }
        }
    }

    fn handle(&mut self, message: &Message) {
        match screen(message, self.bus.node_ids(), &self.id, self.own_latest) {
            Ok(event) => self.accept(event),
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn accept(&mut self, event: Event) {
        match self.history.find(&event.id()) {
            Some(known) if *known == event => return self.tell(Fact::Duplicate(&event)),
            Some(_) => return self.refuse(Refusal::Equivocation),
            None => {}
        }
        if !self.clock.deliverable(&event.origin, &event.timestamp()) {
            return self.hold(event);
        }
        self.deliver(event);
        while let Some(next) = self.hold_back.take_deliverable(&self.clock) {
            self.deliver(next);
        }
    }

    fn hold(&mut self, event: Event) {
        match self.hold_back.check(&event) {
            Hold::MayWait => {
                self.tell(Fact::HeldBack(&event));
                self.hold_back.insert(event);
            }
            Hold::WaitsAlready => self.tell(Fact::Duplicate(&event)),
            Hold::Refused(refusal) => self.refuse(refusal),
        }
    }

    /// A timestamp that is refused is refused for the clock only: the data stays.
    fn deliver(&mut self, event: Event) {
        if self.clock.observe(&event.timestamp()).is_err() {
            self.refuse(Refusal::ClockRefused);
        }
        self.tell(Fact::Received(&event));
        self.apply(event);
    }

    fn apply(&mut self, event: Event) {
        let surfaced = self.history.admit(event);
        if let Some(observer) = &mut self.observer {
            surfaced.iter().for_each(|conflict| observer(&self.id, Fact::Surfaced(conflict)));
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        *self.refusals.entry(refusal).or_insert(0) += 1;
        self.tell(Fact::Refused(refusal));
    }

    fn tell(&mut self, fact: Fact<'_>) {
        if let Some(observer) = &mut self.observer {
            observer(&self.id, fact);
        }
    }
}

impl<C: fmt::Debug> fmt::Debug for ClusterNode<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &mut f.debug_struct("ClusterNode");
        node.field("id", &self.id).field("clock", &self.clock).field("history", &self.history);
        node.field("hold_back", &self.hold_back).field("refusals", &self.refusals).finish_non_exhaustive()
    }
}
