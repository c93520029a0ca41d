//! A station whose file was damaged while it was down: it serves nothing wrong, fetches what it lost, and never
//! uses a dot twice.

use std::collections::BTreeSet;
use std::time::Duration;

use clock_tests::processes::{Processes, run_processes, station};

const VICTIM_VALUE: &[u8] = b"value-17-of-the-catalog";

/// Disproved by a damaged value that is served, an event that stays lost, or a dot minted under the old incarnation.
#[test]
fn a_damaged_event_comes_back_from_a_peer() {
    run_processes(async {
        let names = ["pacific", "atlantic"];
        let mut processes = Processes::start(&names).await;
        let mut written = BTreeSet::new();
        for n in 0..30 {
            written
                .insert(processes.put("pacific", "catalog", &format!("value-{n}-of-the-catalog")).await.dot);
        }
        let has_all =
            async |processes: &mut Processes| processes.history("atlantic", "catalog").await == written;
        processes.until("atlantic has all 30 writes", has_all).await;
        processes
            .cluster
            .terminate(&station("pacific"), Duration::from_secs(11))
            .await
            .expect("pacific stops");

        let file = processes.folder().join("pacific").join("catalog.redb");
        let mut bytes = std::fs::read(&file).expect("the store");
        let places: Vec<usize> =
            (0..bytes.len()).filter(|at| bytes[*at..].starts_with(VICTIM_VALUE)).collect();
        assert!(!places.is_empty(), "the value is nowhere in the file");
        places.iter().for_each(|at| bytes[*at] ^= 1);
        std::fs::write(&file, bytes).expect("written");

        processes.restart("pacific").await;
        let has_all =
            async |processes: &mut Processes| processes.history("pacific", "catalog").await == written;
        processes.until("pacific has all 30 writes again", has_all).await;
        let status = processes.client("pacific").await.status().await.expect("pacific answers");
        assert!(status.quarantined > 0, "an operator has something to look at: {status:?}");
        let receipt = processes.put("pacific", "catalog", "after the damage").await;
        assert!(
            !written.contains(&receipt.dot) && receipt.dot.seq == 1,
            "{} continues the old incarnation",
            receipt.dot
        );
        assert_eq!(receipt.context.len(), 1, "{:?}", receipt.context);
        let everywhere = async |processes: &mut Processes| {
            processes.values("atlantic", "catalog").await == BTreeSet::from(["after the damage".to_owned()])
        };
        processes.until("atlantic shows the write under the new incarnation", everywhere).await;
        processes.stop().await;
    });
}
