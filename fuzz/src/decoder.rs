//! A decoder under test: what is run, and what it may use.

use crate::allocation::{Limit, Meter, Usage};

/// A decoder with the checks of its promises.
#[derive(Debug)]
pub struct Decoder {
    /// The name of its fuzz target and of its folder of seeds.
    pub name: &'static str,
    /// Decodes the input and panics if a promise is broken.
    pub check: fn(&Meter, &[u8]) -> Outcome,
    /// What decoding may allocate.
    pub limit: Limit,
    /// The longest input the fuzzer makes, in bytes: enough to reach every limit of the format that is within reach.
    pub input_bytes_max: usize,
}

/// Whether an input was a value. A loop that only ever sees one of them tests nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was, or some part of a sequence was.
    Accepted,
    /// It was not, and was refused with an error.
    Refused,
}

impl Outcome {
    pub(crate) const fn of(is_accepted: bool) -> Self {
        if is_accepted { Self::Accepted } else { Self::Refused }
    }
}

/// What one execution came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Whether the input was accepted.
    pub outcome: Outcome,
    /// What decoding used.
    pub usage: Usage,
}

impl Decoder {
    /// Runs one input.
    ///
    /// # Panics
    /// If a promise of the decoder is broken, it allocated too much, or nothing was measured at all.
    pub fn run(&self, data: &[u8]) -> Execution {
        let meter = Meter::new(self.limit);
        let outcome = (self.check)(&meter, data);
        let usage = meter.used().expect("a decoder runs inside its meter");
        Execution { outcome, usage }
    }
}
