//! A partition holds and never loses; when it heals, every node holds the same events and nobody has won.

use clock_core::{BusError, Clock, ClusterNode, Event, MessageBus, Ordering, RECIPIENT_CAPACITY, Refusal};
use clock_tests::relation::{assert_concurrent, assert_surfaced};
use clock_tests::stations::{Stations, assert_converged, hybrid_clock, vector_clock};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Antarctic is on neither side, so it reaches both: it is the relay that sees the conflict first.
async fn update_on_both_sides<C: Clock>(clock_of: impl Fn(&str) -> C) -> (Stations<C>, Event, Event) {
    let mut stations = Stations::with_clocks(clock_of);
    stations.partition(&["pacific", "atlantic"], &["indian_ocean"]);
    let pacific = stations.submit("pacific", "MSS-17 attitude, stale").await;
    let indian_ocean = stations.submit("indian_ocean", "MSS-17 attitude, fresh").await;
    stations.settle();
    for id in ["pacific", "indian_ocean"] {
        assert_eq!(stations.node(id).events().len(), 1, "{id} heard across the partition");
        assert_eq!(stations.node(id).conflicts(), [], "{id} cannot know of the conflict yet");
    }
    stations.heal();
    stations.settle();
    (stations, pacific, indian_ocean)
}

fn assert_both_kept<C: Clock>(stations: &Stations<C>, left: &Event, right: &Event) {
    for node in stations.nodes() {
        assert_concurrent(left, right, node.id(), node.reconcile(left, right));
        assert_concurrent(right, left, node.id(), node.reconcile(right, left));
        assert_surfaced(left, right, node.id(), node.conflicts());
        assert_eq!(node.heads().count(), 2, "{} picked a winner", node.id());
    }
}

#[tokio::test]
async fn partition_concurrent_updates() {
    let (stations, pacific, indian_ocean) = update_on_both_sides(vector_clock).await;
    assert_both_kept(&stations, &pacific, &indian_ocean);
    stations.timeline.say("PASS: every station reports the two updates as CONCURRENT");
    assert_converged(stations.nodes(), 2);
    stations.timeline.say("PASS: every station holds both updates, none lost, no winner picked");
    assert_tells_the_story(&stations.timeline.lines());
}

fn assert_tells_the_story(lines: &[String]) {
    let count = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    let story = [
        ("nodes online: pacific, indian_ocean, atlantic, antarctic", 1),
        ("partition: pacific, atlantic | indian_ocean", 1),
        ("pacific submits pacific#1 (lamport 1, vector {pacific: 1})", 1),
        ("indian_ocean submits indian_ocean#1 (lamport 1, vector {indian_ocean: 1})", 1),
        ("heal: 3 held messages released", 1),
        (" receives ", 6),
        ("reconcile(indian_ocean#1, pacific#1) -> CONCURRENT", 4),
        ("surfaced conflict to application layer", 4),
        ("PASS:", 2),
    ];
    for (part, times) in story {
        assert_eq!(count(part), times, "{part:?} in the timeline:\n{}", lines.join("\n"));
    }
}

/// The same node, bus and checks; only the clock differs.
#[tokio::test]
async fn a_hybrid_clock_keeps_both_sides_of_a_partition() {
    let (stations, pacific, indian_ocean) = update_on_both_sides(hybrid_clock).await;
    assert!(
        pacific.lamport > indian_ocean.lamport,
        "the stale update has the later time, as in the incident"
    );
    assert_both_kept(&stations, &pacific, &indian_ocean);
    assert_converged(stations.nodes(), 2);
}

#[tokio::test]
async fn a_relayed_dependency_waits_for_what_it_depends_on() {
    let mut stations = Stations::with_clocks(vector_clock);
    stations.partition(&["pacific"], &["indian_ocean"]);
    let cause = stations.submit("indian_ocean", "fresh").await;
    stations.settle();
    let effect = stations.submit("antarctic", "reviewed").await;
    stations.settle();
    assert_eq!(cause.compare(&effect), Ordering::Before);
    let pacific = stations.node("pacific");
    assert_eq!((pacific.events().len(), pacific.held_back()), (0, 1));
    stations.heal();
    stations.settle();
    assert_eq!(stations.node("pacific").events(), [cause, effect]);
    assert_converged(stations.nodes(), 2);
}

/// A node as a task: it submits what it is told to and receives otherwise, until the bus closes.
async fn operate<C: Clock>(mut node: ClusterNode<C>, mut orders: mpsc::Receiver<Vec<u8>>) -> ClusterNode<C> {
    loop {
        // Both are cancel safe; orders come first, so that none is left when the bus closes.
        tokio::select! {
            biased;
            Some(payload) = orders.recv() => { node.submit(payload).await; }
            () = node.run() => return node,
        }
    }
}

async fn partition_for_five_seconds<C: Clock + 'static>(clock_of: impl Fn(&str) -> C, seed: u64) {
    println!("seed {seed}");
    let stations = Stations::with_clocks(clock_of);
    let bus = Arc::clone(&stations.bus);
    let (mut orders, mut tasks) = (Vec::new(), Vec::new());
    stations.partition(&["pacific", "atlantic"], &["indian_ocean", "antarctic"]);
    for node in stations.into_nodes() {
        let (order, inbox) = mpsc::channel(8);
        orders.push(order);
        tasks.push(tokio::spawn(operate(node, inbox)));
    }
    bus.reorder(seed, 8);
    let before = tokio::time::Instant::now();
    for number in 0..20usize {
        // Two of four write each time, one per side, and both stations of a side in turn.
        for station in [2 * (number % 2), 1 + 2 * (number % 2)] {
            let sent = orders[station].send(format!("update {number}").into_bytes()).await;
            sent.expect("the station runs until the bus closes");
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(bus.held(), 2 * 20 * 2, "each event is held for the two stations of the other side");
    bus.heal();
    bus.close();
    let mut nodes = Vec::new();
    for task in tasks {
        let ended = tokio::time::timeout(Duration::from_secs(60), task).await;
        nodes.push(ended.expect("a closed bus ends the station").expect("a station does not panic"));
    }
    assert_converged(&nodes, 40);
    assert!(nodes.iter().all(|node| node.refused(Refusal::Unsendable) == 0));
    assert!(nodes.iter().all(|node| !node.conflicts().is_empty()), "the sides did conflict");
}

/// Disproved by an event missing on any node, in any order of arrival.
#[tokio::test(start_paused = true)]
async fn after_a_five_second_partition_every_node_holds_every_event() {
    for seed in 0..10 {
        partition_for_five_seconds(vector_clock, seed).await;
        partition_for_five_seconds(hybrid_clock, seed).await;
    }
}

fn bus_of_three() -> MessageBus {
    MessageBus::new(["a", "b", "c"].map(str::to_owned).to_vec())
}

#[tokio::test]
async fn a_partition_holds_both_directions_until_it_heals_and_keeps_the_order() {
    let bus = bus_of_three();
    bus.partition(&["a"], &["b"]);
    for number in 0..3 {
        bus.send("a", "b", vec![number]).await.unwrap();
        bus.send("b", "a", vec![number]).await.unwrap();
        bus.send("c", "b", vec![10 + number]).await.unwrap();
    }
    assert_eq!((bus.held(), bus.arrived("a"), bus.arrived("b")), (6, 0, 3), "c is connected to both");
    bus.heal();
    let payloads: Vec<_> =
        std::iter::from_fn(|| bus.try_recv("b")).map(|message| message.payload[0]).collect();
    assert_eq!(payloads, [10, 11, 12, 0, 1, 2]);
}

#[test]
fn a_partition_that_names_an_unknown_node_is_refused_as_a_whole() {
    let bus = bus_of_three();
    let unknown = BusError::UnknownNode { node: "x".to_owned() };
    assert_eq!(bus.try_partition(&["a"], &["b", "x"]), Err(unknown.clone()));
    assert_eq!(bus.refused_partition(), None);
    bus.partition(&["a", "x"], &["b"]);
    assert_eq!(bus.refused_partition(), Some(unknown));
    let in_both = BusError::InBothGroups { node: "b".to_owned() };
    assert_eq!(bus.try_partition(&["a", "b"], &["b"]), Err(in_both));
}

#[tokio::test]
async fn a_refused_partition_cuts_no_link() {
    let bus = bus_of_three();
    bus.partition(&["a"], &["b", "x"]);
    bus.send("a", "b", vec![1]).await.unwrap();
    assert_eq!((bus.held(), bus.arrived("b")), (0, 1));
}

#[tokio::test]
async fn ids_that_the_bus_does_not_know_are_errors() {
    let bus = bus_of_three();
    let unknown = BusError::UnknownNode { node: "x".to_owned() };
    assert_eq!(bus.send("a", "x", Vec::new()).await, Err(unknown.clone()));
    assert_eq!(bus.send("x", "a", Vec::new()).await, Err(unknown));
    assert_eq!(bus.recv("x").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_full_recipient_makes_the_sender_wait_and_loses_nothing() {
    let bus = Arc::new(bus_of_three());
    bus.partition(&["a"], &["b"]);
    for _ in 0..RECIPIENT_CAPACITY {
        bus.send("a", "b", Vec::new()).await.unwrap();
    }
    let refused = tokio::time::timeout(Duration::from_secs(1), bus.send("a", "b", vec![1])).await;
    assert!(refused.is_err(), "there was no room");
    bus.heal();
    let waiting = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { bus.send("c", "b", vec![2]).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "released messages need room until they are received");
    assert!(bus.recv("b").await.is_some());
    let sent = tokio::time::timeout(Duration::from_secs(1), waiting).await;
    assert_eq!(sent.expect("the sender is woken").unwrap(), Ok(()));
    bus.close();
    let mut rest = Vec::new();
    while let Some(message) = bus.recv("b").await {
        rest.push(message.payload);
    }
    assert_eq!(rest.len(), RECIPIENT_CAPACITY, "the cancelled send was not sent, the waiting one was");
    assert_eq!(rest.last(), Some(&vec![2]));
}

/// Disproved by a deadlock: each node would wait for room at the other and neither would receive.
#[tokio::test(start_paused = true)]
async fn two_nodes_that_only_submit_do_not_block_each_other() {
    let bus = Arc::new(MessageBus::new(["a", "b"].map(str::to_owned).to_vec()));
    let event_count = RECIPIENT_CAPACITY + 100;
    let (submitted, mut all_submitted) = mpsc::channel::<()>(1);
    let tasks = ["a", "b"].map(|id| {
        let (mut node, submitted) = (ClusterNode::new(id.to_owned(), Arc::clone(&bus)), submitted.clone());
        tokio::spawn(async move {
            for _ in 0..event_count {
                node.submit(Vec::new()).await;
            }
            drop(submitted);
            node.run().await;
            node
        })
    });
    drop(submitted);
    let deadline = Duration::from_secs(60);
    assert_eq!(tokio::time::timeout(deadline, all_submitted.recv()).await, Ok(None), "the nodes are stuck");
    bus.close();
    for task in tasks {
        assert_eq!(task.await.unwrap().events().len(), 2 * event_count);
    }
}
