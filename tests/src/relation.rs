//! Claims about how two events relate. A claim that fails names both events and what was reported instead.

use clock_core::{Conflict, Event, Ordering};
use thiserror::Error;

/// A node reported another relation than the test claims. A finding about the code under test.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{left} and {right} should be {claimed}, but {reporter} reported {reported}")]
pub struct WrongRelation {
    /// Who reported it.
    pub reporter: String,
    /// The one event, with its Lamport value and vector.
    pub left: String,
    /// The other.
    pub right: String,
    /// What the test claims.
    pub claimed: Ordering,
    /// What was reported.
    pub reported: Ordering,
}

/// Checks a reported relation against the claimed one.
///
/// # Errors
/// [`WrongRelation`] if they differ.
pub fn check_relation(
    claimed: Ordering,
    (left, right): (&Event, &Event),
    reporter: &str,
    reported: Ordering,
) -> Result<(), WrongRelation> {
    if claimed == reported {
        return Ok(());
    }
    let (left, right) = (left.to_string(), right.to_string());
    Err(WrongRelation { reporter: reporter.to_owned(), left, right, claimed, reported })
}

/// Claims that `reporter` was right to report (or wrong not to report) the two as concurrent.
///
/// # Panics
/// If `reported` is anything else; the message names both events and the relation reported.
#[track_caller]
pub fn assert_concurrent(left: &Event, right: &Event, reporter: &str, reported: Ordering) {
    let verdict = check_relation(Ordering::Concurrent, (left, right), reporter, reported);
    assert!(verdict.is_ok(), "{}", failure(verdict));
}

/// Claims that the pair is among the conflicts that `reporter` surfaced.
///
/// # Panics
/// If it is not; the message names both events and every pair that was surfaced instead.
#[track_caller]
pub fn assert_surfaced(left: &Event, right: &Event, reporter: &str, surfaced: &[Conflict]) {
    let (first, second) = (left.id().min(right.id()), left.id().max(right.id()));
    let is_surfaced = surfaced.iter().any(|pair| *pair.first() == first && *pair.second() == second);
    let pairs: Vec<_> = surfaced.iter().map(Conflict::to_string).collect();
    assert!(is_surfaced, "{left} and {right} should be a conflict on {reporter}, which surfaced {pairs:?}");
}

fn failure(verdict: Result<(), WrongRelation>) -> String {
    verdict.err().map_or_else(String::new, |wrong| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::panic::catch_unwind;

    fn event(origin: &str, counter: u64) -> Event {
        let vector = HashMap::from([(origin.to_owned(), counter)]);
        Event { origin: origin.to_owned(), lamport: counter, vector, payload: Vec::new() }
    }

    fn message_of(claim: impl FnOnce() + std::panic::UnwindSafe) -> String {
        *catch_unwind(claim).unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn a_failed_claim_names_both_events_and_what_was_reported() {
        let (left, right) = (event("pacific", 1), event("indian_ocean", 2));
        let message = message_of(|| assert_concurrent(&left, &right, "atlantic", Ordering::Before));
        assert_eq!(
            message,
            "pacific#1 (lamport 1, vector {pacific: 1}) and indian_ocean#2 (lamport 2, vector {indian_ocean: 2}) \
             should be CONCURRENT, but atlantic reported BEFORE"
        );
    }

    #[test]
    fn a_missing_conflict_names_both_events_and_what_was_surfaced() {
        let (left, right) = (event("pacific", 1), event("indian_ocean", 2));
        let message = message_of(|| assert_surfaced(&left, &right, "atlantic", &[]));
        assert!(message.contains("pacific#1") && message.contains("indian_ocean#2"), "{message}");
        assert!(message.ends_with("which surfaced []"), "{message}");
    }

    #[test]
    fn a_true_claim_passes() {
        assert_concurrent(&event("a", 1), &event("b", 1), "a", Ordering::Concurrent);
    }
}
