//! A caller written against exactly the signatures that were promised. That it compiles is half the claim.

use clock_core::{BusError, ClusterNode, Event, LamportClock, Message, MessageBus, Ordering, VectorClock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const LAMPORT_NEW: fn() -> LamportClock = LamportClock::new;
const LAMPORT_TICK: fn(&LamportClock) -> u64 = LamportClock::tick;
const LAMPORT_OBSERVE: fn(&LamportClock, u64) -> u64 = LamportClock::observe;
const VECTOR_NEW: fn(&str) -> VectorClock = VectorClock::new;
const VECTOR_TICK: fn(&mut VectorClock) = VectorClock::tick;
const VECTOR_MERGE: fn(&mut VectorClock, &VectorClock) = VectorClock::merge;
const VECTOR_COMPARE: fn(&VectorClock, &VectorClock) -> Ordering = VectorClock::compare;
const VECTOR_SNAPSHOT: fn(&VectorClock) -> HashMap<String, u64> = VectorClock::snapshot;

fn cut(bus: &mut MessageBus) {
    bus.partition(&["a"], &["b"]);
}

fn restore(bus: &mut MessageBus) {
    bus.heal();
}

#[test]
fn the_clocks_are_as_promised() {
    let lamport = LAMPORT_NEW();
    assert_eq!((LAMPORT_TICK(&lamport), LAMPORT_OBSERVE(&lamport, 10), lamport.current()), (1, 11, 11));

    let (mut a, mut b) = (VECTOR_NEW("a"), VECTOR_NEW("b"));
    VECTOR_TICK(&mut a);
    VECTOR_TICK(&mut b);
    assert!(matches!(VECTOR_COMPARE(&a, &b), Ordering::Concurrent));
    VECTOR_MERGE(&mut b, &a);
    assert!(matches!(a.compare(&b), Ordering::Before));
    assert_eq!(VECTOR_SNAPSHOT(&b), HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]));
}

#[tokio::test]
async fn the_bus_is_as_promised() {
    let mut bus = MessageBus::new(vec!["a".to_owned(), "b".to_owned()]);
    cut(&mut bus);
    let sent: Result<(), BusError> = bus.send("a", "b", vec![1]).await;
    sent.unwrap();
    assert_eq!((bus.held(), bus.try_recv("b")), (1, None));
    restore(&mut bus);
    let received: Option<Message> = bus.recv("b").await;
    assert_eq!(received.map(|message| (message.from, message.to, message.payload)), expected_message());
}

fn expected_message() -> Option<(String, String, Vec<u8>)> {
    Some(("a".to_owned(), "b".to_owned(), vec![1]))
}

#[tokio::test(start_paused = true)]
async fn the_node_is_as_promised() {
    let bus = Arc::new(MessageBus::new(vec!["a".to_owned(), "b".to_owned()]));
    let mut a = ClusterNode::new("a".to_owned(), Arc::clone(&bus));
    let mut b = ClusterNode::new("b".to_owned(), bus);
    let Event { origin, lamport, vector, payload } = a.submit(b"attitude".to_vec()).await;
    assert_eq!((origin.as_str(), lamport, payload.as_slice()), ("a", 1, b"attitude".as_slice()));
    assert_eq!(vector, HashMap::from([("a".to_owned(), 1)]));

    // `run` ends with the bus, so a caller may also give it a while and drop it.
    let ran = tokio::time::timeout(Duration::from_millis(100), b.run()).await;
    assert!(ran.is_err(), "the bus is open, so run goes on");
    let reply = b.submit(b"seen".to_vec()).await;
    assert_eq!(reply.vector, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 1)]));
    assert!(reply.lamport > lamport);
}

/// A node can be given to a task.
#[tokio::test(start_paused = true)]
async fn a_node_runs_in_a_task_until_the_bus_closes() {
    let bus = Arc::new(MessageBus::new(vec!["a".to_owned(), "b".to_owned()]));
    let mut a = ClusterNode::new("a".to_owned(), Arc::clone(&bus));
    let mut b = ClusterNode::new("b".to_owned(), Arc::clone(&bus));
    let task = tokio::spawn(async move {
        b.run().await;
        b
    });
    let event = a.submit(Vec::new()).await;
    tokio::task::yield_now().await;
    bus.close();
    let ended = tokio::time::timeout(Duration::from_secs(1), task).await;
    assert_eq!(ended.expect("a closed bus ends the run").unwrap().events(), [event]);
}
