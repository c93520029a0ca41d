//! A failing plan made smaller: whatever can be left out while the same property still fails is left out.
//!
//! Source: Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, IEEE TSE 2002, section 3 (`ddmin`),
//! with complements only.

use super::plan::{Network, Plan, Skew, Spread};
use super::runner::{Planted, run_safely};
use crate::check::{Property, Violation};

/// What remains of a plan.
#[derive(Debug)]
pub struct Shrunk {
    /// The smaller plan.
    pub plan: Plan,
    /// How it fails.
    pub violation: Violation,
    /// How many runs it took.
    pub runs: usize,
}

/// Makes a plan smaller in at most so many runs. `None` if it does not fail.
pub fn shrink(plan: &Plan, planted: Planted, runs_max: usize) -> Option<Shrunk> {
    let violation = run_safely(plan, planted, false).violation?;
    let mut shrinker =
        Shrinker { plan: plan.clone(), property: violation.property, violation, planted, runs: 1, runs_max };
    while shrinker.pass() {}
    let Shrinker { plan, violation, runs, .. } = shrinker;
    Some(Shrunk { plan, violation, runs })
}

struct Shrinker {
    plan: Plan,
    property: Property,
    violation: Violation,
    planted: Planted,
    runs: usize,
    runs_max: usize,
}

impl Shrinker {
    /// Tries everything once; says whether anything helped.
    fn pass(&mut self) -> bool {
        let before = self.plan.clone();
        self.leave_out_entries();
        self.calm_the_rest();
        self.plan != before && self.runs < self.runs_max
    }

    fn leave_out_entries(&mut self) {
        let mut chunk = self.plan.entries.len().div_ceil(2);
        while chunk > 0 && self.runs < self.runs_max {
            let mut from = 0;
            while from < self.plan.entries.len() {
                let mut smaller = self.plan.clone();
                let upto = (from + chunk).min(smaller.entries.len());
                smaller.entries.drain(from..upto);
                if !self.still_fails(smaller) {
                    from += chunk;
                }
            }
            chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
        }
    }

    /// Each part of the surroundings that behaves well is one thing less to think of.
    fn calm_the_rest(&mut self) {
        let calm: [fn(&mut Plan); 6] = [
            |plan| {
                plan.network =
                    Network { lose_per_mille: 0, repeat_per_mille: 0, swap_per_mille: 0, ..plan.network }
            },
            |plan| plan.network.delay = Spread::Uniform { least: 1_000, most: 1_000 },
            |plan| plan.network.bytes_per_second = 0,
            |plan| plan.clocks = vec![Skew { offset_ms: 0, drift_ppm: 0 }; plan.clocks.len()],
            |plan| plan.commits = vec![Spread::Uniform { least: 1_000, most: 1_000 }; plan.commits.len()],
            |plan| plan.safety_us = plan.entries.last().map_or(0, |last| last.at_us + 1),
        ];
        for calm in calm {
            let mut smaller = self.plan.clone();
            calm(&mut smaller);
            if smaller != self.plan {
                self.still_fails(smaller);
            }
        }
    }

    /// Takes the smaller plan if it breaks the same property.
    fn still_fails(&mut self, smaller: Plan) -> bool {
        if self.runs >= self.runs_max {
            return false;
        }
        self.runs += 1;
        match run_safely(&smaller, self.planted, false).violation {
            Some(violation) if violation.property == self.property => {
                self.violation = violation;
                self.plan = smaller;
                true
            }
            _ => false,
        }
    }
}
