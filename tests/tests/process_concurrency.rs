//! Concurrent writes through the proxy, on real processes, in both orders of arrival.

use std::collections::BTreeSet;

use clock_core::replica::ConflictId;
use clock_core::{Dot, RequestId};
use clock_tests::processes::{FOUR, Processes, key, run_processes};
use clock_tests::recorder::{Write, WriteKind};

const KEY: &str = "MSS-17/attitude";

/// Two stations write while they cannot hear each other; a third learns of the writes in a given order.
async fn both_sides_report_the_pair(first: &str, second: &str) {
    let mut processes = Processes::start(&FOUR).await;
    let base = processes.put("antarctic", KEY, "base").await;
    for name in FOUR {
        let shown = async |processes: &mut Processes| processes.history(name, KEY).await.contains(&base.dot);
        processes.until(&format!("{} at {name}", base.dot), shown).await;
    }
    processes.proxy("partition pacific | indian_ocean | atlantic | antarctic").await;
    let stale = processes.put("pacific", KEY, "stale").await;
    let newer = processes.put("indian_ocean", KEY, "newer").await;
    let dot_of = |name: &str| if name == "pacific" { stale.dot.clone() } else { newer.dot.clone() };

    // Atlantic hears one writer, then the other: it must report the same pair either way.
    for writer in [first, second] {
        processes.proxy(&format!("heal {writer}<->atlantic")).await;
        let dot = dot_of(writer);
        let shown = async |processes: &mut Processes| processes.history("atlantic", KEY).await.contains(&dot);
        processes.until(&format!("{dot} from {writer} at atlantic"), shown).await;
    }
    let order: Vec<Dot> = applied_order(&mut processes, "atlantic").await;
    assert_eq!(order, [base.dot, dot_of(first), dot_of(second)], "atlantic was to learn of {first} first");
    processes.proxy("heal").await;

    let expected = ConflictId::of([&stale.dot, &newer.dot]);
    for name in FOUR {
        let reported = async |processes: &mut Processes| {
            processes.get(name, KEY).await.is_some_and(|entry| entry.conflict == Some(expected))
        };
        let what = format!(
            "{name} reports {} and {} as concurrent (conflict {expected}), {first} first",
            stale.dot, newer.dot
        );
        processes.until(&what, reported).await;
        assert_eq!(
            processes.values(name, KEY).await,
            BTreeSet::from(["newer".to_owned(), "stale".to_owned()]),
            "{name}"
        );
    }
    resolve_everywhere(&mut processes, expected, [&stale.dot, &newer.dot]).await;
    processes.stop().await;
}

async fn applied_order(processes: &mut Processes, name: &str) -> Vec<Dot> {
    let key = clock_tests::processes::key(KEY);
    let history = processes.client(name).await.history(&key).await;
    history.ok().flatten().into_iter().flatten().map(|entry| entry.dot).collect()
}

async fn resolve_everywhere(processes: &mut Processes, conflict: ConflictId, siblings: [&Dot; 2]) {
    let [_, newer] = siblings;
    let read = siblings.map(Clone::clone).to_vec();
    let resolve = Write {
        key: key(KEY),
        value: "newer".into(),
        request: RequestId(fastrand::u128(..)),
        kind: WriteKind::Resolve { conflict, read, take: Some(newer.clone()) },
    };
    processes.write("antarctic", &resolve).await;
    for name in FOUR {
        let ended = async |processes: &mut Processes| {
            let entry = processes.get(name, KEY).await;
            entry.is_some_and(|entry| entry.conflict.is_none() && entry.versions.len() == 1)
        };
        processes.until(&format!("conflict {conflict} has ended at {name}"), ended).await;
        assert_eq!(processes.values(name, KEY).await, BTreeSet::from(["newer".to_owned()]), "{name}");
    }
}

/// Disproved by a station that shows one value, another conflict, or none.
#[test]
fn both_sides_report_the_pair_when_pacific_is_heard_first() {
    run_processes(both_sides_report_the_pair("pacific", "indian_ocean"));
}

/// Disproved by a station that shows one value, another conflict, or none.
#[test]
fn both_sides_report_the_pair_when_indian_ocean_is_heard_first() {
    run_processes(both_sides_report_the_pair("indian_ocean", "pacific"));
}
