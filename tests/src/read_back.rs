//! How a run of processes ends: everything heals, all stations come to show the same, take fresh writes, and are asked
//! for all they have. What was acknowledged has to be there, at every station, under one name each.

use std::collections::BTreeMap;

use clock_core::{Dot, Key, RequestId};

use crate::history::{Phase, ValueDigest, What};
use crate::processes::{FOUR, Processes};

/// What one write is: the same at every station.
type Content = (Key, RequestId, ValueDigest);

/// Waits for the stations to agree, writes afresh, reads every key at every station. The proxy was healed, all four
/// stations run, and nobody else writes.
///
/// # Panics
/// If anything of it does not happen, or an acknowledged write is missing or differs.
pub async fn read_back(processes: &mut Processes, keys: &[Key]) {
    note(processes, Phase::Healing);
    processes.until_linked(&FOUR).await;
    until_agreed(processes).await;
    note(processes, Phase::Converged);
    note(processes, Phase::Fresh);
    for name in FOUR {
        processes.put(name, keys[0].as_str(), &format!("fresh from {name}")).await;
    }
    until_agreed(processes).await;
    note(processes, Phase::ReadBack);
    let mut contents = BTreeMap::new();
    for key in keys {
        for name in FOUR {
            read_key(processes, name, key, &mut contents).await;
        }
    }
    everything_acknowledged_is_among(processes, &contents);
}

fn note(processes: &Processes, phase: Phase) {
    processes.recorder.note(What::Phase { phase });
}

/// All stations have applied the same events, and none waits for its past.
async fn until_agreed(processes: &mut Processes) {
    let agreed = async |processes: &mut Processes| {
        let mut vectors = Vec::new();
        for name in FOUR {
            match processes.client(name).await.status().await {
                Ok(status) if status.held_back == 0 => vectors.push(status.durable),
                _ => return false,
            }
        }
        vectors.windows(2).all(|pair| pair[0] == pair[1])
    };
    processes.until("all stations have the same", agreed).await;
}

/// Reads a key and its history at one station; every write is what it is everywhere else.
async fn read_key(
    processes: &mut Processes,
    name: &str,
    key: &Key,
    contents: &mut BTreeMap<String, BTreeMap<Dot, Content>>,
) {
    processes.look_behind(name, key).await;
    let history = processes.client(name).await.history(key).await;
    let history = history.unwrap_or_else(|error| panic!("history of {key} at {name}: {error}"));
    let here = contents.entry(name.to_owned()).or_default();
    for entry in history.into_iter().flatten() {
        let content = (key.clone(), entry.request, ValueDigest::of_version(entry.kind, &entry.value));
        let twice = here.insert(entry.dot.clone(), content);
        assert_eq!(twice, None, "{name} has {} twice", entry.dot);
    }
}

fn everything_acknowledged_is_among(
    processes: &Processes,
    contents: &BTreeMap<String, BTreeMap<Dot, Content>>,
) {
    let acknowledged = processes.recorder.acknowledged();
    let first = contents.get(FOUR[0]).expect("every station was read");
    for (name, here) in contents {
        assert!(here == first, "{name} and {} differ: {:?}", FOUR[0], difference(here, first));
        for (dot, content) in &acknowledged {
            assert_eq!(here.get(dot), Some(content), "{dot}, which was acknowledged, at {name}");
        }
    }
}

fn difference<'a>(left: &'a BTreeMap<Dot, Content>, right: &BTreeMap<Dot, Content>) -> Vec<&'a Dot> {
    left.iter().filter(|(dot, content)| right.get(*dot) != Some(content)).map(|(dot, _)| dot).collect()
}
