//! Views: named rules by which a reader picks one of several concurrent versions, as a pure function of the versions.
//!
//! A view never changes anything. The versions it does not pick are as much there as before, and who reads through a view
//! is told that there is a conflict. Used as the policy of a resolution, a view only says which version to take; the
//! resolution is an ordinary write with a context. So no view breaks the rule that time decides nothing about which data
//! survives: a view may look at an *epoch*, which is a part of the record that its author wrote, like the inclination. It
//! cannot look at a station's clock, because it is not given any.

use std::fmt;
use std::str::FromStr;

use super::Tle;
use crate::event::{Body, BodyKind};
use crate::id::{Dot, InvalidId, NodeId};

/// Most stations a priority list names.
const STATIONS_MAX: usize = 64;
/// Longest text an error repeats, in characters.
const SHOWN_CHARS_MAX: usize = 80;
/// Most authors an error lists: a key can have hundreds of versions.
const SHOWN_AUTHORS_MAX: usize = 8;

const LATEST_EPOCH: &str = "latest-epoch";
const SOURCE_PRIORITY: &str = "source-priority";

/// A rule that picks one of several versions, or says why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The element set with the latest epoch. All versions have to be element sets, and one epoch later than all others.
    LatestEpoch,
    /// The version of the first station in this list that is the author of exactly one of the versions.
    SourcePriority(Vec<NodeId>),
}

/// One of several versions, as a view sees it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its names: more than one if a retry was accepted at two stations. Their stations are its authors.
    pub dots: &'a [Dot],
    /// Its value.
    pub body: &'a Body,
}

/// Why a view picks none of the versions. Nothing was changed; a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// There is no version.
    #[error("there is no version")]
    NoVersion,
    /// A version is no element set, so it has no epoch.
    #[error("{version} is no element set: expected an epoch in every version")]
    NoEpoch {
        /// Its first name.
        version: String,
    },
    /// The latest epoch is that of more than one version.
    #[error("{count} versions have the latest epoch, {epoch}: expected one")]
    EqualEpochs {
        /// The epoch, in UTC.
        epoch: String,
        /// How many versions have it.
        count: usize,
    },
    /// No station of the list is the author of exactly one version.
    #[error("no station of the list is the author of exactly one version; the authors are {authors}")]
    NoSource {
        /// Who is: the first eight names, with commas.
        authors: String,
    },
}

/// Why a text names no view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidView {
    /// No such view.
    #[error("view {0:?}: expected {LATEST_EPOCH} or {SOURCE_PRIORITY}=STATION,STATION,...")]
    Unknown(String),
    /// One of the stations has no valid name.
    #[error("view {SOURCE_PRIORITY}: {0}")]
    Station(#[from] InvalidId),
    /// A station is listed twice: which place was meant?
    #[error("view {SOURCE_PRIORITY}: {0} is listed twice")]
    Twice(NodeId),
    /// More stations than a list may name.
    #[error("view {SOURCE_PRIORITY}: {0} stations: expected at most {STATIONS_MAX}")]
    TooMany(usize),
}

impl View {
    /// Which of the versions this view shows, as its index. A single version is shown by every view: there is nothing to
    /// decide. The order of the versions does not matter.
    ///
    /// # Errors
    /// [`Undecided`] says what the versions lack.
    pub fn choose(&self, versions: &[Candidate<'_>]) -> Result<usize, Undecided> {
        match (versions, self) {
            ([], _) => Err(Undecided::NoVersion),
            ([_], _) => Ok(0),
            (_, Self::LatestEpoch) => latest_epoch(versions),
            (_, Self::SourcePriority(stations)) => first_source(stations, versions),
        }
    }
}

fn latest_epoch(versions: &[Candidate<'_>]) -> Result<usize, Undecided> {
    let tles = versions.iter().map(element_set).collect::<Result<Vec<Tle>, _>>()?;
    let epochs: Vec<_> = tles.iter().map(|tle| tle.elements().datetime).collect();
    let latest = epochs.iter().max().ok_or(Undecided::NoVersion)?;
    let mut holders = epochs.iter().enumerate().filter(|(_, epoch)| *epoch == latest).map(|(index, _)| index);
    match (holders.next(), holders.count()) {
        (Some(index), 0) => Ok(index),
        (_, others) => Err(Undecided::EqualEpochs { epoch: format!("{latest}Z"), count: others + 1 }),
    }
}

fn element_set(version: &Candidate<'_>) -> Result<Tle, Undecided> {
    let body = Some(version.body).filter(|body| body.kind == BodyKind::TLE);
    let tle = body.and_then(|body| Tle::parse(&body.bytes).ok());
    let name = || version.dots.first().map(ToString::to_string).unwrap_or_default();
    tle.ok_or_else(|| Undecided::NoEpoch { version: name() })
}

fn first_source(stations: &[NodeId], versions: &[Candidate<'_>]) -> Result<usize, Undecided> {
    let only_version_of = |station: &NodeId| {
        let is_author = |version: &Candidate<'_>| version.dots.iter().any(|dot| dot.replica.node == *station);
        let mut own = versions.iter().enumerate().filter(|(_, version)| is_author(version));
        own.next().filter(|_| own.next().is_none()).map(|(index, _)| index)
    };
    stations
        .iter()
        .find_map(only_version_of)
        .ok_or_else(|| Undecided::NoSource { authors: authors(versions) })
}

/// Every author once, in the order of their names, so that the text does not depend on the order of the versions.
fn authors(versions: &[Candidate<'_>]) -> String {
    let mut names: Vec<&str> =
        versions.iter().flat_map(|version| version.dots).map(|dot| dot.replica.node.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(SHOWN_AUTHORS_MAX);
    names.truncate(SHOWN_AUTHORS_MAX);
    let shown = names.join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

impl fmt::Display for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LatestEpoch => formatter.write_str(LATEST_EPOCH),
            Self::SourcePriority(stations) => {
                let names: Vec<&str> = stations.iter().map(NodeId::as_str).collect();
                write!(formatter, "{SOURCE_PRIORITY}={}", names.join(","))
            }
        }
    }
}

impl FromStr for View {
    type Err = InvalidView;
    fn from_str(text: &str) -> Result<Self, InvalidView> {
        if text == LATEST_EPOCH {
            return Ok(Self::LatestEpoch);
        }
        let list = text.strip_prefix(SOURCE_PRIORITY).and_then(|rest| rest.strip_prefix('='));
        let list = list.ok_or_else(|| InvalidView::Unknown(text.chars().take(SHOWN_CHARS_MAX).collect()))?;
        let count = list.split(',').count();
        if count > STATIONS_MAX {
            return Err(InvalidView::TooMany(count));
        }
        let mut stations = Vec::new();
        for name in list.split(',') {
            let station = NodeId::new(name)?;
            if stations.contains(&station) {
                return Err(InvalidView::Twice(station));
            }
            stations.push(station);
        }
        Ok(Self::SourcePriority(stations))
    }
}
