//! Partitions of real processes: everything converges, nothing is lost, whoever dies meanwhile.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clock_core::Dot;
use clock_tests::processes::{FOUR, Processes, run_processes};

const EVENTS_A_SIDE: usize = 20;
const PARTITION: Duration = Duration::from_secs(5);

/// Every station has exactly these writes of the key, and the same versions of it.
async fn until_converged(processes: &mut Processes, key: &str, expected: &BTreeSet<Dot>) {
    for name in FOUR {
        let has_all = async |processes: &mut Processes| processes.history(name, key).await == *expected;
        processes.until(&format!("{name} has all {} writes of {key}", expected.len()), has_all).await;
    }
    let reference = processes.get(FOUR[0], key).await;
    for name in FOUR {
        assert_eq!(processes.get(name, key).await, reference, "{name} and {} differ", FOUR[0]);
    }
}

/// Twenty writes on each side, spread over the whole partition; optionally a station is killed in the middle.
async fn five_seconds_apart(kill: Option<&str>) {
    let mut processes = Processes::start(&FOUR).await;
    processes.proxy("partition pacific,atlantic | indian_ocean,antarctic").await;
    let begun = Instant::now();
    let mut written = BTreeSet::new();
    for n in 0..EVENTS_A_SIDE {
        for (name, side) in [("pacific", "p"), ("indian_ocean", "i")] {
            written.insert(processes.put(name, "catalog", &format!("{side}{n}")).await.dot);
        }
        if n == EVENTS_A_SIDE / 2
            && let Some(victim) = kill
        {
            processes.kill(victim).await;
            processes.restart(victim).await;
        }
        let due = PARTITION.mul_f64((n + 1) as f64 / EVENTS_A_SIDE as f64);
        tokio::time::sleep_until((begun + due).into()).await;
    }
    for (witness, side) in [("atlantic", "p19"), ("antarctic", "i19")] {
        let own_side = async |processes: &mut Processes| {
            processes.values(witness, "catalog").await == BTreeSet::from([side.to_owned()])
        };
        processes.until(&format!("{witness} shows its own side's {side} alone"), own_side).await;
    }
    assert!(begun.elapsed() >= PARTITION);
    processes.proxy("heal").await;
    until_converged(&mut processes, "catalog", &written).await;
    assert_eq!(
        processes.values("pacific", "catalog").await,
        BTreeSet::from(["p19".to_owned(), "i19".to_owned()])
    );
    processes.stop().await;
}

/// Disproved by a lost write, or stations that differ.
#[test]
fn a_five_second_partition_with_twenty_writes_on_each_side_converges() {
    run_processes(five_seconds_apart(None));
}

/// Disproved by an acknowledged write that `kill -9` lost, or stations that differ.
#[test]
fn killing_a_writer_in_the_middle_of_the_partition_loses_nothing() {
    run_processes(five_seconds_apart(Some("pacific")));
}

/// Disproved by a write that does not reach the other side over the two stations between.
#[test]
fn a_pair_that_never_connects_converges_over_the_others() {
    run_processes(async {
        let mut processes = Processes::start(&FOUR).await;
        processes.proxy("cut pacific<->indian_ocean").await;
        // The sessions that were up are gone too: nothing of the pair was ever connected after this.
        for name in ["pacific", "indian_ocean"] {
            processes.kill(name).await;
            processes.restart(name).await;
        }
        let mut written = BTreeSet::new();
        for n in 0..EVENTS_A_SIDE {
            written.insert(processes.put("pacific", "catalog", &format!("p{n}")).await.dot);
            written.insert(processes.put("indian_ocean", "catalog", &format!("i{n}")).await.dot);
        }
        until_converged(&mut processes, "catalog", &written).await;
        let status = processes.client("pacific").await.status().await.expect("pacific answers");
        let link = status
            .links
            .iter()
            .find(|link| link.peer.as_str() == "indian_ocean")
            .expect("the link is listed");
        assert!(
            !link.outbound && !link.inbound,
            "pacific and indian_ocean were to have no session: {link:?}"
        );
        processes.stop().await;
    });
}

/// Disproved by a write that is lost or doubled because frames overtook each other.
#[test]
fn reordered_and_delayed_frames_change_nothing() {
    run_processes(async {
        let mut processes = Processes::start(&FOUR).await;
        processes.proxy("reorder *<->* p=0.3 gap=3").await;
        processes.proxy("delay pacific<->* 20ms ±15ms").await;
        let mut written = BTreeSet::new();
        for n in 0..EVENTS_A_SIDE {
            for name in FOUR {
                written.insert(processes.put(name, "catalog", &format!("{name}{n}")).await.dot);
            }
        }
        until_converged(&mut processes, "catalog", &written).await;
        processes.stop().await;
    });
}
