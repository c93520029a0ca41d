//! The collected wishes, and the checked plan they become.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::{CONNS_MAX_DEFAULT, FRAME_BYTES_MAX_DEFAULT, Fault, Framing, HOLD_BYTES_DEFAULT, NODES_MAX};
use super::{Origin, RuleWish, THREADS_MAX, TopologyError, Upstream};
use crate::directory::{CLIENT, Directory, NodeId};
use crate::journal::{Events, EventsFile, Recording, RecordingError};

/// `NAME` or `NAME=HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeArg {
    /// The station's name.
    pub name: String,
    /// Where it listens, if known yet.
    pub upstream: Option<Upstream>,
}

/// `a->b=IP:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkArg {
    /// The station that dials.
    pub from: String,
    /// The station it wants to reach.
    pub to: String,
    /// Where to listen for it.
    pub listen: SocketAddr,
}

/// `NAME=IP:PORT=HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawArg {
    /// The relay's name.
    pub name: String,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to dial.
    pub upstream: Upstream,
}

impl FromStr for NodeArg {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (name, upstream) = match text.split_once('=') {
            Some((name, address)) => (name, Some(parse_upstream(address)?)),
            None => (text, None),
        };
        Ok(Self { name: checked_name(name)?, upstream })
    }
}

impl FromStr for LinkArg {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (link, listen) = text.split_once('=').ok_or_else(|| Fault::BadLink(text.to_owned()))?;
        Self::new(link, listen)
    }
}

impl LinkArg {
    pub(super) fn new(link: &str, listen: &str) -> Result<Self, Fault> {
        let (from, to) = link.split_once("->").ok_or_else(|| Fault::BadLink(link.to_owned()))?;
        Ok(Self { from: from.trim().to_owned(), to: to.trim().to_owned(), listen: parse_listen(listen)? })
    }
}

impl FromStr for RawArg {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut parts = text.splitn(3, '=');
        let mut part = || parts.next().unwrap_or_default();
        let (name, listen, upstream) = (part(), part(), part());
        Ok(Self {
            name: checked_name(name)?,
            listen: parse_listen(listen)?,
            upstream: parse_upstream(upstream)?,
        })
    }
}

/// A number of threads, as a flag has it.
pub(crate) fn parse_threads(text: &str) -> Result<NonZeroUsize, Fault> {
    checked_threads(text.parse().unwrap_or(0)).map_err(|_| Fault::BadThreads(text.to_owned()))
}

pub(super) fn checked_threads(count: usize) -> Result<NonZeroUsize, Fault> {
    let is_allowed = |count: &NonZeroUsize| count.get() <= THREADS_MAX;
    NonZeroUsize::new(count).filter(is_allowed).ok_or_else(|| Fault::BadThreads(count.to_string()))
}

pub(super) fn parse_upstream(text: &str) -> Result<Upstream, Fault> {
    text.parse().map_err(|_| Fault::BadUpstream(text.to_owned()))
}

pub(super) fn parse_listen(text: &str) -> Result<SocketAddr, Fault> {
    text.parse().map_err(|_| Fault::BadListen(text.to_owned()))
}

/// A name must be one word of the command grammar, and must not look like the start of an arrow.
pub(super) fn checked_name(name: &str) -> Result<String, Fault> {
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let is_framed = !name.is_empty() && !name.starts_with('-') && !name.ends_with('-');
    if is_word && is_framed && name != CLIENT {
        Ok(name.to_owned())
    } else {
        Err(Fault::BadName(name.to_owned()))
    }
}

/// Everything the user asked for, each with its place.
#[derive(Debug, Clone, Default)]
pub struct Blueprint {
    /// Stations, in order.
    pub nodes: Vec<(Origin, NodeArg)>,
    /// Listeners with a fixed address.
    pub links: Vec<(Origin, LinkArg)>,
    /// First address of all other listeners; without it each takes a free port of 127.0.0.1.
    pub base: Option<(Origin, SocketAddr)>,
    /// Raw relays, in order.
    pub raws: Vec<(Origin, RawArg)>,
    /// How stations frame their bytes.
    pub framing: Option<Framing>,
    /// Largest payload length taken for a frame.
    pub frame_bytes_max: Option<u32>,
    /// How long half a frame may stay one before its lane becomes raw; for ever if absent.
    pub frame_timeout: Option<Duration>,
    /// Bytes one lane may hold.
    pub hold_bytes: Option<usize>,
    /// Connections of one link at a time.
    pub conns_max: Option<usize>,
    /// Threads that relay; one per core if absent.
    pub threads: Option<NonZeroUsize>,
    /// Seed of all decisions; drawn from the system if absent.
    pub seed: Option<u64>,
    /// Where to listen for commands.
    pub control: Option<SocketAddr>,
    /// Where to write what was decided.
    pub events: Option<Events>,
    /// A journal whose decisions are made again, instead of throwing dice.
    pub replay: Option<PathBuf>,
    /// Where to serve HTTP.
    pub api: Option<SocketAddr>,
    /// A file of relays to be made at the start, as Toxiproxy's `/populate` takes them.
    pub toxiproxy_config: Option<PathBuf>,
    /// Rules that are in force from the start.
    pub rules: Vec<RuleWish>,
}

/// A checked topology, ready to start.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) directory: Arc<Directory>,
    pub(crate) links: Vec<LinkSpec>,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) control: Option<SocketAddr>,
    pub(crate) events: Option<EventsFile>,
    pub(crate) recording: Option<Arc<Recording>>,
    pub(crate) api: Option<SocketAddr>,
    pub(crate) toxiproxy_config: Option<PathBuf>,
    /// Whether the seed was given, and not drawn.
    pub(crate) has_seed: bool,
    /// Commands of the rules that are in force from the start.
    pub(crate) rules: Vec<String>,
    /// Where all this was read, to read it again.
    pub(crate) source: Option<Box<crate::cli::Args>>,
}

/// One listener: what `from` dials to reach `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkSpec {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) listen: SocketAddr,
    pub(crate) framing: Framing,
}

/// Limits of every lane, and who moves them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) frame_bytes_max: u32,
    pub(crate) frame_timeout: Option<Duration>,
    pub(crate) hold_bytes: usize,
    pub(crate) conns_max: usize,
    /// Threads that relay; one per core if absent.
    pub(crate) threads: Option<NonZeroUsize>,
}

impl Blueprint {
    /// Adds a station, as `--node` does.
    #[must_use]
    pub fn node(mut self, name: &str, upstream: Option<Upstream>) -> Self {
        self.nodes.push((Origin::Flag("--node"), NodeArg { name: name.to_owned(), upstream }));
        self
    }

    /// Checks everything together.
    ///
    /// # Errors
    /// The first contradiction. A node given twice is one; a station given in the file and by a flag is not,
    /// the flag wins (see [`crate::cli::Args`]).
    pub fn into_plan(self) -> Result<Plan, TopologyError> {
        self.check_names()?;
        let mut directory = Directory::default();
        directory.set_framed(self.framing.unwrap_or_default() != Framing::Raw);
        for (_, node) in &self.nodes {
            directory.add_station(&node.name, node.upstream.clone());
        }
        let mut links = self.station_links(&directory)?;
        for (_, raw) in &self.raws {
            let (from, to) = directory.add_raw(&raw.name, Some(raw.upstream.clone()));
            links.push(LinkSpec { from, to, listen: raw.listen, framing: Framing::Raw });
        }
        for rule in &self.rules {
            rule.check(&directory)?;
        }
        Ok(Plan {
            has_seed: self.seed.is_some(),
            rules: self.rules.iter().map(|rule| rule.text.clone()).collect(),
            source: None,
            directory: Arc::new(directory),
            links,
            settings: Settings {
                frame_bytes_max: self.frame_bytes_max.unwrap_or(FRAME_BYTES_MAX_DEFAULT),
                frame_timeout: self.frame_timeout,
                hold_bytes: self.hold_bytes.unwrap_or(HOLD_BYTES_DEFAULT),
                conns_max: self.conns_max.unwrap_or(CONNS_MAX_DEFAULT),
                threads: self.threads,
            },
            // 32 random bits are plenty to tell runs apart, and short enough to be typed again.
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
            control: self.control,
            recording: self.replay.as_deref().map(read_recording).transpose()?,
            events: self.events.map(create_events).transpose()?,
            api: self.api,
            toxiproxy_config: self.toxiproxy_config,
        })
    }

    fn check_names(&self) -> Result<(), TopologyError> {
        let nodes = self.nodes.iter().map(|(origin, node)| (origin, &node.name));
        let raws = self.raws.iter().map(|(origin, raw)| (origin, &raw.name));
        let named: Vec<_> = nodes.chain(raws).collect();
        for (at, (origin, name)) in named.iter().enumerate() {
            let fail = |fault| Err(TopologyError { origin: (*origin).clone(), fault });
            if let Err(fault) = checked_name(name) {
                return fail(fault);
            }
            if named[..at].iter().any(|(_, earlier)| earlier == name) {
                return fail(Fault::Twice((*name).clone()));
            }
            if at >= NODES_MAX {
                return fail(Fault::TooManyNodes { count: named.len() });
            }
        }
        let has_relays_later = self.api.is_some() || self.toxiproxy_config.is_some();
        if self.nodes.len() < 2 && self.raws.is_empty() && !has_relays_later {
            let origin = self.nodes.first().map_or(Origin::Flag("--node"), |(origin, _)| origin.clone());
            return Err(TopologyError { origin, fault: Fault::Empty });
        }
        Ok(())
    }

    /// One link per ordered pair, ordered by (from, to) as the stations were given.
    fn station_links(&self, directory: &Directory) -> Result<Vec<LinkSpec>, TopologyError> {
        let framing = self.framing.unwrap_or_default();
        let mut links = Vec::new();
        for from in directory.nodes() {
            for to in directory.nodes().filter(|to| *to != from) {
                let listen = self.default_listen(links.len(), directory)?;
                links.push(LinkSpec { from, to, listen, framing });
            }
        }
        for (origin, wish) in &self.links {
            let spec = links
                .iter_mut()
                .find(|spec| directory.name(spec.from) == wish.from && directory.name(spec.to) == wish.to);
            match spec {
                Some(spec) => spec.listen = wish.listen,
                None => return Err(TopologyError { origin: origin.clone(), fault: wish.unknown(directory) }),
            }
        }
        Ok(links)
    }

    fn default_listen(&self, index: usize, directory: &Directory) -> Result<SocketAddr, TopologyError> {
        let Some((origin, base)) = &self.base else {
            return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        };
        if base.port() == 0 {
            return Ok(*base);
        }
        let count = directory.nodes().count();
        let port = u16::try_from(index).ok().and_then(|index| base.port().checked_add(index));
        let fault = Fault::NoPorts { base: base.port(), links: count * count.saturating_sub(1) };
        let port = port.ok_or_else(|| TopologyError { origin: origin.clone(), fault })?;
        Ok(SocketAddr::new(base.ip(), port))
    }
}

impl LinkArg {
    fn unknown(&self, directory: &Directory) -> Fault {
        let node = if directory.node(&self.from).is_none() { &self.from } else { &self.to };
        Fault::UnknownNode { link: format!("{}->{}", self.from, self.to), node: node.clone() }
    }
}

/// Before the events are made: both may name the same file.
fn read_recording(path: &Path) -> Result<Arc<Recording>, TopologyError> {
    let bad = |error: RecordingError| {
        let origin = match error.line {
            Some(line) => Origin::File { path: error.path.clone(), line, column: 1 },
            None => Origin::Flag("--replay"),
        };
        TopologyError { origin, fault: Fault::BadRecording(error.message) }
    };
    Recording::read(path).map(Arc::new).map_err(bad)
}

fn create_events(events: Events) -> Result<EventsFile, TopologyError> {
    let path = events.path.display().to_string();
    EventsFile::create(events).map_err(|error| TopologyError {
        origin: Origin::Flag("--events"),
        fault: Fault::Unwritable(path, error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blueprint() -> Blueprint {
        Blueprint::default().node("b", None).node("a", None)
    }

    #[test]
    fn links_take_ports_from_the_base_in_the_order_of_the_stations() {
        let mut blueprint = blueprint();
        blueprint.base = Some((Origin::Flag("--listen-base"), "0.0.0.0:7100".parse().unwrap()));
        blueprint.links.push((Origin::Flag("--link"), "a->b=127.0.0.1:9".parse().unwrap()));
        let plan = blueprint.into_plan().unwrap();
        let listens: Vec<String> = plan.links.iter().map(|link| link.listen.to_string()).collect();
        assert_eq!(listens, ["0.0.0.0:7100", "127.0.0.1:9"]);
        assert_eq!(plan.directory.name(plan.links[0].from), "b");
    }

    #[test]
    fn a_raw_relay_is_dialled_by_the_client() {
        let mut blueprint = Blueprint::default();
        blueprint.raws.push((Origin::Flag("--raw"), "web=127.0.0.1:0=[::1]:80".parse().unwrap()));
        let plan = blueprint.into_plan().unwrap();
        assert_eq!(plan.directory.name(plan.links[0].from), CLIENT);
        assert_eq!(plan.directory.upstream(plan.links[0].to).unwrap().as_str(), "[::1]:80");
        assert_eq!(plan.links[0].framing, Framing::Raw);
    }

    #[test]
    fn contradictions_name_their_flag() {
        let error = |blueprint: Blueprint| blueprint.into_plan().unwrap_err().to_string();
        assert_eq!(error(blueprint().node("a", None)), "--node: \"a\" is given twice");
        let mut unknown = blueprint();
        unknown.links.push((Origin::Flag("--link"), "a->z=127.0.0.1:9".parse().unwrap()));
        assert_eq!(error(unknown), "--link: the link \"a->z\" names \"z\", which is not a station");
        let mut full = blueprint();
        full.base = Some((Origin::Flag("--listen-base"), "127.0.0.1:65535".parse().unwrap()));
        assert_eq!(error(full), "--listen-base: 2 links do not fit above port 65535");
        assert!(error(Blueprint::default()).contains("nothing to relay"));
        for bad in ["client", "a b", "-a", "a-", "", "*"] {
            assert!(matches!(bad.parse::<NodeArg>(), Err(Fault::BadName(_))), "{bad:?}");
        }
    }
}
