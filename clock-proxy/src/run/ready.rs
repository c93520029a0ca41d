//! The ready line: everything listens now, and this is where.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;

use serde::Serialize;

use crate::cli::Args;
use crate::control::{file, print_line};
use crate::proxy::Proxy;
use crate::report::{PROTO, Style, links_table};

/// The facts, in this order.
#[derive(Serialize)]
struct Ready<'a> {
    proto: u32,
    pid: u32,
    seed: u64,
    api: Option<SocketAddr>,
    links: &'a BTreeMap<String, SocketAddr>,
    control: Option<SocketAddr>,
}

/// The ready line could not be written where it was wanted.
#[derive(Debug, thiserror::Error)]
#[error("{flag} {place}: {source}")]
pub(super) struct ReadyError {
    flag: &'static str,
    place: String,
    source: io::Error,
}

/// Prints the first line on standard output, after it is in the file and behind the descriptor of the flags.
pub(super) fn announce(proxy: &Proxy, style: Style, args: &Args) -> Result<(), ReadyError> {
    let (pid, seed, links) = (std::process::id(), proxy.seed(), proxy.links());
    let (control, api) = (proxy.control(), proxy.api());
    let facts = Ready { proto: PROTO, pid, seed, api, links: &links, control };
    // Numbers and addresses under string keys: there is nothing that could fail.
    let json = serde_json::to_string(&facts).unwrap_or_default();
    if let Some(path) = &args.ready_file {
        let place = path.display().to_string();
        let written = file::replace(path, &format!("{json}\n"));
        written.map_err(|source| ReadyError { flag: "--ready-file", place, source })?;
    }
    if let Some(number) = args.ready_fd {
        let place = number.to_string();
        write_to_descriptor(number, &json).map_err(|source| ReadyError {
            flag: "--ready-fd",
            place,
            source,
        })?;
    }
    match style {
        Style::Json => print_line(&format!("ready {json}")),
        Style::Text => print_line(&text(&facts)),
    }
    Ok(())
}

fn text(facts: &Ready<'_>) -> String {
    let place = |name: &str, address: Option<SocketAddr>| {
        address.map_or_else(String::new, |address| format!(", {name} {address}"))
    };
    let (control, api) = (place("control", facts.control), place("api", facts.api));
    let links = links_table(facts.links);
    format!("ready: pid {}, seed {}{control}{api}; try help\n{links}", facts.pid, facts.seed)
}

/// Opens the descriptor by its name, which takes no unsafe code, and works for pipes and files, not for sockets.
fn write_to_descriptor(number: u32, json: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(format!("/dev/fd/{number}"))?;
    writeln!(file, "{json}")
}
