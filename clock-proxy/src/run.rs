//! The process: log, runtime, ready line, standard input, signals, exit code.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Args, LogLevel, OnEof};
use crate::control::{Console, print_line};
use crate::descriptors;
use crate::http::read_relays;
use crate::proxy::Proxy;
use crate::report::{PROTO, Style, links_table};
use crate::topology::Plan;

/// The proxy itself failed.
const EXIT_INTERNAL: u8 = 1;
/// The flags or the topology file are wrong.
const EXIT_USAGE: u8 = 2;
/// An address could not be listened on.
const EXIT_BIND: u8 = 3;
/// 128 + SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
/// 128 + SIGTERM.
const EXIT_TERMINATED: u8 = 143;

/// Longest wait for the runtime's threads. A name lookup cannot be cancelled and may hang for longer.
const RUNTIME_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs the proxy until it is told to quit, and returns its exit code.
///
/// Builds its own runtime, so it must not be called from within one. Logs to standard error, unless the
/// process has a subscriber already.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    start_log(args.log);
    ExitCode::from(run_to_code(args))
}

fn run_to_code(args: &Args) -> u8 {
    let plan = match args.plan() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("clock-proxy: {error}");
            return EXIT_USAGE;
        }
    };
    descriptors::raise_limit();
    // The connections have threads of their own; what is left to do is little.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "no runtime");
            return EXIT_INTERNAL;
        }
    };
    let code = runtime.block_on(serve(plan, args));
    runtime.shutdown_timeout(RUNTIME_TIMEOUT);
    code
}

async fn serve(plan: Plan, args: &Args) -> u8 {
    // Before the ready line: whoever reads it may send a signal at once.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            error!(%error, "signals cannot be caught");
            return EXIT_INTERNAL;
        }
    };
    let settings = plan.settings;
    let proxy = match start(plan).await {
        Ok(proxy) => proxy,
        Err(code) => return code,
    };
    info!(
        seed = proxy.seed(),
        links = proxy.links().len(),
        frame_bytes_max = settings.frame_bytes_max,
        frame_timeout = ?settings.frame_timeout,
        hold_bytes = settings.hold_bytes,
        conns_max = settings.conns_max,
        on_eof = ?args.on_eof,
        "started"
    );
    let style = style(args);
    print_line(&ready(&proxy, style));
    let code = command_until_exit(proxy, signals, args.on_eof, style).await.unwrap_or_else(|error| {
        error!(%error, "standard input cannot be used");
        EXIT_INTERNAL
    });
    info!(code, "stopped");
    code
}

/// Starts the proxy and makes the relays of the file, or says why not.
async fn start(plan: Plan) -> Result<Proxy, u8> {
    let refused = |error: &dyn Error, code| {
        eprintln!("clock-proxy: {error}");
        code
    };
    let relays = match &plan.toxiproxy_config {
        Some(path) => read_relays(path).await.map_err(|error| refused(&error, EXIT_USAGE))?,
        None => Vec::new(),
    };
    let proxy = Proxy::start(plan).await.map_err(|error| refused(&error, EXIT_BIND))?;
    proxy.populate(relays).await.map_err(|error| refused(&error, EXIT_BIND))?;
    Ok(proxy)
}

async fn command_until_exit(
    mut proxy: Proxy,
    mut signals: Signals,
    on_eof: OnEof,
    style: Style,
) -> io::Result<u8> {
    let console = Console { desk: proxy.desk().clone(), style, on_eof, exits: proxy.exits() };
    let console = tokio::spawn(console.start()?);
    let code = tokio::select! {
        code = proxy.exit_requested() => code,
        code = signals.caught() => code,
    };
    console.abort();
    proxy.shutdown().await;
    Ok(code)
}

/// The signals that end the proxy in order.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    /// The exit code of the first signal. Cancel-safe.
    async fn caught(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => EXIT_INTERRUPTED,
            _ = self.terminate.recv() => EXIT_TERMINATED,
        }
    }
}

/// People get tables, and nobody else.
fn style(args: &Args) -> Style {
    let is_person = io::stdin().is_terminal() && io::stdout().is_terminal();
    if args.text || (is_person && !args.json) { Style::Text } else { Style::Json }
}

/// The ready line, in this order.
#[derive(Serialize)]
struct Ready<'a> {
    proto: u32,
    pid: u32,
    seed: u64,
    links: &'a BTreeMap<String, SocketAddr>,
    control: Option<SocketAddr>,
    api: Option<SocketAddr>,
}

/// The first line on standard output: everything listens now.
fn ready(proxy: &Proxy, style: Style) -> String {
    let (pid, links) = (std::process::id(), proxy.links());
    match style {
        Style::Json => {
            let (control, api) = (proxy.control(), proxy.api());
            let facts = Ready { proto: PROTO, pid, seed: proxy.seed(), links: &links, control, api };
            // Numbers and addresses under string keys: there is nothing that could fail.
            format!("ready {}", serde_json::to_string(&facts).unwrap_or_default())
        }
        Style::Text => {
            let control = proxy.control().map_or_else(String::new, |address| format!(", control {address}"));
            let api = proxy.api().map_or_else(String::new, |address| format!(", api {address}"));
            format!(
                "ready: pid {pid}, seed {}{control}{api}; try help\n{}",
                proxy.seed(),
                links_table(&links)
            )
        }
    }
}

fn start_log(level: LogLevel) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(level);
    // A process that embeds the proxy has a log of its own, and then that one is used.
    drop(log.with_ansi(io::stderr().is_terminal()).try_init());
}
