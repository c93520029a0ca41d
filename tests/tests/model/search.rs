//! The model as the checker sees it, and how a search is run and told.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use clock_core::bugs::{Bug, plant};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, Path, Property};

use super::action::{Action, Follows};
use super::checks::{
    ALARM, ANSWERED, CAUSAL, CLOCKS, CONVERGED, DURABLE, EQUAL, INVARIANT, ONCE, PUBLISHED, SIBLINGS, TOTAL,
};
use super::scope::{Room, Scope};
use super::world::World;

/// The real replicas in a scope, with a bug or without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cluster {
    /// What may happen.
    pub(crate) scope: Scope,
    /// What is planted. A bug is planted for a thread, and the checker has several: so it is planted at every step.
    pub(crate) bug: Option<Bug>,
}

/// A property that holds as long as no step and no state has broken it.
macro_rules! holds {
    ($($name:ident),*) => {
        vec![$(Property::<Cluster>::always($name, |_, world| {
            world.broken.as_ref().is_none_or(|broken| broken.property != $name)
        })),*]
    };
}

impl Model for Cluster {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        plant(self.bug);
        vec![World::new(self.scope)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        world.actions(actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        plant(self.bug);
        let mut next = world.clone();
        match catch_unwind(AssertUnwindSafe(|| next.step(action))) {
            Ok(Follows::Something) => Some(next),
            Ok(Follows::Nothing) => None,
            Err(_) => {
                next = world.clone();
                next.fail(TOTAL, "a replica panicked");
                Some(next)
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = holds![
            SIBLINGS, CAUSAL, EQUAL, DURABLE, ONCE, ANSWERED, CLOCKS, CONVERGED, PUBLISHED, INVARIANT, ALARM,
            TOTAL
        ];
        let reached = |name, holds: bool, condition: fn(&Self, &World) -> bool| {
            holds.then(|| Property::sometimes(name, condition))
        };
        let budget = self.scope.budget;
        let losses = budget.losses > 0;
        let conditions: [Option<Property<Self>>; 10] = [
            reached("a conflict is shown", budget.operations > 1, |_, world| {
                world.stations.iter().any(|at| at.view.as_ref().is_some_and(|view| view.conflict.is_some()))
            }),
            reached("a retry is minted twice", budget.operations > 1, |_, world| world.happened.minted_twice),
            reached("a retry is one version of two names", budget.operations > 1, |_, world| {
                let versions = world.stations.iter().flat_map(|at| &at.view).flat_map(|view| &view.versions);
                versions.into_iter().any(|version| version.dots.len() > 1)
            }),
            reached("an event arrives twice", self.repeats(), |_, world| world.happened.duplicate),
            reached(
                "an event waits for its past",
                losses && self.scope.room != Room::OneInFlight,
                |_, world| world.happened.held_back,
            ),
            reached(
                "an event finds no room to wait",
                losses && self.scope.room == Room::OneHeldBack,
                |_, world| world.happened.hold_back_full,
            ),
            reached("a station ships again", losses, |_, world| world.happened.resent),
            reached("a station takes another incarnation", budget.crashes > 0, |_, world| {
                world.happened.renewed
            }),
            reached("a crash loses a pending write", budget.crashes > 0, |_, world| {
                world.happened.lost_pending
            }),
            reached("a crash keeps an untold write", budget.crashes > 0, |_, world| {
                world.happened.kept_untold
            }),
        ];
        properties.extend(conditions.into_iter().flatten());
        properties
    }
}

impl Cluster {
    /// Whether an event can come to a station on two ways.
    fn repeats(&self) -> bool {
        let budget = self.scope.budget;
        self.scope.stations > 2 || budget.cuts + budget.seconds > 0
    }
}

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extent {
    /// Every state.
    All,
    /// The nearest states first, about this many steps judged in all.
    Nearest(usize),
    /// The nearest state that breaks a property.
    FirstFailure,
}

impl fmt::Display for Extent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(formatter, "every state"),
            Self::Nearest(steps) => write!(formatter, "the nearest {steps} steps"),
            Self::FirstFailure => write!(formatter, "up to the first failure"),
        }
    }
}

/// What a search has found.
pub(crate) struct Found {
    /// The properties that do not hold, each with its path.
    pub(crate) failures: Vec<(&'static str, Path<World, Action>)>,
    /// What was to be reached and was not.
    pub(crate) unreached: Vec<&'static str>,
}

/// Searches, and prints what was explored. Complete searches go deep first, which takes little memory; those that end
/// early go wide, and so find the shortest path.
pub(crate) fn search(name: &str, cluster: Cluster, extent: Extent) -> Found {
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let checker = cluster.checker();
    let found = match extent {
        Extent::All => told(&checker.threads(threads).spawn_dfs().join()),
        Extent::Nearest(count) => told(&checker.target_state_count(count).spawn_bfs().join()),
        Extent::FirstFailure => told(&first_failure(checker).spawn_bfs().join()),
    };
    println!("{name}: {}; {extent}: {}, {:.1} s", cluster.scope, found.counts, began.elapsed().as_secs_f64());
    found.found
}

fn first_failure(checker: CheckerBuilder<Cluster>) -> CheckerBuilder<Cluster> {
    checker.finish_when(HasDiscoveries::AnyFailures)
}

struct Told {
    found: Found,
    counts: String,
}

fn told(checker: &impl Checker<Cluster>) -> Told {
    let (states, unique, depth) = (checker.state_count(), checker.unique_state_count(), checker.max_depth());
    let mut discoveries = checker.discoveries();
    plant(None);
    let (mut failures, mut unreached) = (Vec::new(), Vec::new());
    for property in checker.model().properties() {
        let path = discoveries.remove(property.name);
        match (property.expectation, path) {
            (stateright::Expectation::Always, Some(path)) => failures.push((property.name, path)),
            (stateright::Expectation::Sometimes, None) => unreached.push(property.name),
            _ => {}
        }
    }
    let counts = format!("{states} steps to {unique} states, up to {depth} deep");
    Told { found: Found { failures, unreached }, counts }
}

/// A path as somebody reads it: what happened, step by step, and what does not hold at its end.
pub(crate) fn story(path: Path<World, Action>) -> String {
    let mut lines = Vec::new();
    for ((world, action), number) in path.into_vec().into_iter().zip(1..) {
        lines.extend(action.map(|action| format!("{number:>3}. {}", world.shown(action))));
        lines.extend(world.broken.map(|broken| format!("     {}: {}", broken.property, broken.text)));
    }
    lines.join("\n")
}
