//! From groups of nodes, or the name of a shape, to the flows that are cut.
//!
//! The shapes are those of Jepsen's nemesis. With the stations 1 to n in the order in which they were given:
//!
//! | shape | flows that are cut |
//! |---|---|
//! | `halves` | between the first n/2 (rounded down) and the others |
//! | `random` | the same after shuffling the stations |
//! | `one [a]` | between `a`, or one station drawn at random, and all others |
//! | `majority` | between a minority drawn at random, (n-1)/2 rounded down, and the others |
//! | `isolate a,b` | from and to each of these |
//! | `bridge [c] [a,b \| d,e]` | between the two halves of the stations without `c`, which sees both |
//! | `ring-of-majorities [a,b,c,d,e]` | all but to the k neighbours on each side in the ring, with the least k such that a majority remains |
//! | `one-way a->b` | these flows and no others |
//!
//! A shape that is drawn is written out as the groups it came to: what `show rules` prints is no longer random.

use super::cursor::Cursor;
use super::error::{Code, CommandError};
use super::lexer::{Kind, Token};
use super::selector;
use crate::dice::Dice;
use crate::directory::{Directory, FlowId, NodeId};

/// What to do with the nodes a `partition` does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rest {
    /// They form one group of their own.
    #[default]
    Grouped,
    /// They stay connected to everybody.
    Connected,
}

/// A shape with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Halves,
    Random,
    One,
    Majority,
    Isolate,
    Bridge,
    Ring,
    OneWay,
}

/// Every name there is.
pub(crate) const SHAPES: [(&str, Shape); 11] = [
    ("halves", Shape::Halves),
    ("random", Shape::Random),
    ("random-halves", Shape::Random),
    ("one", Shape::One),
    ("majority", Shape::Majority),
    ("isolate", Shape::Isolate),
    ("bridge", Shape::Bridge),
    ("ring", Shape::Ring),
    ("ring-of-majorities", Shape::Ring),
    ("majorities-ring", Shape::Ring),
    ("one-way", Shape::OneWay),
];

/// The shape of this name.
pub(crate) fn named(name: &str) -> Option<Shape> {
    SHAPES.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape)
}

/// What a shape came to.
pub(crate) struct Outline {
    pub(crate) flows: Vec<FlowId>,
    /// The words that give the same again, if it was drawn.
    pub(crate) words: Option<String>,
}

/// Reads what belongs to a shape, and draws what is to be drawn.
pub(super) fn outline(shape: Shape, cursor: &mut Cursor<'_>) -> Result<Outline, CommandError> {
    let directory = cursor.directory;
    let fixed = |flows| Outline { flows, words: None };
    let has_argument = is_argument_next(cursor);
    match shape {
        Shape::OneWay => selector::flows(cursor).map(fixed),
        Shape::Isolate => Ok(fixed(flows_touching(&selector::nodes(cursor)?, directory))),
        Shape::Bridge => bridge(cursor, has_argument).map(fixed),
        Shape::Ring if has_argument => {
            let column = cursor.column_next();
            let nodes = selector::nodes(cursor)?;
            ring_flows(&nodes, directory).map(fixed).ok_or_else(|| no_ring(column))
        }
        Shape::Ring => {
            let nodes: Vec<NodeId> = directory.stations().collect();
            ring_flows(&nodes, directory).map(fixed).ok_or_else(|| no_ring(cursor.column()))
        }
        Shape::One if has_argument => {
            let word = cursor.word("a station")?;
            Ok(fixed(flows_touching(&[selector::node(directory, word)?], directory)))
        }
        Shape::Halves => {
            let (left, right) = halves(directory.stations().collect());
            Ok(fixed(divided_flows(&[left, right], Rest::Connected, directory)))
        }
        Shape::Random | Shape::One | Shape::Majority => {
            let mut dice = Dice::new(cursor.world.seed, (cursor.world.next_draw)());
            let groups = draw(shape, directory, &mut dice).unwrap_or_default();
            let flows = divided_flows(&groups, Rest::Connected, directory);
            Ok(Outline { flows, words: Some(groups_text(&groups, directory)) })
        }
    }
}

/// A random outline of a shape: its groups, or for a ring nothing, see [`draw_ring`].
pub(crate) fn draw(shape: Shape, directory: &Directory, dice: &mut Dice) -> Option<Vec<Vec<NodeId>>> {
    let mut nodes: Vec<NodeId> = directory.stations().collect();
    dice.shuffle(&mut nodes);
    let count = match shape {
        Shape::Halves | Shape::Random => nodes.len() / 2,
        Shape::One | Shape::Isolate => 1,
        Shape::Majority => nodes.len().saturating_sub(1) / 2,
        Shape::Bridge | Shape::Ring | Shape::OneWay => return None,
    };
    let others = nodes.split_off(count.min(nodes.len()));
    // In the order of the stations, so that the words do not depend on more than the groups.
    let sorted = |mut nodes: Vec<NodeId>| {
        nodes.sort_unstable();
        nodes
    };
    Some(vec![sorted(nodes), sorted(others)])
}

/// `a,b | c`, as `partition` reads it.
pub(crate) fn groups_text(groups: &[Vec<NodeId>], directory: &Directory) -> String {
    let filled = groups.iter().filter(|group| !group.is_empty());
    filled.map(|group| nodes_text(group, directory)).collect::<Vec<_>>().join(" | ")
}

pub(crate) fn nodes_text(nodes: &[NodeId], directory: &Directory) -> String {
    nodes.iter().map(|node| name_text(*node, directory)).collect::<Vec<_>>().join(",")
}

/// The name as the grammar reads it: relays made at run time may have any.
pub(crate) fn name_text(node: NodeId, directory: &Directory) -> String {
    let name = directory.name(node);
    let is_word = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':'));
    if is_word && !name.contains("->") { name.to_owned() } else { format!("\"{name}\"") }
}

/// The first half, rounded down, and the second.
pub(crate) fn halves(mut nodes: Vec<NodeId>) -> (Vec<NodeId>, Vec<NodeId>) {
    let right = nodes.split_off(nodes.len() / 2);
    (nodes, right)
}

fn is_argument_next(cursor: &Cursor<'_>) -> bool {
    let is_name = cursor.peek().is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Open));
    is_name && !cursor.is_option_next() && !cursor.is_word_next("for")
}

/// `bridge [c] [a,b | d,e]`: the middle station and the halves of the others unless named.
fn bridge(cursor: &mut Cursor<'_>, has_argument: bool) -> Result<Vec<FlowId>, CommandError> {
    let directory = cursor.directory;
    let stations: Vec<NodeId> = directory.stations().collect();
    let middle = if has_argument {
        Some(selector::node(directory, cursor.word("a station")?)?)
    } else {
        stations.get(stations.len() / 2).copied()
    };
    let groups = if is_argument_next(cursor) {
        selector::groups(cursor)?
    } else {
        let (left, right) = halves(stations.into_iter().filter(|node| Some(*node) != middle).collect());
        vec![left, right]
    };
    Ok(divided_flows(&groups, Rest::Connected, directory))
}

fn no_ring(column: usize) -> CommandError {
    let message = "a ring of majorities takes at least four stations: with fewer nothing would be cut";
    CommandError::new(Code::Conflict, "", column, message)
}

/// Every flow between nodes that are more than `k` apart in the ring; nothing if there is none.
pub(crate) fn ring_flows(ring: &[NodeId], directory: &Directory) -> Option<Vec<FlowId>> {
    let count = ring.len();
    let reach = (count / 2).div_ceil(2);
    let place = |node: NodeId| ring.iter().position(|known| *known == node);
    let is_far = |flow: &FlowId| {
        let ends = directory.ends(*flow).and_then(|(from, to)| place(from).zip(place(to)));
        ends.is_some_and(|(from, to)| {
            let apart = from.abs_diff(to);
            apart.min(count - apart) > reach
        })
    };
    let flows: Vec<FlowId> = directory.flows().filter(is_far).collect();
    (!flows.is_empty()).then_some(flows)
}

/// Whether this word is a shape here: a node of the same name comes first.
pub(super) fn shape_of(word: Token<'_>, directory: &Directory) -> Option<Shape> {
    named(&word.text.to_lowercase()).filter(|_| directory.node(word.text).is_none())
}

/// The flows from and to these nodes, and between them.
pub(crate) fn flows_touching(nodes: &[NodeId], directory: &Directory) -> Vec<FlowId> {
    let touches = |flow: &FlowId| {
        directory.ends(*flow).is_some_and(|(from, to)| nodes.contains(&from) || nodes.contains(&to))
    };
    directory.flows().filter(touches).collect()
}

/// The flows between different groups. A node without a group is in the rest: a group of its own, or
/// outside of it all.
pub(crate) fn divided_flows(groups: &[Vec<NodeId>], rest: Rest, directory: &Directory) -> Vec<FlowId> {
    let group = |node: NodeId| groups.iter().position(|group| group.contains(&node));
    let divided = |flow: &FlowId| {
        let Some((from, to)) = directory.ends(*flow) else { return false };
        match (group(from), group(to)) {
            (Some(from), Some(to)) => from != to,
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => rest == Rest::Grouped,
        }
    };
    directory.flows().filter(divided).collect()
}
