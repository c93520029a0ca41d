//! Incident CN-2604-001, played on real stations: two of them write the same attitude while they cannot hear each
//! other, one with a clock 600 ms ahead. Nothing is destroyed, and the demo fails if it cannot prove that.
//!
//! `script` is the plot, `watchers` collects what the stations themselves report, `narrator` prints it.

mod elements;
mod narrator;
mod script;
mod watchers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clock_core::NodeId;

pub use narrator::Narrator;

use crate::launch::{ClusterPlan, LaunchError, LocalCluster, ProxyControl};
use crate::net::client::ClientError;

/// The clock error of the incident.
const PACIFIC_OFFSET: &str = "+600ms";
/// How long stopping the demo's own processes may take.
const STOP_PATIENCE: Duration = Duration::from_secs(11);

/// Why the demo could not show what it is to show.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The cluster did not start, or the proxy did not obey.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A station did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something that had to happen was not seen in time.
    #[error("expected within {within:?}: {what}\nseen instead:\n{seen}")]
    NotObserved {
        /// What was waited for.
        what: String,
        /// For how long.
        within: Duration,
        /// What was seen.
        seen: String,
    },
    /// Something was seen that must not be.
    #[error("{claim}: expected {expected}, got {got}")]
    Disproved {
        /// What was claimed.
        claim: String,
        /// What it needs.
        expected: String,
        /// What came instead.
        got: String,
    },
    /// The demo's own input or output failed.
    #[error("{what}: {source}")]
    Io {
        /// Of what.
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

/// The stations of the reference cluster, in the order of the story.
pub(crate) const STATIONS: [&str; 4] = ["pacific", "indian_ocean", "atlantic", "antarctic"];

/// Plays the incident on stations that run already, through a proxy that sits on all their links.
///
/// # Errors
/// [`DemoError`] if a station is missing, or anything is not observed as it must be.
pub async fn play(
    cluster: NodeId,
    addresses: BTreeMap<NodeId, String>,
    proxy: &mut ProxyControl,
    narrator: &mut Narrator,
) -> Result<(), DemoError> {
    script::Incident::prepare(cluster, addresses, narrator).await?.play(proxy, narrator).await
}

/// Starts four stations and the proxy on loopback, plays the incident, stops them. With a folder the data is kept
/// there; without, it vanishes.
///
/// # Errors
/// [`DemoError`] as for [`play`], or if a process does not start.
pub async fn run(folder: Option<PathBuf>, narrator: &mut Narrator) -> Result<(), DemoError> {
    let temporary = tempfile::tempdir()
        .map_err(|source| DemoError::Io { what: "temporary folder".to_owned(), source })?;
    let data = folder.unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&data)
        .map_err(|source| DemoError::Io { what: data.display().to_string(), source })?;
    let mut running = LocalCluster::start(plan(data)?).await?;
    let addresses = running
        .names()
        .into_iter()
        .filter_map(|name| Some((name.clone(), running.address(&name)?.to_owned())));
    let addresses = addresses.collect();
    let played = play(cluster_name(), addresses, running.proxy(), narrator).await;
    running.stop(STOP_PATIENCE).await?;
    played
}

fn plan(data: PathBuf) -> Result<ClusterPlan, DemoError> {
    let program = std::env::current_exe()
        .map_err(|source| DemoError::Io { what: "this program".to_owned(), source })?;
    let offset = |name: &str| if name == "pacific" { PACIFIC_OFFSET } else { "0ms" };
    Ok(ClusterPlan {
        proxy_program: (program.clone(), vec!["proxy".into()]),
        node_program: program,
        logs: Some(data.clone()),
        data,
        stations: STATIONS.iter().map(|name| (station(name), offset(name).to_owned())).collect(),
    })
}

/// A name of this module's own.
fn station(name: &str) -> NodeId {
    name.parse().expect("the story's names are valid")
}

/// The default of every verb's `--cluster`.
fn cluster_name() -> NodeId {
    station("constellation")
}
