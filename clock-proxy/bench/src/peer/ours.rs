//! Our proxy, with frames and without.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use super::plain::free_address;
use super::{Absent, Grammar, Peer, Process, Programs, Relay};

/// What a dialling side sends, with frames and without.
pub(super) const FRAMED_FLOW: &str = "n0->n1";
pub(super) const RAW_FLOW: &str = "client->r0";

/// A link takes 1,024 connections; this leaves room for those that are still being closed.
const CONNECTIONS_PER_LINK: usize = 1_000;

/// As many raw relays as the connections need.
pub(super) fn start_raw(
    programs: &Programs,
    upstream: SocketAddr,
    connections: usize,
) -> Result<Relay, Absent> {
    let count = connections.div_ceil(CONNECTIONS_PER_LINK).max(1);
    let raws = (0..count).flat_map(|index| ["--raw".to_owned(), format!("r{index}=127.0.0.1:0={upstream}")]);
    start(Peer::OursRaw, programs, &raws.collect::<Vec<_>>())
}

/// As many stations as have enough links between them, all of them at the upstream.
pub(super) fn start_framed(
    programs: &Programs,
    upstream: SocketAddr,
    connections: usize,
) -> Result<Relay, Absent> {
    let links = connections.div_ceil(CONNECTIONS_PER_LINK);
    let count = (2..).find(|count| count * (count - 1) >= links).unwrap_or(2);
    let nodes = (0..count).flat_map(|index| ["--node".to_owned(), format!("n{index}={upstream}")]);
    start(Peer::OursFramed, programs, &nodes.collect::<Vec<_>>())
}

fn start(peer: Peer, programs: &Programs, arguments: &[String]) -> Result<Relay, Absent> {
    let mut command = Command::new(programs.ours());
    command.args(["--json", "--on-eof", "quit", "--log", "error"]).args(arguments);
    let (process, grammar) = Process::start_commanded(&mut command)?;
    let ready = ready(&grammar)?;
    let links = ready["links"].as_object().into_iter().flatten();
    let mut links: Vec<(&String, SocketAddr)> =
        links.filter_map(|(name, address)| Some((name, address.as_str()?.parse().ok()?))).collect();
    // The first link is the one that carries the flow that faults are put on.
    links.sort_by_key(|(name, _)| ![FRAMED_FLOW, RAW_FLOW].contains(&name.as_str()));
    let entries = links.into_iter().map(|(_, address)| address).collect();
    Ok(Relay { peer, entries, process: Some(process), grammar: Some(grammar) })
}

/// A proxy that is commanded over HTTP, and where.
pub(crate) fn start_with_api(programs: &Programs) -> Result<(Process, Grammar, SocketAddr), Absent> {
    let api = free_address()?;
    let mut command = Command::new(programs.ours());
    command.args(["--json", "--on-eof", "quit", "--log", "error", "--api", &api.to_string()]);
    let (process, grammar) = Process::start_commanded(&mut command)?;
    let _ready = ready(&grammar).map_err(|_no_such_flag| Absent::because("not offered"))?;
    Ok((process, grammar, api))
}

fn ready(grammar: &Grammar) -> Result<Value, Absent> {
    let line = grammar.ready().ok_or_else(|| Absent::because("it did not get ready"))?;
    let json = line.strip_prefix("ready ").ok_or_else(|| Absent::because(&line))?;
    serde_json::from_str(json).map_err(Absent::because)
}
