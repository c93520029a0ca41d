//! Random trouble, expanded into timed commands.
//!
//! Every trouble ends by itself (`for=`), so a plan that is stopped in the middle leaves nothing behind. A partition
//! takes a shape; every other trouble takes the flows from and to one station. What each one does:
//!
//! | trouble | command |
//! |---|---|
//! | `partition` | `partition GROUPS` |
//! | `stall` | `cut a<->* mode=stall` |
//! | `delay` | `delay a<->* 100ms ±50ms` |
//! | `drop` | `drop a<->* p=0.3` |
//! | `dup` | `dup a<->* p=0.3` |
//! | `reorder` | `reorder a<->* p=0.3 gap=3` |
//! | `corrupt` | `corrupt a<->* p=0.1` |
//! | `rate` | `rate a<->* 64KB/s` |
//! | `slice` | `slice a<->* 100B pause=1ms` |
//! | `reset` | `reset a<->*`, which is over at once |

use std::time::Duration;

use super::{Plan, STEPS_MAX, Step, When};
use crate::command::lexer;
use crate::command::shape::{self, Shape};
use crate::command::{self, Code, CommandError, Final, Nemesis, Trouble, World, duration_words};
use crate::dice::Dice;

/// The plan of a nemesis alone.
///
/// # Errors
/// Too few stations for a shape, or too many steps.
pub(crate) fn plan_nemesis(nemesis: &Nemesis, world: &World<'_>) -> Result<Plan, CommandError> {
    Ok(Plan { seed: world.seed, sets_seed: false, steps: expand(nemesis, Duration::ZERO, 1, world)? })
}

/// The steps of a nemesis that begins at `start`.
pub(super) fn expand(
    nemesis: &Nemesis,
    start: Duration,
    line: u64,
    world: &World<'_>,
) -> Result<Vec<Step>, CommandError> {
    let mut dice = match nemesis.seed {
        Some(seed) => Dice::new(seed, 0),
        None => Dice::new(world.seed, (world.next_draw)()),
    };
    let mut steps = Vec::new();
    let mut now = dice.duration(nemesis.interval.0, nemesis.interval.1);
    while now < nemesis.until && steps.len() <= STEPS_MAX {
        let hold = dice.duration(nemesis.hold.0, nemesis.hold.1).min(nemesis.until - now);
        let text = trouble(nemesis, hold, world, &mut dice)?;
        steps.push(step(start + now, text, line, world)?);
        now += dice.duration(nemesis.interval.0, nemesis.interval.1);
    }
    let last = match nemesis.last {
        Final::Heal => "heal",
        Final::Clear => "clear",
        Final::Keep => return Ok(steps),
    };
    steps.push(step(start + nemesis.until, last.to_owned(), line, world)?);
    Ok(steps)
}

fn step(at: Duration, text: String, line: u64, world: &World<'_>) -> Result<Step, CommandError> {
    let tokens = lexer::tokens(&text, false)?;
    let (commands, _) = command::commands(&text, &tokens, world)?;
    Ok(Step { when: When::At(at), line, commands, text })
}

/// One trouble in words.
fn trouble(
    nemesis: &Nemesis,
    hold: Duration,
    world: &World<'_>,
    dice: &mut Dice,
) -> Result<String, CommandError> {
    let kind = dice.pick(&nemesis.troubles).unwrap_or(Trouble::Partition);
    let lasts = duration_words(hold);
    if kind == Trouble::Partition {
        let shape = dice.pick(&nemesis.shapes).unwrap_or(Shape::Random);
        return Ok(format!("partition {} for={lasts}", partition(shape, world, dice)?));
    }
    let stations: Vec<_> = world.directory.stations().collect();
    let Some(station) = dice.pick(&stations) else {
        return Err(CommandError::new(Code::Conflict, "", 1, "a nemesis needs stations to trouble"));
    };
    let flows = format!("{}<->*", world.directory.name(station));
    Ok(match kind {
        Trouble::Partition | Trouble::Stall => format!("cut {flows} mode=stall for={lasts}"),
        Trouble::Delay => format!("delay {flows} 100ms ±50ms for={lasts}"),
        Trouble::Drop => format!("drop {flows} p=0.3 for={lasts}"),
        Trouble::Duplicate => format!("dup {flows} p=0.3 for={lasts}"),
        Trouble::Reorder => format!("reorder {flows} p=0.3 gap=3 for={lasts}"),
        Trouble::Corrupt => format!("corrupt {flows} p=0.1 for={lasts}"),
        Trouble::Rate => format!("rate {flows} 64KB/s for={lasts}"),
        Trouble::Slice => format!("slice {flows} 100B pause=1ms for={lasts}"),
        Trouble::Reset => format!("reset {flows}"),
    })
}

/// The words of a shape, with the stations drawn.
fn partition(shape: Shape, world: &World<'_>, dice: &mut Dice) -> Result<String, CommandError> {
    let directory = world.directory;
    if let Some(groups) = shape::draw(shape, directory, dice) {
        return Ok(shape::groups_text(&groups, directory));
    }
    let mut stations: Vec<_> = directory.stations().collect();
    dice.shuffle(&mut stations);
    match shape {
        Shape::Bridge if stations.len() >= 3 => {
            let middle = stations.remove(0);
            let (left, right) = shape::halves(stations);
            Ok(format!("bridge {} {}", directory.name(middle), shape::groups_text(&[left, right], directory)))
        }
        Shape::Ring if stations.len() >= 4 => {
            Ok(format!("ring-of-majorities {}", shape::nodes_text(&stations, directory)))
        }
        _ => {
            Err(CommandError::new(Code::Conflict, "", 1, "there are too few stations for one of the shapes"))
        }
    }
}
