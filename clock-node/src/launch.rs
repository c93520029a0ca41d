//! Starting a cluster of real processes on loopback: stations, and the proxy between them. The demo and the test
//! harness both stand on it; it uses nothing but the programs' public surface.
//!
//! Every inter-station link goes through the proxy. Ports are the system's choice: the proxy starts first and
//! learns from each station's ready line where it listens.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use clock_core::NodeId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a process may take to say that it is ready: recovery of a large store included.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the proxy may take to confirm a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a cluster could not be started or steered.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A program could not be started or talked to.
    #[error("{what}: {source}")]
    Io {
        /// Which, and doing what.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A process did not say that it is ready, or ended before.
    #[error("{what} was not ready within {READY_TIMEOUT:?}: {detail}")]
    NotReady {
        /// Which.
        what: String,
        /// What it said instead.
        detail: String,
    },
    /// The proxy did not confirm a command.
    #[error("proxy command {command:?}: {reply}")]
    Proxy {
        /// What it was told.
        command: String,
        /// What it answered.
        reply: String,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> LaunchError {
    let what = what.into();
    |source| LaunchError::Io { what, source }
}

/// A conversation with a proxy: a command a line, an answer a line.
pub struct ProxyControl {
    replies: Lines<Box<dyn AsyncBufRead + Send + Unpin>>,
    commands: Box<dyn AsyncWrite + Send + Unpin>,
}

impl ProxyControl {
    /// Over a proxy's `--control` port.
    ///
    /// # Errors
    /// [`LaunchError::Io`] if nothing listens there.
    pub async fn connect(address: &str) -> Result<Self, LaunchError> {
        let stream =
            TcpStream::connect(address).await.map_err(io_error(format!("proxy control at {address}")))?;
        let (read_half, write_half) = stream.into_split();
        let reader: Box<dyn AsyncBufRead + Send + Unpin> = Box::new(BufReader::new(read_half));
        Ok(Self { replies: reader.lines(), commands: Box::new(write_half) })
    }

    /// Gives a command and waits until it is in force.
    ///
    /// # Errors
    /// [`LaunchError::Proxy`] if the proxy refuses it or does not answer in time.
    pub async fn command(&mut self, command: &str) -> Result<String, LaunchError> {
        let failed = |reply: String| LaunchError::Proxy { command: command.to_owned(), reply };
        let exchange = async {
            self.commands.write_all(format!("{command}\n").as_bytes()).await?;
            self.commands.flush().await?;
            self.replies.next_line().await
        };
        match timeout(COMMAND_TIMEOUT, exchange).await {
            Ok(Ok(Some(reply))) if reply.starts_with("ok") => Ok(reply),
            Ok(Ok(Some(reply))) => Err(failed(reply)),
            Ok(Ok(None)) => Err(failed("the proxy closed".to_owned())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no answer within {COMMAND_TIMEOUT:?}"))),
        }
    }
}

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// The `clock-node` program.
    pub node_program: PathBuf,
    /// The proxy program and the arguments before its own.
    pub proxy_program: (PathBuf, Vec<OsString>),
    /// Where the stations keep their data, a folder each.
    pub data: PathBuf,
    /// The stations and how wrong their wall clocks are.
    pub stations: Vec<(NodeId, String)>,
    /// Where the processes' logs go; `None` throws them away.
    pub logs: Option<PathBuf>,
}

/// One station's process.
#[derive(Debug)]
pub struct StationProcess {
    /// Where it listens, kept over restarts.
    pub address: String,
    child: Child,
}

/// A running cluster. Dropping it kills its processes.
pub struct LocalCluster {
    plan: ClusterPlan,
    proxy: ProxyControl,
    proxy_child: Child,
    links: BTreeMap<String, String>,
    stations: BTreeMap<NodeId, StationProcess>,
}

impl LocalCluster {
    /// Starts the proxy and all stations, and waits until each is ready.
    ///
    /// # Errors
    /// [`LaunchError`] names the process that did not come up.
    pub async fn start(plan: ClusterPlan) -> Result<Self, LaunchError> {
        let (mut proxy_child, proxy, ready) = start_proxy(&plan).await?;
        let links = ready.get("links").and_then(Value::as_object).map(link_map).unwrap_or_default();
        if links.len() != plan.stations.len() * (plan.stations.len() - 1) {
            let _ = proxy_child.start_kill();
            return Err(LaunchError::NotReady { what: "proxy".to_owned(), detail: ready.to_string() });
        }
        let mut cluster = Self { plan, proxy, proxy_child, links, stations: BTreeMap::new() };
        for (station, _) in cluster.plan.stations.clone() {
            cluster.start_station(&station, "127.0.0.1:0").await?;
        }
        Ok(cluster)
    }

    /// The stations' names.
    pub fn names(&self) -> Vec<NodeId> {
        self.plan.stations.iter().map(|(station, _)| station.clone()).collect()
    }

    /// Where a station listens for clients.
    pub fn address(&self, station: &NodeId) -> Option<&str> {
        self.stations.get(station).map(|process| process.address.as_str())
    }

    /// The process of a station that runs, for who wants to look at it from outside.
    pub fn process_id(&self, station: &NodeId) -> Option<u32> {
        self.stations.get(station).and_then(|process| process.child.id())
    }

    /// The proxy between the stations.
    pub fn proxy(&mut self) -> &mut ProxyControl {
        &mut self.proxy
    }

    /// Kills a station at once, as `kill -9` does.
    ///
    /// # Errors
    /// [`LaunchError::Io`] if there is no such process.
    pub async fn kill(&mut self, station: &NodeId) -> Result<(), LaunchError> {
        let Some(process) = self.stations.get_mut(station) else { return Ok(()) };
        process.child.kill().await.map_err(io_error(format!("kill {station}")))
    }

    /// Asks a station to stop (SIGTERM) and waits until it is gone.
    ///
    /// # Errors
    /// [`LaunchError::Io`] if it cannot be told or is not gone within `patience`.
    pub async fn terminate(
        &mut self,
        station: &NodeId,
        patience: Duration,
    ) -> Result<ExitStatus, LaunchError> {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such process");
        let process = self.stations.get_mut(station);
        let process = process.ok_or_else(missing).map_err(io_error(format!("stop {station}")))?;
        signal_child(&process.child, Signal::TERM).map_err(io_error(format!("stop {station}")))?;
        wait_gone(&mut process.child, &format!("stop {station}"), patience).await
    }

    /// Starts a station that was killed or stopped, on its old port, with its old data.
    ///
    /// # Errors
    /// [`LaunchError`] if it does not come up.
    pub async fn restart(&mut self, station: &NodeId) -> Result<(), LaunchError> {
        let address = self.address(station).unwrap_or("127.0.0.1:0").to_owned();
        self.start_station(station, &address).await
    }

    /// Starts a station as [`restart`](Self::restart) does, and kills it `after` so long, ready or not.
    ///
    /// # Errors
    /// [`LaunchError`] if it cannot be started, or ends by itself before.
    pub async fn restart_and_kill(&mut self, station: &NodeId, after: Duration) -> Result<(), LaunchError> {
        let address = self.address(station).unwrap_or("127.0.0.1:0").to_owned();
        let mut child =
            self.station_command(station, &address)?.spawn().map_err(io_error(format!("start {station}")))?;
        if let Ok(ended) = timeout(after, child.wait()).await {
            return Err(LaunchError::NotReady {
                what: station.to_string(),
                detail: format!("it ended: {ended:?}"),
            });
        }
        child.kill().await.map_err(io_error(format!("kill {station}")))
    }

    async fn start_station(&mut self, station: &NodeId, listen: &str) -> Result<(), LaunchError> {
        let mut command = self.station_command(station, listen)?;
        let mut child = command.spawn().map_err(io_error(format!("start {station}")))?;
        let (ready, _) = read_ready(&mut child, station.as_str()).await?;
        let address = ready.get("listen").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.proxy.command(&format!("node {station} {address}")).await?;
        self.stations.insert(station.clone(), StationProcess { address, child });
        Ok(())
    }

    fn station_command(&self, station: &NodeId, listen: &str) -> Result<Command, LaunchError> {
        let offset =
            self.plan.stations.iter().find(|(name, _)| name == station).map_or("0ms", |(_, offset)| offset);
        let mut command = Command::new(&self.plan.node_program);
        command.arg("run").arg(station.as_str()).args(["--listen", listen]);
        command.arg("--data").arg(self.plan.data.join(station.as_str()));
        command.arg(format!("--wall-clock-offset={offset}"));
        // On loopback nobody is spared by waiting long between dials.
        command.args(["--reconnect-first", "20ms", "--reconnect-longest", "200ms"]);
        for (peer, _) in self.plan.stations.iter().filter(|(peer, _)| peer != station) {
            let link = self.links.get(&format!("{station}->{peer}")).map(String::as_str).unwrap_or_default();
            command.arg("--peer").arg(format!("{peer}={link}"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        command.stderr(log_file(self.plan.logs.as_deref(), station.as_str())?);
        Ok(command)
    }

    /// Stops everything in order and waits until it is gone.
    ///
    /// # Errors
    /// [`LaunchError::Io`] if something is not gone within `patience`.
    pub async fn stop(mut self, patience: Duration) -> Result<(), LaunchError> {
        for process in self.stations.values() {
            // One that is gone already needs no signal.
            let _ = signal_child(&process.child, Signal::TERM);
        }
        for (station, process) in &mut self.stations {
            wait_gone(&mut process.child, &format!("stop {station}"), patience).await?;
        }
        self.proxy.command("quit").await?;
        wait_gone(&mut self.proxy_child, "stop the proxy", patience).await?;
        Ok(())
    }
}

async fn start_proxy(plan: &ClusterPlan) -> Result<(Child, ProxyControl, Value), LaunchError> {
    let (program, first_args) = &plan.proxy_program;
    let mut command = Command::new(program);
    command.args(first_args).args(["--json", "--on-eof", "quit"]);
    for (station, _) in &plan.stations {
        command.arg("--node").arg(station.as_str());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.stderr(log_file(plan.logs.as_deref(), "proxy")?);
    let mut child = command.spawn().map_err(io_error(format!("start the proxy {}", program.display())))?;
    let (ready, replies) = read_ready(&mut child, "proxy").await?;
    let Some(commands) = child.stdin.take() else {
        return Err(LaunchError::NotReady {
            what: "proxy".to_owned(),
            detail: "it has no standard input".to_owned(),
        });
    };
    Ok((child, ProxyControl { replies, commands: Box::new(commands) }, ready))
}

type OutputLines = Lines<Box<dyn AsyncBufRead + Send + Unpin>>;

/// Waits for the line `ready {…}`.
async fn read_ready(child: &mut Child, what: &str) -> Result<(Value, OutputLines), LaunchError> {
    let not_ready = |detail: String| LaunchError::NotReady { what: what.to_owned(), detail };
    let stdout = child.stdout.take().ok_or_else(|| not_ready("it has no standard output".to_owned()))?;
    let reader: Box<dyn AsyncBufRead + Send + Unpin> = Box::new(BufReader::new(stdout));
    let mut lines = reader.lines();
    let line = timeout(READY_TIMEOUT, lines.next_line())
        .await
        .map_err(|_| not_ready("it said nothing".to_owned()))?;
    let line = line.map_err(io_error(format!("read from {what}")))?.unwrap_or_else(|| "it ended".to_owned());
    let ready = line.strip_prefix("ready ").and_then(|json| serde_json::from_str(json).ok());
    Ok((ready.ok_or_else(|| not_ready(line))?, lines))
}

fn link_map(links: &serde_json::Map<String, Value>) -> BTreeMap<String, String> {
    links.iter().filter_map(|(flow, address)| Some((flow.clone(), address.as_str()?.to_owned()))).collect()
}

fn log_file(folder: Option<&Path>, name: &str) -> Result<Stdio, LaunchError> {
    let Some(folder) = folder else { return Ok(Stdio::null()) };
    let path = folder.join(format!("{name}.log"));
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    Ok(opened.map_err(io_error(format!("log {}", path.display())))?.into())
}

fn signal_child(child: &Child, signal: Signal) -> std::io::Result<()> {
    let gone = || std::io::Error::new(std::io::ErrorKind::NotFound, "the process is gone");
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw).ok_or_else(gone)?;
    Ok(kill_process(pid, signal)?)
}

async fn wait_gone(child: &mut Child, what: &str, patience: Duration) -> Result<ExitStatus, LaunchError> {
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("not gone within {patience:?}"));
    let waited = timeout(patience, child.wait()).await.map_err(|_| late()).map_err(io_error(what))?;
    waited.map_err(io_error(what))
}
