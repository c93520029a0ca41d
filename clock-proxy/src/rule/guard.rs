//! Which frames and which connections a rule is for: the parameters that every fault takes.

use std::time::Duration;

/// Which connections a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Conns {
    #[default]
    All,
    /// Those accepted after the rule came into force.
    New,
    /// The one with this ordinal on its link.
    One(u64),
}

/// A condition on a frame. All conditions of a filter must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Length of the payload in bytes.
    Length(Comparison, u64),
    /// The payload's byte at this offset; a shorter frame does not match.
    Byte { offset: usize, comparison: Comparison, value: u8 },
    /// The payload contains these bytes.
    Contains(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

impl Comparison {
    pub(crate) fn holds<T: PartialOrd + Copy>(self, left: T, right: T) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::AtLeast => left >= right,
            Comparison::More => left > right,
        }
    }
}

/// The parameters all faults share. They are asked in this order: connection, filter, `after`, `every`, `p`, `count`.
///
/// Frames are counted per connection and direction from when the rule came into force there, so that what one
/// connection does changes nothing for another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guard {
    pub(crate) conns: Conns,
    /// Probability that a connection is under the rule at all, drawn once for each.
    pub(crate) connection_probability: f64,
    pub(crate) filter: Vec<Condition>,
    /// Frames that match and pass before the rule begins.
    pub(crate) after: u64,
    /// Of the frames behind `after`, each N-th is meant, the first of them first; 1 is all.
    pub(crate) every: u64,
    /// Probability for a frame that is meant.
    pub(crate) probability: f64,
    /// Frames it may happen to.
    pub(crate) count: Option<u64>,
    /// The rule ends this long after it came into force.
    pub(crate) lasts: Option<Duration>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            conns: Conns::default(),
            connection_probability: 1.0,
            filter: Vec::new(),
            after: 0,
            every: 1,
            probability: 1.0,
            count: None,
            lasts: None,
        }
    }
}

impl Guard {
    /// Whether every frame of every connection is meant, for as long as the rule is in force.
    pub(crate) fn is_total(&self) -> bool {
        *self == Self { lasts: self.lasts, ..Self::default() }
    }
}

/// What a filter may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameView<'a> {
    /// The whole frame, or bytes of a lane without frames.
    pub(crate) bytes: &'a [u8],
    /// Where the payload begins.
    pub(crate) payload_offset: usize,
}

impl FrameView<'_> {
    pub(crate) fn meets(&self, filter: &[Condition]) -> bool {
        filter.iter().all(|condition| self.meets_one(condition))
    }

    fn meets_one(&self, condition: &Condition) -> bool {
        let payload = self.bytes.get(self.payload_offset..).unwrap_or_default();
        match condition {
            Condition::Length(comparison, value) => {
                comparison.holds(u64::try_from(payload.len()).unwrap_or(u64::MAX), *value)
            }
            Condition::Byte { offset, comparison, value } => {
                payload.get(*offset).is_some_and(|byte| comparison.holds(*byte, *value))
            }
            Condition::Contains(needle) => {
                needle.is_empty() || payload.windows(needle.len()).any(|part| part == needle.as_slice())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_looks_at_the_payload_and_all_of_it_must_hold() {
        let frame = FrameView { bytes: &[0, 0, 0, 3, 7, 8, 9], payload_offset: 4 };
        let byte = |offset, comparison, value| Condition::Byte { offset, comparison, value };
        assert!(frame.meets(&[]));
        assert!(frame.meets(&[Condition::Length(Comparison::Equal, 3), byte(0, Comparison::Equal, 7)]));
        assert!(!frame.meets(&[Condition::Length(Comparison::Equal, 3), byte(0, Comparison::More, 7)]));
        assert!(!frame.meets(&[byte(3, Comparison::NotEqual, 0)]), "a byte that is not there");
        assert!(frame.meets(&[Condition::Contains(vec![8, 9])]));
        assert!(!frame.meets(&[Condition::Contains(vec![3, 7])]), "the header is no payload");
    }

    #[test]
    fn a_guard_with_only_a_duration_means_every_frame() {
        let lasting = Guard { lasts: Some(Duration::from_secs(1)), ..Guard::default() };
        assert!(lasting.is_total());
        assert!(!Guard { after: 1, ..Guard::default() }.is_total());
    }
}
