//! What is measured: each measure starts its own relays and adds its figures.

pub(crate) mod accept;
pub(crate) mod bandwidth;
pub(crate) mod control;
pub(crate) mod idle;
pub(crate) mod latency;
pub(crate) mod removal;
pub(crate) mod throughput;
pub(crate) mod trip;

use std::io;

use crate::effort::Effort;
use crate::figures::{Cell, Figures};
use crate::peer::{Peer, Programs, Relay};

/// What every measure needs.
pub(crate) struct Bench<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) effort: Effort,
    pub(crate) figures: &'a mut Figures,
}

impl Bench<'_> {
    /// Notes a figure, or what went wrong with this relay: the others go on.
    fn put(&mut self, column: &str, peer: Peer, measured: io::Result<Option<f64>>) {
        match measured {
            Ok(value) => self.figures.put_value(column, peer, value),
            Err(error) => self.figures.put(column, peer, Cell::Note(error.to_string())),
        }
    }

    /// The same words in all columns of a relay.
    fn note(&mut self, columns: &[String], peer: Peer, note: &str) {
        for column in columns {
            self.figures.put(column, peer, Cell::Note(note.to_owned()));
        }
    }
}

/// Samples of one relay over the rounds. After a failure it is left alone.
struct Contestant {
    relay: Relay,
    samples: Vec<f64>,
    failure: Option<io::Error>,
}

impl Contestant {
    fn all(relays: Vec<Relay>) -> Vec<Self> {
        relays.into_iter().map(|relay| Self { relay, samples: Vec::new(), failure: None }).collect()
    }

    /// One round, unless an earlier one failed.
    fn take(&mut self, round: impl FnOnce(&mut Relay) -> io::Result<Vec<f64>>) {
        if self.failure.is_some() {
            return;
        }
        match round(&mut self.relay) {
            Ok(samples) => self.samples.extend(samples),
            Err(error) => self.failure = Some(error),
        }
    }

    /// The samples, or why they are not complete.
    fn samples(&mut self) -> io::Result<&mut Vec<f64>> {
        match self.failure.take() {
            None => Ok(&mut self.samples),
            Some(error) => Err(error),
        }
    }
}
