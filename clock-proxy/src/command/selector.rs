//! Which nodes and which flows a command is about.

use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::lexer::{Kind, Token};
use super::suggest::did_you_mean;
use super::value;
use crate::directory::{Directory, FlowId, NodeId};

/// Most flows in one list. Each may stand for all flows of 64 stations.
const LIST_MAX: usize = 128;

/// The nodes of one selector, each once.
struct Selected<'a> {
    nodes: Vec<NodeId>,
    first: Token<'a>,
}

/// Flows, and the one connection on them that is meant, if not all are.
pub(crate) struct Aim {
    pub(crate) flows: Vec<FlowId>,
    pub(crate) connection: Option<u64>,
}

/// `a->b`, `{a,b}<->*`, `a->b,b->c`, `*` alone for every flow between stations, and `#3` behind it for one
/// connection. The flows are never empty.
pub(crate) fn aim(cursor: &mut Cursor<'_>) -> Result<Aim, CommandError> {
    let mut flows = one_flow(cursor)?;
    for count in 2.. {
        let Some(comma) = cursor.take(Kind::Comma) else { break };
        if count > LIST_MAX {
            let message = format!("at most {LIST_MAX} flows can be listed");
            return Err(CommandError::new(Code::BadRange, comma.text, comma.column, message));
        }
        flows.extend(one_flow(cursor)?);
    }
    flows.sort_unstable();
    flows.dedup();
    let connection = cursor.take(Kind::Connection).map(value::connection).transpose()?;
    Ok(Aim { flows, connection })
}

/// The same without a connection.
pub(crate) fn flows(cursor: &mut Cursor<'_>) -> Result<Vec<FlowId>, CommandError> {
    let start = cursor.column_next();
    let aim = aim(cursor)?;
    match aim.connection {
        None => Ok(aim.flows),
        Some(_) => {
            let message = "this is about flows as a whole: leave out the connection";
            Err(CommandError::new(Code::Conflict, "", start, message))
        }
    }
}

fn one_flow(cursor: &mut Cursor<'_>) -> Result<Vec<FlowId>, CommandError> {
    if let Some(error) = missing_arrow(cursor) {
        return Err(error);
    }
    let from = selector(cursor)?;
    let (to, is_both) = if cursor.take(Kind::To).is_some() {
        (selector(cursor)?.nodes, false)
    } else if cursor.take(Kind::Both).is_some() {
        (selector(cursor)?.nodes, true)
    } else if from.first.text == "*" {
        (from.nodes.clone(), false)
    } else if let Some(sign) = cursor.take(Kind::Compare) {
        return Err(syntax(sign, "a flow is written a->b or a<->b"));
    } else {
        return Err(syntax(from.first, "a flow is written a->b or a<->b"));
    };
    let flows = expand(cursor.directory, &from.nodes, &to, is_both);
    if flows.is_empty() {
        let message = "no flow runs between these nodes; a raw relay is reached by client->NAME";
        return Err(CommandError::new(Code::NotFound, from.first.text, from.first.column, message));
    }
    Ok(flows)
}

/// Flows if a selector comes next, none otherwise.
pub(crate) fn optional_flows(cursor: &mut Cursor<'_>) -> Result<Option<Vec<FlowId>>, CommandError> {
    if cursor.peek().is_none() { Ok(None) } else { flows(cursor).map(Some) }
}

/// `a,b | c,{d,e}`: nodes separated by commas, groups by bars. No node may be in two groups.
pub(crate) fn groups(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<NodeId>>, CommandError> {
    let mut groups: Vec<Vec<NodeId>> = vec![Vec::new()];
    loop {
        let selected = selector(cursor)?;
        for node in selected.nodes {
            if groups.iter().any(|group| group.contains(&node)) {
                let message = format!("node {} is named twice", cursor.directory.name(node));
                let Token { text, column, .. } = selected.first;
                return Err(CommandError::new(Code::Conflict, text, column, message));
            }
            if let Some(group) = groups.last_mut() {
                group.push(node);
            }
        }
        if cursor.take(Kind::Bar).is_some() {
            groups.push(Vec::new());
        } else if cursor.take(Kind::Comma).is_none() {
            return Ok(groups);
        }
    }
}

/// Nodes separated by commas.
pub(crate) fn nodes(cursor: &mut Cursor<'_>) -> Result<Vec<NodeId>, CommandError> {
    let mut nodes = selector(cursor)?.nodes;
    while cursor.take(Kind::Comma).is_some() {
        nodes.extend(selector(cursor)?.nodes);
    }
    Ok(nodes)
}

fn selector<'a>(cursor: &mut Cursor<'a>) -> Result<Selected<'a>, CommandError> {
    let Some(open) = cursor.take(Kind::Open) else {
        let first = cursor.word("a node, * or {a,b}")?;
        let nodes = match first.text {
            "*" => cursor.directory.stations().collect(),
            _ => vec![node(cursor.directory, first)?],
        };
        return Ok(Selected { nodes, first });
    };
    let mut nodes = Vec::new();
    loop {
        let word = cursor.word("a node")?;
        let id = node(cursor.directory, word)?;
        if !nodes.contains(&id) {
            nodes.push(id);
        }
        if cursor.take(Kind::Close).is_some() {
            return Ok(Selected { nodes, first: open });
        }
        if cursor.take(Kind::Comma).is_none() {
            return Err(cursor.missing("a comma or }"));
        }
    }
}

/// The node of this name.
pub(crate) fn node(directory: &Directory, word: Token<'_>) -> Result<NodeId, CommandError> {
    directory.node(word.unquoted()).ok_or_else(|| {
        let names = directory.nodes().map(|id| directory.name(id));
        let message = format!("no node has this name{}", did_you_mean(word.text, names));
        CommandError::new(Code::UnknownNode, word.text, word.column, message)
    })
}

/// `a-b` is the likeliest slip of all: a flow with half an arrow.
fn missing_arrow(cursor: &Cursor<'_>) -> Option<CommandError> {
    let word = cursor.peek().filter(|token| token.kind == Kind::Word)?;
    if cursor.directory.node(word.text).is_some() {
        return None;
    }
    let is_node = |name: &str| cursor.directory.node(name).is_some();
    let (from, to) = word
        .text
        .match_indices('-')
        .map(|(at, _)| (&word.text[..at], &word.text[at + 1..]))
        .find(|(from, to)| is_node(from) && is_node(to))?;
    Some(syntax(word, format!("did you mean {from}->{to} or {from}<->{to}?")))
}

fn expand(directory: &Directory, from: &[NodeId], to: &[NodeId], is_both: bool) -> Vec<FlowId> {
    let mut flows = Vec::new();
    for from in from {
        for to in to {
            flows.extend(directory.flow(*from, *to));
            flows.extend(directory.flow(*to, *from).filter(|_| is_both));
        }
    }
    flows
}
