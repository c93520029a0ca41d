//! The relays that are compared, and how each is started and commanded.

pub(crate) mod copy;
mod grammar;
mod noxious;
mod ours;
mod plain;
mod process;
mod programs;

use std::fmt;
use std::net::SocketAddr;

pub(crate) use grammar::{Fault, Grammar, Refused};
pub(crate) use ours::start_with_api;
pub(crate) use process::Process;
pub(crate) use programs::Programs;

/// Who stands between the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    /// Nobody.
    Direct,
    /// `tokio::io::copy_bidirectional` as it comes.
    Copy,
    /// The same with buffers of 256 KiB.
    CopyLarge,
    Socat,
    Haproxy,
    Noxious,
    /// Ours without frames.
    OursRaw,
    /// Ours with frames.
    OursFramed,
}

impl Peer {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 8] = [
        Self::Direct,
        Self::Copy,
        Self::CopyLarge,
        Self::Socat,
        Self::Haproxy,
        Self::Noxious,
        Self::OursRaw,
        Self::OursFramed,
    ];

    /// Those that can delay and throttle.
    pub(crate) const WITH_FAULTS: [Self; 3] = [Self::Noxious, Self::OursRaw, Self::OursFramed];
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Direct => "direct",
            Self::Copy => "tokio copy",
            Self::CopyLarge => "tokio copy, 256 KiB",
            Self::Socat => "socat",
            Self::Haproxy => "HAProxy",
            Self::Noxious => "noxious",
            Self::OursRaw => "ours, raw",
            Self::OursFramed => "ours, framed",
        })
    }
}

/// Why a relay cannot take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Absent {
    pub(crate) reason: String,
}

impl Absent {
    fn because(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// A running relay, or none.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) peer: Peer,
    /// Where to connect: several addresses when one takes fewer connections than the measure needs.
    pub(crate) entries: Vec<SocketAddr>,
    pub(crate) process: Option<Process>,
    pub(crate) grammar: Option<Grammar>,
}

impl Relay {
    /// Starts a relay to the upstream and waits until it listens.
    pub(crate) fn start(
        peer: Peer,
        programs: &Programs,
        upstream: SocketAddr,
        connections: usize,
    ) -> Result<Self, Absent> {
        match peer {
            Peer::Direct => Ok(Self { peer, entries: vec![upstream], process: None, grammar: None }),
            Peer::Copy => plain::start_copy(peer, 8 * 1024, upstream),
            Peer::CopyLarge => plain::start_copy(peer, 256 * 1024, upstream),
            Peer::Socat => plain::start_socat(upstream),
            Peer::Haproxy => plain::start_haproxy(upstream),
            Peer::Noxious => noxious::start(programs, upstream),
            Peer::OursRaw => ours::start_raw(programs, upstream, connections),
            Peer::OursFramed => ours::start_framed(programs, upstream, connections),
        }
    }

    /// All that can be started here, beside each other.
    pub(crate) fn start_all(
        peers: &[Peer],
        programs: &Programs,
        upstream: SocketAddr,
        connections: usize,
    ) -> Vec<Self> {
        let present = peers.iter().filter(|peer| programs.absent(**peer).is_none());
        present
            .filter_map(|peer| match Self::start(*peer, programs, upstream, connections) {
                Ok(relay) => Some(relay),
                Err(absent) => {
                    eprintln!("{peer} is left out here: {}", absent.reason);
                    None
                }
            })
            .collect()
    }

    /// Where the n-th connection goes.
    pub(crate) fn entry(&self, index: usize) -> SocketAddr {
        self.entries[index % self.entries.len()]
    }

    /// The flow from the dialling side, as the grammar names it.
    fn flow(&self) -> &'static str {
        match self.peer {
            Peer::OursFramed => ours::FRAMED_FLOW,
            _ => ours::RAW_FLOW,
        }
    }

    /// Brings a fault into force, or ends all faults.
    pub(crate) fn set(&mut self, fault: Fault) -> Result<(), Refused> {
        let line = fault.line(self.flow());
        let grammar = self.grammar.as_mut().ok_or(Refused { reply: "no commands".to_owned() })?;
        grammar.command(&line).map(drop)
    }

    /// Seconds of processor time so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.process.as_ref().map_or(0.0, Process::cpu_seconds)
    }
}
