//! What is concurrent is reported as concurrent, what is ordered as ordered, on every schedule.

use clock_core::{Clock, Event, EventId, Ordering, Refusal, VectorClock};
use clock_tests::relation::{assert_concurrent, assert_surfaced, check_relation};
use clock_tests::stations::{STATIONS, Stations, assert_converged, event_ids, hybrid_clock, vector_clock};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn independent_ticks_from_a_shared_start_are_concurrent() {
    let mut start = VectorClock::new("pacific");
    start.tick();
    let (mut pacific, mut atlantic) = (start.clone(), VectorClock::new("atlantic"));
    atlantic.merge(&start);
    assert_eq!(pacific.compare(&atlantic), Ordering::Equal);
    pacific.tick();
    atlantic.tick();
    assert_eq!(pacific.compare(&atlantic), Ordering::Concurrent);
    assert_eq!(atlantic.compare(&pacific), Ordering::Concurrent);
}

#[test]
fn a_receiver_dominates_what_the_sender_knew_when_it_sent() {
    let (mut x, mut y) = (VectorClock::new("x"), VectorClock::new("y"));
    x.tick();
    let at_send = x.clone();
    x.tick();
    y.tick();
    y.merge(&at_send);
    y.tick();
    assert_eq!(at_send.compare(&y), Ordering::Before);
    assert_eq!(x.compare(&y), Ordering::Concurrent, "what x did later, y does not know");
}

async fn both_sides_surface_the_same_pair<C: Clock>(clock_of: impl Fn(&str) -> C, is_pacific_first: bool) {
    let mut stations = Stations::with_clocks(clock_of);
    let order = if is_pacific_first { ["pacific", "indian_ocean"] } else { ["indian_ocean", "pacific"] };
    let left = stations.submit(order[0], "MSS-17 attitude A").await;
    let right = stations.submit(order[1], "MSS-17 attitude B").await;
    stations.settle();
    for node in stations.nodes() {
        assert_concurrent(&left, &right, node.id(), node.reconcile(&left, &right));
        assert_surfaced(&left, &right, node.id(), node.conflicts());
        assert_eq!(node.conflicts().len(), 1, "each pair once");
        assert_eq!(node.heads().count(), 2, "neither picks a winner");
    }
    assert_converged(stations.nodes(), 2);
}

#[tokio::test]
async fn concurrent_writes_surface_on_every_node_in_either_order() {
    for is_pacific_first in [true, false] {
        both_sides_surface_the_same_pair(vector_clock, is_pacific_first).await;
        both_sides_surface_the_same_pair(hybrid_clock, is_pacific_first).await;
    }
}

#[tokio::test]
async fn a_write_that_knew_of_both_settles_the_conflict_everywhere() {
    let mut stations = Stations::with_clocks(vector_clock);
    stations.submit("pacific", "A").await;
    stations.submit("indian_ocean", "B").await;
    stations.settle();
    let resolution = stations.submit("atlantic", "B, after review").await;
    stations.settle();
    for node in stations.nodes() {
        assert_eq!(node.heads().collect::<Vec<_>>(), [&resolution], "heads of {}", node.id());
    }
}

/// The hybrid clock cannot prove that the reply knew of the question, so it says so instead of guessing.
#[tokio::test]
async fn a_hybrid_clock_surfaces_what_it_cannot_prove() {
    let mut stations = Stations::with_clocks(hybrid_clock);
    let question = stations.submit("pacific", "A").await;
    stations.settle();
    let reply = stations.submit("atlantic", "B").await;
    let later = stations.submit("atlantic", "C").await;
    assert_eq!(check_relation(Ordering::Before, (&reply, &later), "atlantic", reply.compare(&later)), Ok(()));
    assert!(reply.lamport > question.lamport);
    assert_concurrent(&question, &reply, "atlantic", question.compare(&reply));
}

#[tokio::test]
async fn hostile_and_repeated_messages_change_nothing() {
    let mut stations = Stations::with_clocks(vector_clock);
    stations.submit("pacific", "A").await;
    let genuine = stations.bus.try_recv("atlantic").unwrap().payload;
    let noise = [Vec::new(), vec![0xFF; 64], vec![1; 64], genuine[..20].to_vec()];
    for payload in noise {
        stations.bus.send("pacific", "atlantic", payload).await.unwrap();
    }
    stations.bus.send("antarctic", "atlantic", genuine.clone()).await.unwrap();
    for _ in 0..3 {
        stations.bus.send("pacific", "atlantic", genuine.clone()).await.unwrap();
    }
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    stations.bus.send("pacific", "atlantic", forged).await.unwrap();
    stations.settle();
    let atlantic = stations.node("atlantic");
    assert_eq!(atlantic.refused(Refusal::Malformed), 4);
    assert_eq!(atlantic.refused(Refusal::Spoofed), 1);
    assert_eq!(atlantic.refused(Refusal::Equivocation), 1);
    assert_converged(stations.nodes(), 1);
}

/// A random run of the cluster, with the true past of every event kept beside it.
struct Run<C> {
    stations: Stations<C>,
    random: fastrand::Rng,
    events: BTreeMap<EventId, Event>,
    pasts: BTreeMap<EventId, BTreeSet<EventId>>,
}

impl<C: Clock> Run<C> {
    async fn on(clock_of: impl Fn(&str) -> C, seed: u64) -> Self {
        println!("seed {seed}");
        let stations = Stations::with_clocks(clock_of);
        stations.bus.reorder(seed, 6);
        let random = fastrand::Rng::with_seed(seed);
        let mut run = Self { stations, random, events: BTreeMap::new(), pasts: BTreeMap::new() };
        for _ in 0..60 {
            run.step().await;
        }
        run.stations.heal();
        run.stations.settle();
        run
    }

    async fn step(&mut self) {
        let [id, other] = [(); 2].map(|()| STATIONS[self.random.usize(..STATIONS.len())]);
        match self.random.u8(0..10) {
            0 if id != other => self.stations.partition(&[id], &[other]),
            1 => self.stations.heal(),
            2..6 => {
                self.stations.node_mut(id).deliver_pending();
            }
            _ => self.submit(id).await,
        }
    }

    async fn submit(&mut self, id: &str) {
        let mut past = event_ids(self.stations.node(id));
        let event = self.stations.submit(id, "write").await;
        past.insert(event.id());
        self.pasts.insert(event.id(), past);
        self.events.insert(event.id(), event);
    }

    /// Every pair, with the relation reported and whether the first truly was in the past of the second.
    fn pairs(&self) -> impl Iterator<Item = (&Event, &Event, Ordering, bool)> {
        let all = self.events.values();
        let pairs = all.clone().flat_map(move |a| all.clone().map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| a.id() != b.id())
            .map(|(a, b)| (a, b, a.compare(b), self.pasts[&b.id()].contains(&a.id())))
    }
}

/// Disproved by one pair that the vectors relate otherwise than the recorded pasts do.
#[tokio::test]
async fn on_random_schedules_vectors_report_exactly_the_true_relation() {
    for seed in 0..40 {
        let run = Run::on(vector_clock, seed).await;
        for (a, b, reported, is_before) in run.pairs() {
            assert_eq!(reported == Ordering::Before, is_before, "{a} and {b}: {reported}");
            assert_ne!(reported, Ordering::Equal, "{a} and {b} are two events");
        }
        assert_converged(run.stations.nodes(), run.events.len());
    }
}

/// Disproved by one pair that is called ordered and is not: that would be a silent winner.
#[tokio::test]
async fn on_random_schedules_a_hybrid_clock_never_invents_an_order() {
    for seed in 0..40 {
        let run = Run::on(hybrid_clock, seed).await;
        for (a, b, reported, is_before) in run.pairs() {
            assert!(reported != Ordering::Before || is_before, "{a} and {b}: {reported}");
        }
        assert_converged(run.stations.nodes(), run.events.len());
    }
}
