//! The token of a session as text: the last event of each life of each station that the session has seen, with commas.

use std::fmt;
use std::str::FromStr;

use clock_core::{Dot, InvalidId, ReplicaId, VECTOR_ENTRIES_MAX, VersionVector};

/// How the token of a session that has seen nothing is written.
const NOTHING: &str = "none";

/// What a session has written and read so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) VersionVector);

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidToken {
    /// One of its parts is no event.
    #[error("token: {0}")]
    Event(#[from] InvalidId),
    /// Two parts are of one life of one station.
    #[error("token: {0} is named twice, expected its last event alone")]
    Twice(ReplicaId),
    /// More parts than a vector has entries.
    #[error("token: {0} events, expected at most {VECTOR_ENTRIES_MAX}")]
    TooMany(usize),
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<String> = self.0.iter().map(|(replica, seq)| format!("{replica}:{seq}")).collect();
        formatter.write_str(if events.is_empty() { NOTHING.to_owned() } else { events.join(",") }.as_str())
    }
}

impl FromStr for Token {
    type Err = InvalidToken;
    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        if text == NOTHING {
            return Ok(Self(VersionVector::new()));
        }
        let count = text.split(',').count();
        if count > VECTOR_ENTRIES_MAX {
            return Err(InvalidToken::TooMany(count));
        }
        let mut events: Vec<Dot> = Vec::new();
        for part in text.split(',') {
            let event: Dot = part.parse()?;
            if events.iter().any(|other| other.replica == event.replica) {
                return Err(InvalidToken::Twice(event.replica));
            }
            events.push(event);
        }
        Ok(Self(events.into_iter().map(|event| (event.replica, event.seq)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text() {
        for text in
            ["none", "pacific.1a2b3c4d:17", "atlantic.00c0ffee:3,pacific.00000001:1,pacific.1a2b3c4d:17"]
        {
            assert_eq!(text.parse::<Token>().map(|token| token.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "pacific", "pacific.1a2b3c4d:17,", "a.00000001:1,a.00000001:2"] {
            assert!(text.parse::<Token>().is_err(), "{text:?} was accepted");
        }
        let many = vec!["a.00000001:1"; VECTOR_ENTRIES_MAX + 1].join(",");
        assert_eq!(many.parse::<Token>(), Err(InvalidToken::TooMany(VECTOR_ENTRIES_MAX + 1)));
    }
}
