//! What the words of a line may refer to, besides numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::directory::Directory;
use crate::rule::RuleId;

/// Distributions that were read from files, or why not, by the name the command gives.
pub(crate) type Samples = BTreeMap<String, Result<Arc<[f64]>, String>>;

/// Everything the parser looks up. It reads no file and draws no number by itself.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) samples: &'a Samples,
    /// Seed of the random shapes.
    pub(crate) seed: u64,
    pub(crate) has_rule: &'a dyn Fn(RuleId) -> bool,
    /// Numbers the random shapes, so that the second one differs from the first.
    pub(crate) next_draw: &'a dyn Fn() -> u64,
}

static NO_SAMPLES: Samples = BTreeMap::new();

impl<'a> World<'a> {
    /// One with names only: no distribution, every rule, and one fixed draw.
    pub(crate) fn of(directory: &'a Directory) -> Self {
        Self { directory, samples: &NO_SAMPLES, seed: 0, has_rule: &|_| true, next_draw: &|| 0 }
    }
}
