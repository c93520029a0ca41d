//! A cluster of real processes on loopback, every inter-station link through the real proxy.
//!
//! Ports are the system's, folders are temporary, and nothing here sleeps to be in time: each wait is for a
//! condition, with a deadline, and prints the state of all stations when it expires.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clock_core::wire::{EntryView, Receipt, Request, RequestError, Response, Terms, WriteContext};
use clock_core::{BodyKind, Dot, Key, NodeId, RequestId};
use clock_node::launch::{ClusterPlan, LocalCluster};
use clock_node::net::client::{Client, ClientError};
use tempfile::TempDir;
use tokio::task::LocalSet;

use crate::history::What;
use crate::recorder::{Place, Recorder, RecordingClient, Write};

/// The four stations of the reference cluster.
pub const FOUR: [&str; 4] = ["pacific", "indian_ocean", "atlantic", "antarctic"];
/// How long anything may take before a test gives up: far beyond what it needs, for noisy machines.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A program of this workspace. Cargo builds it for its own package's tests, beside ours.
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a test knows its own path");
    let folder = here.parent().and_then(|deps| deps.parent()).expect("tests run below the target folder");
    let program = folder.join(name);
    assert!(program.exists(), "{} is not built: run `cargo test --workspace`", program.display());
    program
}

/// The running cluster. Its processes die with it.
pub struct Processes {
    /// The processes.
    pub cluster: LocalCluster,
    /// What clients did and were told.
    pub recorder: Recorder,
    folder: TempDir,
    clients: BTreeMap<String, Client>,
    /// Does what a test asks for by name.
    own: RecordingClient,
    is_checked: bool,
}

/// The name as an id.
pub fn station(name: &str) -> NodeId {
    name.parse().expect("test names are valid")
}

/// The key as an id.
pub fn key(text: &str) -> Key {
    Key::new(text).expect("test keys are valid")
}

impl Processes {
    /// Starts stations with true clocks and waits until all links are up.
    pub async fn start(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plan = ClusterPlan {
            node_program: program("clock-node"),
            proxy_program: (program("clock-proxy"), Vec::new()),
            data: folder.path().to_owned(),
            stations: names.iter().map(|name| (station(name), "0ms".to_owned())).collect(),
            logs: Some(folder.path().to_owned()),
        };
        let cluster = LocalCluster::start(plan)
            .await
            .unwrap_or_else(|error| panic!("the cluster did not start: {error}"));
        let recorder = Recorder::start();
        let own = recorder.client();
        let mut processes =
            Self { cluster, recorder, folder, clients: BTreeMap::new(), own, is_checked: true };
        processes.until_linked(names).await;
        processes
    }

    /// Where the stations keep their data, a folder each.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a station is, for a client that writes down what it does.
    pub fn place(&self, name: &str) -> Place {
        let station = station(name);
        let address = self.cluster.address(&station).unwrap_or_else(|| panic!("{name} was never started"));
        Place { address: address.to_owned(), station }
    }

    /// Somebody writes who does not write it down: what is recorded is not the whole history, and is not checked.
    pub fn others_write_too(&mut self) {
        self.is_checked = false;
    }

    /// How much memory a station's process has in use, as the system says.
    pub fn memory_bytes(&self, name: &str) -> u64 {
        let process =
            self.cluster.process_id(&station(name)).unwrap_or_else(|| panic!("{name} does not run"));
        let status =
            std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process's status");
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a number of KiB") * 1024
    }

    /// Waits until every station ships to every other.
    pub async fn until_linked(&mut self, names: &[&str]) {
        for name in names {
            let linked = async |processes: &mut Self| processes.is_linked(name).await;
            self.until(&format!("all links of {name} are up"), linked).await;
        }
    }

    /// Whether a station ships to every other, and every other to it.
    pub async fn is_linked(&mut self, name: &str) -> bool {
        let status = self.client(name).await.status().await;
        status.is_ok_and(|status| status.links.iter().all(|link| link.outbound && link.inbound))
    }

    /// Gives the proxy a command that has to be accepted; returns its reply.
    pub async fn proxy(&mut self, command: &str) -> String {
        let reply = self.cluster.proxy().command(command).await;
        reply.unwrap_or_else(|error| panic!("the proxy refused: {error}"))
    }

    /// A client of a station, connected anew where the last connection ended.
    pub async fn client(&mut self, name: &str) -> &mut Client {
        if !self.clients.contains_key(name) {
            let client = self.connect(name).await;
            self.clients.insert(name.to_owned(), client);
        }
        self.clients.get_mut(name).expect("just connected")
    }

    /// Writes a value in the station's own view and returns the receipt.
    pub async fn put(&mut self, name: &str, key_text: &str, value: &str) -> Receipt {
        self.write(name, &Write::put(key_text, value)).await
    }

    /// Writes, and returns the receipt.
    pub async fn write(&mut self, name: &str, write: &Write) -> Receipt {
        let place = self.place(name);
        let receipt = self.own.write(&place, write).await;
        receipt.unwrap_or_else(|error| panic!("{write:?} at {name}: expected a receipt, got {error:?}"))
    }

    /// Writes on terms of one's own, and returns the receipt.
    pub async fn write_on(&mut self, name: &str, write: &Write, terms: Terms) -> Receipt {
        let place = self.place(name);
        let written = self.own.write_on(&place, write, terms).await;
        let (receipt, _) =
            written.unwrap_or_else(|error| panic!("{write:?} at {name}: expected a receipt, got {error:?}"));
        receipt
    }

    /// A connection of its own to a station, in use by nobody else.
    pub async fn connect(&self, name: &str) -> Client {
        let place = self.place(name);
        let connected = Client::connect(&place.address, &station("constellation"), ANSWER).await;
        connected.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The key at a station.
    pub async fn get(&mut self, name: &str, key_text: &str) -> Option<EntryView> {
        let place = self.place(name);
        let entry = self.own.get(&place, &key(key_text), false).await;
        entry.unwrap_or_else(|error| panic!("get {key_text} at {name}: {error:?}"))
    }

    /// Reads a key, and all that the station has of it.
    pub async fn look_behind(&mut self, name: &str, key: &Key) -> Option<EntryView> {
        let entry = self.own.get(&self.place(name), key, true).await;
        entry.unwrap_or_else(|error| panic!("get {key} at {name}: {error:?}"))
    }

    /// The values of the key at a station, as text.
    pub async fn values(&mut self, name: &str, key_text: &str) -> BTreeSet<String> {
        let versions = self.get(name, key_text).await.map(|entry| entry.versions).unwrap_or_default();
        versions.iter().map(|version| String::from_utf8_lossy(&version.value).into_owned()).collect()
    }

    /// Every write a key ever had, at a station.
    pub async fn history(&mut self, name: &str, key_text: &str) -> BTreeSet<Dot> {
        let history = self.client(name).await.history(&key(key_text)).await;
        let history = history.unwrap_or_else(|error| panic!("history of {key_text} at {name}: {error}"));
        history.into_iter().flatten().map(|entry| entry.dot).collect()
    }

    /// Kills a station as `kill -9` does.
    pub async fn kill(&mut self, name: &str) {
        self.forget_connection(name);
        self.cluster.kill(&station(name)).await.unwrap_or_else(|error| panic!("{error}"));
        self.recorder.note(What::Stopped { station: station(name), how: "kill -9".to_owned() });
    }

    /// Starts a killed station and kills it again after a moment, wherever it has got to by then.
    pub async fn restart_and_kill(&mut self, name: &str, after: Duration) {
        let killed = self.cluster.restart_and_kill(&station(name), after).await;
        killed.unwrap_or_else(|error| panic!("restart {name}: {error}\n{}", self.logs()));
        self.recorder.note(What::Stopped { station: station(name), how: "kill -9 at its start".to_owned() });
    }

    /// Asks a station to stop (SIGTERM), and waits until it is gone.
    pub async fn terminate(&mut self, name: &str, patience: Duration) -> ExitStatus {
        let gone = self.cluster.terminate(&station(name), patience).await;
        self.recorder.note(What::Stopped { station: station(name), how: "SIGTERM".to_owned() });
        gone.unwrap_or_else(|error| panic!("{error}\n{}", self.logs()))
    }

    fn forget_connection(&mut self, name: &str) {
        self.clients.remove(name);
        self.own.disconnect(&station(name));
    }

    /// Starts a killed or stopped station again.
    pub async fn restart(&mut self, name: &str) {
        self.forget_connection(name);
        self.cluster
            .restart(&station(name))
            .await
            .unwrap_or_else(|error| panic!("restart {name}: {error}\n{}", self.logs()));
    }

    /// Waits until the condition holds; on expiry prints every station's state and the end of its log.
    pub async fn until(&mut self, what: &str, mut holds: impl AsyncFnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self).await {
            if Instant::now() > deadline {
                let state = self.state().await;
                panic!("expected within {PATIENCE:?}: {what}\n{state}\n{}", self.logs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn state(&mut self) -> String {
        let mut state = String::new();
        for name in self.cluster.names() {
            let status: Result<_, ClientError> = match self.clients.get_mut(name.as_str()) {
                Some(client) => client.status().await,
                None => continue,
            };
            state.push_str(&format!("{name}: {status:?}\n"));
        }
        state.push_str(&self.proxy("show").await);
        state
    }

    /// The end of every process's log.
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        for name in self.cluster.names().iter().map(NodeId::as_str).chain(["proxy"]) {
            let text =
                std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(15)..];
            logs.push_str(&format!("--- {name}\n{}\n", tail.join("\n")));
        }
        logs
    }

    /// Stops everything in order, and checks what was recorded.
    pub async fn stop(mut self) {
        self.clients.clear();
        let logs = self.logs();
        let stopped = self.cluster.stop(Duration::from_secs(11)).await;
        stopped.unwrap_or_else(|error| panic!("{error}\n{logs}"));
        if self.is_checked {
            println!("{}", self.recorder.check());
        }
    }
}

/// A station of its own, without peers; killed when dropped.
pub struct Alone {
    child: Child,
    address: String,
}

/// Starts a station on a folder; `setting` is shell text that runs before it, to set its limits.
pub fn start_alone(folder: &Path, setting: &str) -> Alone {
    let script = format!("{setting}exec \"$0\" run pacific --listen 127.0.0.1:0 --data \"$1\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program("clock-node")).arg(folder);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the station starts");
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line);
    read.expect("a ready line");
    let ready: Option<serde_json::Value> =
        line.strip_prefix("ready ").and_then(|json| serde_json::from_str(json).ok());
    let address = ready.as_ref().and_then(|ready| ready["listen"].as_str());
    let address = address.unwrap_or_else(|| panic!("expected a ready line, got {line:?}")).to_owned();
    Alone { child, address }
}

impl Alone {
    /// A client of it.
    pub async fn client(&self) -> Client {
        let connected = Client::connect(&self.address, &station("constellation"), ANSWER).await;
        connected.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it still runs after {PATIENCE:?}");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A write in the station's own view, with a fresh request id.
pub fn put_request(key_text: &str, value: &str) -> Request {
    Request::Put {
        key: key(key_text),
        kind: BodyKind::OPAQUE,
        value: Bytes::copy_from_slice(value.as_bytes()),
        context: WriteContext::StationView,
        request: RequestId(fastrand::u128(..)),
    }
}

/// Why a request was refused, if it was.
pub fn refusal(answer: Result<Response, ClientError>) -> Option<RequestError> {
    match answer {
        Err(ClientError::Request(error)) => Some(error),
        _ => None,
    }
}

/// Runs a test of processes on a small runtime, where clients may be tasks of their own (`spawn_local`).
pub fn run_processes<F: Future<Output = ()>>(test: F) {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    LocalSet::new().block_on(&built.expect("a runtime"), test);
}
