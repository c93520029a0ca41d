//! The flags of `clock-proxy`. Another binary can take them as a subcommand unchanged.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::journal::{Events, EventsForm};
use crate::topology::{
    Blueprint, Framing, LinkArg, NodeArg, Origin, Plan, RawArg, TopologyError, parse_frame_timeout,
    parse_threads,
};

/// Relay the traffic between stations, and break it on command.
///
/// One listener per ordered pair of stations: a dials the listener `a->b` to reach b. Commands are read from
/// standard input, one per line, and each is answered with one line; `help` lists them.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "clock-proxy", version)]
pub struct Args {
    /// Topology file (TOML); flags are added to it and win over it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// A station, and where it listens if that is known yet (repeatable)
    #[arg(long = "node", value_name = "NAME[=HOST:PORT]")]
    pub nodes: Vec<NodeArg>,

    /// Where a dials to reach b (repeatable; default: a free port of 127.0.0.1)
    #[arg(long = "link", value_name = "a->b=IP:PORT")]
    pub links: Vec<LinkArg>,

    /// First address of all links without one of their own; counted up by (from, to)
    #[arg(long, value_name = "IP:PORT")]
    pub listen_base: Option<SocketAddr>,

    /// A relay for any protocol; its flows are client->NAME and NAME->client (repeatable)
    #[arg(long = "raw", value_name = "NAME=IP:PORT=HOST:PORT")]
    pub raws: Vec<RawArg>,

    /// How stations frame their bytes: raw, or a length as u8, u16be, u16le, u32be, u32le, u64be or u64le, and
    /// +offset=BYTES, +header=BYTES, +inclusive behind it [default: u32be]
    #[arg(long, value_name = "FRAMING")]
    pub frame: Option<Framing>,

    /// Make a lane raw when half a frame has waited this long for the rest, e.g. 200ms [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_frame_timeout)]
    pub frame_timeout: Option<Duration>,

    /// Largest payload of a frame in bytes; a larger length makes its lane raw [default: 1052672]
    #[arg(long, value_name = "BYTES")]
    pub max_frame: Option<u32>,

    /// Bytes one direction of one connection may hold before it stops reading [default: 8388608]
    #[arg(long, value_name = "BYTES")]
    pub hold_bytes: Option<usize>,

    /// Connections of one link at a time; further ones wait to be accepted [default: 16384]
    #[arg(long, value_name = "N")]
    pub conns_max: Option<usize>,

    /// Threads that relay connections [default: one per core]
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub threads: Option<NonZeroUsize>,

    /// Seed of all decisions [default: drawn from the system, see the ready line]
    #[arg(long)]
    pub seed: Option<u64>,

    /// Take commands also from TCP connections to this address (no authentication)
    #[arg(long, value_name = "IP:PORT")]
    pub control: Option<SocketAddr>,

    /// Write what the faults decide to this file, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// How events are written: canonical leaves out what differs between runs, and is sorted at the end
    #[arg(long, value_enum, default_value_t = EventsForm::Timed, requires = "events")]
    pub events_form: EventsForm,

    /// Make the decisions of this journal again, frame by frame, instead of throwing dice
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Serve HTTP on this address: Toxiproxy's API, /v1 and /metrics (no authentication)
    #[arg(long, value_name = "IP:PORT")]
    pub api: Option<SocketAddr>,

    /// Make the proxies of this file, an array as Toxiproxy's /populate takes it
    #[arg(long, value_name = "FILE")]
    pub toxiproxy_config: Option<PathBuf>,

    /// Run this scenario from the start; if it fails, exit with code 4
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Print what a scenario would do, as a scenario without chance, and exit
    #[arg(long = "plan", value_name = "FILE")]
    pub plan_only: Option<PathBuf>,

    /// Write the ready line's JSON into this file as well, as a whole
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Write the ready line's JSON to this open file descriptor as well
    #[arg(long, value_name = "N")]
    pub ready_fd: Option<u32>,

    /// Exit with code 5 at the first command on standard input that is answered with err
    #[arg(long)]
    pub strict: bool,

    /// What to do at the end of standard input
    #[arg(long, value_enum, default_value_t = OnEof::Keep)]
    pub on_eof: OnEof,

    /// Answer in JSON even on a terminal
    #[arg(long, conflicts_with = "text")]
    pub json: bool,

    /// Answer in text and tables even if this is no terminal
    #[arg(long)]
    pub text: bool,

    /// What to log to standard error
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log: LogLevel,
}

/// What the end of standard input means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OnEof {
    /// Nothing: run on, as a daemon without a terminal must.
    Keep,
    /// Exit with code 0, so that a dead test runner leaves no orphan.
    Quit,
    /// End all partitions and cuts, then run on.
    Heal,
}

/// Least important log lines to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "the usual five levels")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Args {
    /// The checked topology of the file and the flags together.
    ///
    /// # Errors
    /// The first thing that is wrong, with its flag, or its file, line and column.
    pub fn plan(&self) -> Result<Plan, TopologyError> {
        let mut blueprint = match &self.config {
            Some(path) => Blueprint::from_file(path)?,
            None => Blueprint::default(),
        };
        self.overlay(&mut blueprint);
        Ok(Plan { source: Some(Box::new(self.clone())), ..blueprint.into_plan()? })
    }

    fn overlay(&self, blueprint: &mut Blueprint) {
        let from_file = blueprint.nodes.len();
        for node in &self.nodes {
            // Only what the file says can be overridden: the same flag twice is a mistake.
            match blueprint.nodes[..from_file].iter_mut().find(|(_, known)| known.name == node.name) {
                Some((_, known)) => known.upstream.clone_from(&node.upstream),
                None => blueprint.nodes.push((Origin::Flag("--node"), node.clone())),
            }
        }
        blueprint.links.extend(self.links.iter().map(|link| (Origin::Flag("--link"), link.clone())));
        blueprint.raws.extend(self.raws.iter().map(|raw| (Origin::Flag("--raw"), raw.clone())));
        if let Some(base) = self.listen_base {
            blueprint.base = Some((Origin::Flag("--listen-base"), base));
        }
        blueprint.framing = self.frame.or(blueprint.framing);
        blueprint.frame_timeout = self.frame_timeout.or(blueprint.frame_timeout);
        blueprint.frame_bytes_max = self.max_frame.or(blueprint.frame_bytes_max);
        blueprint.conns_max = self.conns_max.or(blueprint.conns_max);
        blueprint.threads = self.threads.or(blueprint.threads);
        blueprint.hold_bytes = self.hold_bytes.or(blueprint.hold_bytes);
        blueprint.seed = self.seed.or(blueprint.seed);
        blueprint.control = self.control.or(blueprint.control);
        if let Some(path) = &self.events {
            blueprint.events = Some(Events { path: path.clone(), form: self.events_form });
        }
        if self.replay.is_some() {
            blueprint.replay.clone_from(&self.replay);
        }
        blueprint.api = self.api.or(blueprint.api);
        blueprint.toxiproxy_config.clone_from(&self.toxiproxy_config);
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn the_flags_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_same_flag_twice_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"seed = 1\n[nodes]\na = \"x:1\"\nb = \"x:2\"\n").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        let args = ["clock-proxy", "--config", &path, "--seed", "9", "--node", "b=y:3", "--node", "c"];
        let plan = Args::parse_from(args).plan().unwrap();
        assert_eq!(plan.seed, 9);
        assert_eq!(plan.directory.upstream(plan.directory.node("b").unwrap()).unwrap().as_str(), "y:3");
        assert_eq!(plan.directory.nodes().count(), 3);
        let twice = Args::parse_from(["clock-proxy", "--node", "a", "--node", "a"]).plan();
        assert_eq!(twice.unwrap_err().to_string(), "--node: \"a\" is given twice");
    }
}
