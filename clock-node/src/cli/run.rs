//! `clock-node run`: one station, until a signal.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clock_core::NodeId;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{CliError, Exit};
use super::output::print_line;
use crate::config::StationConfig;
use crate::station::{DRAIN_LIMIT, Station};

/// After the drain limit, how long the process may take to be gone.
const EXIT_GRACE: Duration = Duration::from_millis(800);
/// Threads for reads from the store, one at a time for each peer and a few for clients, and for name resolution, which
/// may hang.
const BLOCKING_THREADS: usize = 16;
/// Shortest first delay between dials: less would be a busy loop while a peer is away.
const RECONNECT_FIRST_MIN: Duration = Duration::from_millis(10);

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The station's name
    station: NodeId,
    /// The cluster it belongs to
    #[arg(long, value_name = "NAME", env = "CLOCK_CLUSTER", default_value = "constellation")]
    cluster: NodeId,
    /// Where to listen; port 0 lets the system choose (see the ready line)
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7777")]
    listen: SocketAddr,
    /// Another station and where to dial it, possibly a proxy [repeatable]
    #[arg(long = "peer", value_name = "NAME=HOST:PORT")]
    peers: Vec<PeerArg>,
    /// Where to keep the data [default: clock-data/STATION]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Set the wall clock wrong, to show that nothing depends on it (e.g. +600ms, -2s)
    #[arg(long, value_name = "±DURATION", default_value = "0ms", allow_hyphen_values = true)]
    wall_clock_offset: Offset,
    /// First delay before dialling a peer again; it doubles each time
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    reconnect_first: Duration,
    /// Longest delay before dialling a peer again
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    reconnect_longest: Duration,
    /// Sync twice per commit: a crash can then not roll back the newest one unnoticed
    #[arg(long)]
    two_phase_commit: bool,
    /// Seed of the jitter between dials [default: from the system, see the log]
    #[arg(long)]
    seed: Option<u64>,
    /// What to log to standard error, e.g. info or clock_node=debug
    #[arg(long, value_name = "FILTER", env = "CLOCK_LOG", default_value = "info")]
    log: String,
}

/// `NAME=HOST:PORT`.
#[derive(Debug, Clone)]
pub(super) struct PeerArg(pub(super) NodeId, pub(super) String);

impl FromStr for PeerArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once('=').ok_or("expected NAME=HOST:PORT")?;
        let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) if !address.starts_with(':') => {
                Ok(Self(name.parse().map_err(|error| format!("{error}"))?, address.to_owned()))
            }
            _ => Err(format!("address {address:?}: expected HOST:PORT")),
        }
    }
}

/// A signed duration in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Offset(i64);

impl FromStr for Offset {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let duration = humantime::parse_duration(digits).map_err(|error| format!("{error}; e.g. +600ms"))?;
        let magnitude = i64::try_from(duration.as_millis()).map_err(|_| "too long".to_owned())?;
        Ok(Self(sign * magnitude))
    }
}

pub(super) fn run(args: RunArgs) -> Result<Exit, CliError> {
    start_log(&args.log)?;
    let config = config_of(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| CliError::Io { what: "runtime".to_owned(), source })?;
    let outcome = runtime.block_on(serve(config));
    // What is still running now has had its time; dropping the runtime would wait for it for ever.
    runtime.shutdown_timeout(EXIT_GRACE);
    outcome.map(|()| Exit::Ok)
}

fn config_of(args: RunArgs) -> Result<StationConfig, CliError> {
    let peers: Vec<(NodeId, String)> =
        args.peers.into_iter().map(|PeerArg(peer, address)| (peer, address)).collect();
    for (index, (peer, _)) in peers.iter().enumerate() {
        if *peer == args.station {
            return Err(CliError::Usage(format!("--peer {peer}: that is this station itself")));
        }
        if peers[..index].iter().any(|(other, _)| other == peer) {
            return Err(CliError::Usage(format!("--peer {peer} is given twice")));
        }
    }
    if args.reconnect_first < RECONNECT_FIRST_MIN {
        let given = humantime::format_duration(args.reconnect_first);
        return Err(CliError::Usage(format!("--reconnect-first {given}: expected at least 10ms")));
    }
    let data = args.data.unwrap_or_else(|| PathBuf::from("clock-data").join(args.station.as_str()));
    Ok(StationConfig {
        cluster: args.cluster,
        station: args.station,
        listen: args.listen,
        peers,
        data,
        wall_clock_offset_ms: args.wall_clock_offset.0,
        reconnect_first: args.reconnect_first,
        reconnect_longest: args.reconnect_longest.max(args.reconnect_first),
        two_phase_commit: args.two_phase_commit,
        seed: args.seed.unwrap_or_else(|| fastrand::u64(..)),
    })
}

fn start_log(filter: &str) -> Result<(), CliError> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter);
    let filter = filter.map_err(|error| CliError::Usage(format!("--log: {error}")))?;
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    Ok(())
}

async fn serve(config: StationConfig) -> Result<(), CliError> {
    // Before anything is started: a signal during recovery must not be lost.
    let handler =
        |kind| signal(kind).map_err(|source| CliError::Io { what: "signal handler".to_owned(), source });
    let (mut interrupt, mut terminate) =
        (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
    let name = config.station.clone();
    let station = tokio::select! {
        started = Station::start(config) => started?,
        // Opening a large or damaged store takes time, and is safe to stop at any point.
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let ready = json!({
        "proto": 1,
        "pid": std::process::id(),
        "station": name.as_str(),
        "incarnation": station.incarnation.to_string(),
        "listen": station.address.to_string(),
        "events": station.events_count,
    });
    print_line(&format!("ready {ready}"))?;
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tracing::debug!(?DRAIN_LIMIT, "ready");
    Ok(station.run(shutdown).await?)
}
