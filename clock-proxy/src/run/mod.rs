//! The process: log, runtime, ready line, standard input, signals, exit code.

mod ready;
mod signals;

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::runtime::{Builder, Runtime};
use tracing::{info, warn};
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Args, LogLevel};
use crate::control::{Console, Desk, print_line};
use crate::descriptors;
use crate::http::read_relays;
use crate::proxy::Proxy;
use crate::report::Style;
use crate::scenario;
use crate::topology::Plan;
use signals::{Caught, Signals};

/// The proxy itself failed.
const EXIT_INTERNAL: u8 = 1;
/// The flags or the topology file are wrong.
const EXIT_USAGE: u8 = 2;
/// An address could not be listened on.
const EXIT_BIND: u8 = 3;
/// The scenario of `--scenario` has failed.
const EXIT_SCENARIO: u8 = 4;

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
        Err(error) => return refused(&error, EXIT_USAGE),
    };
    descriptors::raise_limit();
    // The connections have threads of their own; what is left to do is little.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refused(&format_args!("no runtime: {error}"), EXIT_INTERNAL),
    };
    if let Some(path) = &args.plan_only {
        return print_plan(&runtime, &plan, path);
    }
    // A line may be edited when a signal or another session ends the proxy; its thread is not asked then.
    let terminal = tcgetattr(io::stdin()).ok();
    let code = runtime.block_on(serve(plan, args)).unwrap_or_else(|code| code);
    if let Some(terminal) = terminal {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &terminal);
    }
    runtime.shutdown_timeout(RUNTIME_TIMEOUT);
    code
}

/// Says why the program ends, and with which code.
fn refused(error: &dyn Display, code: u8) -> u8 {
    eprintln!("clock-proxy: {error}");
    code
}

/// What a scenario would do, without opening anything.
fn print_plan(runtime: &Runtime, plan: &Plan, path: &Path) -> u8 {
    let path = path.display().to_string();
    match runtime.block_on(scenario::read_file(&path, &plan.directory, plan.seed)) {
        Ok(plan) => {
            plan.lines().iter().for_each(|line| print_line(line));
            0
        }
        Err(error) => refused(&error, EXIT_USAGE),
    }
}

/// Serves until told to quit. An error is an exit code too, of what has been said already.
async fn serve(plan: Plan, args: &Args) -> Result<u8, u8> {
    // Before the ready line: whoever reads it may send a signal at once.
    let signals = Signals::new().map_err(|error| refused(&error, EXIT_INTERNAL))?;
    let settings = plan.settings;
    let proxy = start(plan).await?;
    let scenario = match &args.scenario {
        Some(path) => Some(read_scenario(&proxy, path).await?),
        None => None,
    };
    info!(
        seed = proxy.seed(),
        links = proxy.links().len(),
        frame_bytes_max = settings.frame_bytes_max,
        frame_timeout = ?settings.frame_timeout,
        hold_bytes = settings.hold_bytes,
        conns_max = settings.conns_max,
        threads = ?settings.threads,
        on_eof = ?args.on_eof,
        "started"
    );
    let style = style(args);
    ready::announce(&proxy, style, args).map_err(|error| refused(&error, EXIT_USAGE))?;
    if let Some((path, scenario)) = scenario {
        play(proxy.desk(), path, scenario)?;
    }
    let code = command_until_exit(proxy, signals, args).await;
    let code = code
        .map_err(|error| refused(&format_args!("standard input cannot be used: {error}"), EXIT_INTERNAL))?;
    info!(code, "stopped");
    Ok(code)
}

async fn read_scenario(proxy: &Proxy, path: &Path) -> Result<(String, scenario::Plan), u8> {
    let path = path.display().to_string();
    let plan = proxy.desk().read_scenario(&path).await.map_err(|error| refused(&error, EXIT_USAGE))?;
    Ok((path, plan))
}

/// Runs the scenario of `--scenario`; if it fails, so does the program.
fn play(desk: &Desk, path: String, plan: scenario::Plan) -> Result<(), u8> {
    let started =
        desk.start(path, plan, Some(EXIT_SCENARIO)).map_err(|error| refused(&error, EXIT_INTERNAL))?;
    info!(steps = started.steps, duration = ?started.duration, "scenario started");
    Ok(())
}

/// Starts the proxy and makes the relays of the file, or says why not.
async fn start(plan: Plan) -> Result<Proxy, u8> {
    let relays = match &plan.toxiproxy_config {
        Some(path) => read_relays(path).await.map_err(|error| refused(&error, EXIT_USAGE))?,
        None => Vec::new(),
    };
    let proxy = Proxy::start(plan).await.map_err(|error| refused(&error, EXIT_BIND))?;
    if !relays.is_empty() {
        proxy.populate(relays).await.map_err(|error| refused(&error, EXIT_BIND))?;
    }
    Ok(proxy)
}

/// There is nobody to answer to but the log.
async fn reload(desk: Desk) {
    match desk.reload().await {
        Ok(changed) => info!(?changed, "the file was read again"),
        Err(error) => warn!(%error, "the file was not taken over"),
    }
}

async fn command_until_exit(mut proxy: Proxy, mut signals: Signals, args: &Args) -> io::Result<u8> {
    let (desk, exits) = (proxy.desk().clone(), proxy.exits());
    let (style, on_eof, is_strict) = (style(args), args.on_eof, args.strict);
    let console = Console { desk, style, on_eof, is_strict, exits };
    let console = tokio::spawn(console.start()?);
    let code = loop {
        // Both branches are cancel-safe.
        tokio::select! {
            code = proxy.exit_requested() => break code,
            caught = signals.caught() => match caught {
                Caught::Exit(code) => break code,
                Caught::Reload => drop(tokio::spawn(reload(proxy.desk().clone()))),
            },
        }
    };
    console.abort();
    proxy.shutdown().await;
    Ok(code)
}

/// People get tables, and nobody else.
fn style(args: &Args) -> Style {
    let is_person = io::stdin().is_terminal() && io::stdout().is_terminal();
    if args.text || (is_person && !args.json) { Style::Text } else { Style::Json }
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
