//! Disks that fail real stations: a damaged file, and a full one. Nothing wrong is served, nothing acknowledged is
//! lost, and no dot is used twice.

use std::collections::BTreeSet;
use std::time::Duration;

use clock_core::wire::Response;
use clock_tests::history::What;
use clock_tests::processes::{Processes, key, put_request, run_processes, start_alone, station};

const VICTIM_VALUE: &[u8] = b"value-17-of-the-catalog";

/// Disproved by a damaged value that is served, an event that stays lost, or a dot minted under the old incarnation.
#[test]
fn a_damaged_event_comes_back_from_a_peer() {
    run_processes(async {
        let names = ["pacific", "atlantic"];
        let mut processes = Processes::start(&names).await;
        let mut dots = Vec::new();
        for n in 0..30 {
            dots.push(processes.put("pacific", "catalog", &format!("value-{n}-of-the-catalog")).await.dot);
        }
        let written = BTreeSet::from_iter(dots.clone());
        let has_all =
            async |processes: &mut Processes| processes.history("atlantic", "catalog").await == written;
        processes.until("atlantic has all 30 writes", has_all).await;
        processes.terminate("pacific", Duration::from_secs(11)).await;

        let file = processes.folder().join("pacific").join("catalog.redb");
        let mut bytes = std::fs::read(&file).expect("the store");
        let places: Vec<usize> =
            (0..bytes.len()).filter(|at| bytes[*at..].starts_with(VICTIM_VALUE)).collect();
        assert!(!places.is_empty(), "the value is nowhere in the file");
        places.iter().for_each(|at| bytes[*at] ^= 1);
        std::fs::write(&file, bytes).expect("written");
        processes.recorder.note(What::Lost { station: station("pacific"), dots: vec![dots[17].clone()] });

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

/// Disproved by a station that goes on after a commit failed, or by an acknowledged write that is gone afterwards.
#[test]
fn a_failed_commit_ends_the_process_and_loses_nothing_acknowledged() {
    run_processes(async {
        let folder = tempfile::tempdir().expect("a folder");
        let mut limited = start_alone(folder.path(), "trap '' XFSZ; ulimit -f 32768; ");
        let mut client = limited.client().await;
        let mut acknowledged = BTreeSet::new();
        let value = "x".repeat(50_000);
        while let Ok(Response::Written(receipt)) = client.request(put_request("catalog", &value)).await {
            acknowledged.insert(receipt.dot);
            assert!(acknowledged.len() < 1000, "the file limit never struck");
        }
        let status = limited.ended().await;
        assert_eq!(status.code(), Some(1), "after {} writes: {status}", acknowledged.len());
        assert!(!acknowledged.is_empty());

        let unlimited = start_alone(folder.path(), "");
        let history = unlimited
            .client()
            .await
            .history(&key("catalog"))
            .await
            .expect("it answers")
            .expect("the key is there");
        let kept: BTreeSet<_> = history.into_iter().map(|entry| entry.dot).collect();
        assert!(acknowledged.is_subset(&kept), "lost {:?}", acknowledged.difference(&kept));
    });
}
