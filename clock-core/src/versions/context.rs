//! What a client had read when it writes.
//!
//! A client of a store holds no clock. It gets a [`Context`] with what it reads, and hands it back, unopened, with what
//! it writes: that is how the store knows which values the write replaces. As a token it is text without spaces, for a
//! header or a command line; there is one spelling of a context, so a token can be compared and signed.
//!
//! A context is a claim: whoever holds a token can forge one. [`Siblings::write`](crate::Siblings::write) believes nothing
//! that is not known already; [`Siblings::write_ahead`](crate::Siblings::write_ahead) does, and is for tokens that are
//! signed, or come from clients that are trusted.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use super::membership::Membership;
use super::version_vector::{VECTOR_ENTRIES_MAX, VersionVector};
use crate::id::{Dot, InvalidId, NODE_BYTES_MAX};

/// Longest token, in bytes: [`VECTOR_ENTRIES_MAX`] entries of the longest names, `.INCARNATION:SEQ,` being at most 30.
pub const CONTEXT_BYTES_MAX: usize = VECTOR_ENTRIES_MAX * (NODE_BYTES_MAX + 30);

/// The events of one key that a client has seen, handed out by a read and handed back with a write. Opaque: it means
/// something only to the siblings of the key it was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Context(VersionVector);

/// Why a token is no context.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidContext {
    /// It is longer than any context is.
    #[error("a context token of {bytes} bytes: at most {CONTEXT_BYTES_MAX} are accepted")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It has too many entries.
    #[error("a context token with more than {limit} entries")]
    TooManyEntries {
        /// [`VECTOR_ENTRIES_MAX`].
        limit: usize,
    },
    /// An entry is not `NODE.INCARNATION:SEQ`.
    #[error(transparent)]
    Entry(#[from] InvalidId),
    /// It is not spelled as a context is: entries strictly ascending, hex digits small, numbers without `+` or zeros in
    /// front.
    #[error("the entry {entry:?} of a context token is out of order or not in its canonical spelling")]
    NotCanonical {
        /// The first such entry.
        entry: String,
    },
}

impl Context {
    /// The context of a client that has read nothing. A write with it supersedes nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(VersionVector::new())
    }

    /// Whether the client had seen the event.
    #[must_use]
    pub fn covers(&self, dot: &Dot) -> bool {
        self.0.covers(dot)
    }

    /// Adds what another read of the same key showed: for a client that read at two replicas.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// Adds the event that comes next of its replica.
    pub(super) fn add(&mut self, dot: &Dot) {
        self.0.raise(&dot.replica, dot.seq);
    }

    /// What was seen, as a vector.
    #[must_use]
    pub fn vector(&self) -> &VersionVector {
        &self.0
    }
}

/// The events of a vector, as what a client has seen.
impl From<VersionVector> for Context {
    fn from(vector: VersionVector) -> Self {
        Self(vector)
    }
}

/// `atlantic.1a2b3c4d:3,pacific.00c0ffee:17`, and nothing for the empty context.
impl fmt::Display for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (replica, seq)) in self.0.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { "," })?;
            write!(formatter, "{replica}:{seq}")?;
        }
        Ok(())
    }
}

impl FromStr for Context {
    type Err = InvalidContext;

    fn from_str(token: &str) -> Result<Self, InvalidContext> {
        if token.len() > CONTEXT_BYTES_MAX {
            return Err(InvalidContext::TooLong { bytes: token.len() });
        }
        let (mut replicas, mut counters) = (Vec::new(), Vec::new());
        for entry in token.split(',').filter(|_| !token.is_empty()) {
            let dot: Dot = entry.parse()?;
            if replicas.last().is_some_and(|last| *last >= dot.replica) || dot.to_string() != entry {
                return Err(InvalidContext::NotCanonical { entry: entry.to_string() });
            }
            if replicas.len() == VECTOR_ENTRIES_MAX {
                return Err(InvalidContext::TooManyEntries { limit: VECTOR_ENTRIES_MAX });
            }
            replicas.push(dot.replica);
            counters.push(dot.seq);
        }
        Ok(Self(VersionVector::from_lanes(Membership::of_ascending(replicas, 1), &counters)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_reads_back_from_its_token() {
        for token in ["", "a.00000001:1", "a.00000001:1,a.00000002:7,b.c.00c0ffee:9223372036854775807"] {
            assert_eq!(token.parse::<Context>().unwrap().to_string(), token);
        }
        assert_eq!("".parse::<Context>().unwrap(), Context::new());
    }

    #[test]
    fn a_second_spelling_of_a_context_is_refused() {
        let spellings = ["b.00000001:1,a.00000001:1", "a.00000001:1,a.00000001:1", "a.0000000A:1"];
        for token in spellings {
            let refused = token.parse::<Context>();
            assert!(matches!(refused, Err(InvalidContext::NotCanonical { .. })), "{token}: {refused:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_dots_is_refused() {
        for token in [
            ",",
            "a.00000001:1,",
            " ",
            "a.00000001:0",
            "a.00000001",
            "a.00000001:9223372036854775808",
            "a.00000001:01",
            "a.00000001:+1",
        ] {
            assert!(matches!(token.parse::<Context>(), Err(InvalidContext::Entry(_))), "{token:?}");
        }
    }

    #[test]
    fn a_token_beyond_the_limits_is_refused() {
        let of = |count: usize| {
            let entries: Vec<_> =
                (0..count).map(|number| alloc::format!("n{number:04}.00000001:1")).collect();
            entries.join(",").parse::<Context>()
        };
        assert_eq!(of(VECTOR_ENTRIES_MAX).unwrap().vector().len(), VECTOR_ENTRIES_MAX);
        assert_eq!(
            of(VECTOR_ENTRIES_MAX + 1),
            Err(InvalidContext::TooManyEntries { limit: VECTOR_ENTRIES_MAX })
        );
        let long = "a".repeat(CONTEXT_BYTES_MAX + 1);
        assert_eq!(long.parse::<Context>(), Err(InvalidContext::TooLong { bytes: long.len() }));
    }
}
