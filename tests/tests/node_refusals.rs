//! What a node does when it cannot do as asked: it keeps what it has, gives back what it did not take, and
//! counts.

use clock_core::{
    BusError, Clock, ClockError, ClusterNode, HybridNodeClock, MAX_JUMP, MAX_PAYLOAD_BYTES, ManualTime,
    MessageBus, RECIPIENT_CAPACITY, Refusal, SubmitError, Timestamp, VectorNodeClock,
};
use std::sync::Arc;
use std::time::Duration;

fn bus_of_two() -> Arc<MessageBus> {
    Arc::new(MessageBus::new(["a", "b"].map(str::to_owned).to_vec()))
}

fn hybrid_node(
    id: &str,
    bus: &Arc<MessageBus>,
    time: ManualTime,
) -> ClusterNode<HybridNodeClock<ManualTime>> {
    ClusterNode::with_clock(id.to_owned(), Arc::clone(bus), HybridNodeClock::new(id, time))
}

#[tokio::test]
async fn an_event_that_cannot_be_stamped_comes_back_and_is_nowhere_else() {
    let (bus, time) = (bus_of_two(), ManualTime::starting_at(u64::MAX));
    let mut node = hybrid_node("a", &bus, time.clone());
    let returned = node.submit(b"attitude".to_vec()).await;
    assert!(!returned.is_stamped());
    assert_eq!((returned.lamport, returned.payload.as_slice()), (0, b"attitude".as_slice()));
    assert_eq!((node.events().len(), bus.arrived("b"), node.refused(Refusal::NotSubmitted)), (0, 0, 1));

    time.jump_to(1_775_000_000_000);
    assert!(node.submit(returned.payload).await.is_stamped(), "and may be submitted once the clock works");
    assert_eq!((node.events().len(), bus.arrived("b")), (1, 1));
}

#[tokio::test]
async fn a_payload_over_the_limit_comes_back_with_the_reason() {
    let bus = bus_of_two();
    let mut node = ClusterNode::new("a".to_owned(), Arc::clone(&bus));
    let too_large = vec![7; MAX_PAYLOAD_BYTES + 1];
    let refused = node.try_submit(too_large.clone()).await.unwrap_err();
    assert!(matches!(&refused, SubmitError::PayloadTooLarge { bytes, .. } if *bytes == too_large.len()));
    assert_eq!(refused.into_payload(), too_large);
    assert!(node.try_submit(vec![7; MAX_PAYLOAD_BYTES]).await.is_ok());
    assert_eq!((bus.arrived("b"), node.refused(Refusal::Unsendable)), (1, 0));
}

/// Reject for the clock, never for the data.
#[tokio::test]
async fn a_timestamp_from_the_far_future_costs_the_clock_nothing_and_the_data_is_kept() {
    let bus = bus_of_two();
    let mut ahead = hybrid_node("a", &bus, ManualTime::starting_at(1_775_000_000_000 + 3_600_000));
    let mut right = hybrid_node("b", &bus, ManualTime::starting_at(1_775_000_000_000));
    let from_the_future = ahead.submit(Vec::new()).await;
    assert_eq!(right.deliver_pending(), 1);
    assert_eq!(
        (right.events(), right.refused(Refusal::ClockRefused)),
        ([from_the_future.clone()].as_slice(), 1)
    );
    let own = right.submit(Vec::new()).await;
    assert!(own.lamport < from_the_future.lamport, "the clock did not follow");
    assert_eq!(right.conflicts().len(), 1, "and the pair is surfaced all the same");
}

/// A clock that is honest but for its Lamport values, which leap.
struct Leaping(VectorNodeClock);

impl Clock for Leaping {
    fn tick(&mut self) -> Result<Timestamp, ClockError> {
        let mut stamp = self.0.tick()?;
        stamp.lamport += MAX_JUMP + 50;
        Ok(stamp)
    }

    fn observe(&mut self, remote: &Timestamp) -> Result<(), ClockError> {
        self.0.observe(remote)
    }

    fn deliverable(&self, origin: &str, stamp: &Timestamp) -> bool {
        self.0.deliverable(origin, stamp)
    }
}

/// Nodes at different Lamport values disagree on which jump is too far. Disproved by one that keeps the event, and
/// then holds back for ever what others made after it.
#[tokio::test]
async fn a_lamport_jump_that_only_one_node_refuses_keeps_nothing_from_it() {
    let bus = Arc::new(MessageBus::new(["p", "q", "leaping"].map(str::to_owned).to_vec()));
    let mut p = ClusterNode::new("p".to_owned(), Arc::clone(&bus));
    let mut q = ClusterNode::new("q".to_owned(), Arc::clone(&bus));
    let clock = Leaping(VectorNodeClock::new("leaping"));
    let mut leaping = ClusterNode::with_clock("leaping".to_owned(), Arc::clone(&bus), clock);
    bus.partition(&["p"], &["q"]);
    for _ in 0..100 {
        p.submit(Vec::new()).await;
    }
    leaping.submit(Vec::new()).await;
    p.deliver_pending();
    q.deliver_pending();
    assert_eq!((p.refused(Refusal::ClockRefused), q.refused(Refusal::ClockRefused)), (0, 1));
    for _ in 0..11 {
        p.submit(Vec::new()).await;
    }
    bus.heal();
    q.deliver_pending();
    assert_eq!((p.events().len(), q.events().len(), q.held_back()), (112, 112, 0));
}

#[tokio::test]
async fn on_a_closed_bus_an_event_is_kept_and_the_failure_counted() {
    let bus = bus_of_two();
    let mut node = ClusterNode::new("a".to_owned(), Arc::clone(&bus));
    bus.close();
    let event = node.submit(b"late".to_vec()).await;
    assert_eq!((node.events(), node.refused(Refusal::Unsendable)), ([event].as_slice(), 1));
    assert_eq!(bus.send("a", "b", Vec::new()).await, Err(BusError::Closed));
}

/// Disproved by an event that is in the sender's history and never reaches the peer, or reaches it twice.
#[tokio::test(start_paused = true)]
async fn a_cancelled_submit_is_sent_by_the_next_run() {
    let bus = bus_of_two();
    for _ in 0..RECIPIENT_CAPACITY {
        bus.send("a", "b", Vec::new()).await.unwrap();
    }
    let mut sender = ClusterNode::new("a".to_owned(), Arc::clone(&bus));
    let wait = Duration::from_secs(1);
    assert!(tokio::time::timeout(wait, sender.submit(b"once".to_vec())).await.is_err(), "there is no room");
    let mut receiver = ClusterNode::new("b".to_owned(), Arc::clone(&bus));
    assert_eq!(receiver.deliver_pending(), RECIPIENT_CAPACITY);
    assert!(tokio::time::timeout(wait, sender.run()).await.is_err(), "the bus is open, so run goes on");
    assert_eq!(receiver.deliver_pending(), 1);
    assert_eq!(receiver.events(), sender.events());
}
