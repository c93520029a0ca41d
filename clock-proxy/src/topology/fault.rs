//! Why a topology is refused, and where that was written.

use std::fmt;
use std::path::PathBuf;

/// Where a part of the topology was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command line flag.
    Flag(&'static str),
    /// A place in a file; line and column count from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
        }
    }
}

/// What is wrong. Nothing has been started; correct the text and try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A file could not be made.
    #[error("{0} cannot be written: {1}")]
    Unwritable(String, String),
    /// A journal that cannot be replayed.
    #[error("{0}")]
    BadRecording(String),
    /// Not TOML, or an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    BadFile(String),
    /// A name that could not be written in a command.
    #[error("{0:?} cannot name a node: use letters, digits, '_', '.' and inner '-'; not {reserved:?}", reserved = crate::directory::CLIENT)]
    BadName(String),
    /// Not `HOST:PORT`.
    #[error("{0:?} is not an address to dial: HOST:PORT is expected")]
    BadUpstream(String),
    /// Not `IP:PORT`.
    #[error("{0:?} is not an address to listen on: IP:PORT is expected, port 0 for any")]
    BadListen(String),
    /// Not a duration.
    #[error(
        "{0:?} is no time for half a frame: a number and a unit from 1ms to 3600s is expected, e.g. 200ms"
    )]
    BadTimeout(String),
    /// Not a number of threads.
    #[error("{0:?} is no number of threads: 1 to {max} is expected", max = super::THREADS_MAX)]
    BadThreads(String),
    /// Not `a->b`.
    #[error("{0:?} is not a link: a->b is expected")]
    BadLink(String),
    /// A node, or a raw relay, is given twice.
    #[error("{0:?} is given twice")]
    Twice(String),
    /// A link names a node that is not given.
    #[error("the link {link:?} names {node:?}, which is not a station")]
    UnknownNode {
        /// The link as written.
        link: String,
        /// The end that is unknown.
        node: String,
    },
    /// The base port leaves no room for one port per link.
    #[error("{links} links do not fit above port {base}")]
    NoPorts {
        /// The first port.
        base: u16,
        /// How many links need one.
        links: usize,
    },
    /// More nodes than the proxy takes.
    #[error("{count} nodes are more than {max}", max = super::NODES_MAX)]
    TooManyNodes {
        /// How many were given.
        count: usize,
    },
    /// A `[[rule]]` that is no command.
    #[error("{0}")]
    BadRule(String),
    /// Nothing to relay.
    #[error(
        "nothing to relay: give at least two stations with --node, or a --raw relay, or --config, or --api"
    )]
    Empty,
}

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {fault}")]
pub struct TopologyError {
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong.
    pub fault: Fault,
}
