//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures relays beside each other and prints a report in Markdown.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// A minute instead of eight: enough to see that it works
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only these measures
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) only: Vec<Measure>,

    /// Write the report to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Measure this program as ours, instead of building clock-proxy
    #[arg(long, value_name = "FILE")]
    pub(crate) proxy: Option<PathBuf>,

    /// Given by `cargo bench`; means nothing
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
}

/// What this program does instead of measuring: it is started by itself like that.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Be a plain relay
    #[command(hide = true)]
    Copy(Copy),
}

/// A plain relay.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Where to listen
    pub(crate) listen: SocketAddr,
    /// Where to connect
    pub(crate) upstream: SocketAddr,
    /// Bytes of each of the two buffers of a connection
    pub(crate) buffer_bytes: usize,
}

/// One measure, which is one table or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Bytes per second and processor time per byte
    Throughput,
    /// Small frames per second
    Frames,
    /// Round trips
    Trip,
    /// How exact delays are
    Latency,
    /// How exact rates are
    Bandwidth,
    /// Removing a fault while the reader is stuck
    Removal,
    /// Control calls
    Control,
    /// Memory of idle connections
    Idle,
    /// Short connections per second
    Accept,
}

impl Arguments {
    /// Whether a measure was asked for.
    pub(crate) fn wants(&self, measure: Measure) -> bool {
        self.only.is_empty() || self.only.contains(&measure)
    }
}
