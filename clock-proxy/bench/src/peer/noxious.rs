//! noxious, a relay with faults. Its server is not published as a crate, but the library is; a wrapper of it that reads
//! a few words of our grammar is built aside, so that none of its dependencies enters this workspace.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::plain::free_address;
use super::programs::cargo;
use super::{Absent, Peer, Process, Programs, Relay};

const SOURCE: &str = include_str!("../../peers/noxious_relay.rs");
/// Pinned: another version is another peer. `bmrng` is in its interface.
const MANIFEST: &str = r#"[package]
name = "noxious-relay"
version = "0.0.0"
edition = "2021"
publish = false

[dependencies]
bmrng = "0.4"
noxious = "=0.1.1"
tokio = { version = "1", features = ["full"] }

[profile.release]
lto = true

[workspace]
"#;

/// Builds the wrapper once; later runs find it built.
pub(super) fn build(folder: &Path) -> Result<PathBuf, Absent> {
    let project = folder.join("noxious-relay");
    fs::create_dir_all(project.join("src")).map_err(Absent::because)?;
    for (name, text) in [("Cargo.toml", MANIFEST), ("src/main.rs", SOURCE)] {
        let path = project.join(name);
        let is_there = fs::read_to_string(&path).is_ok_and(|old| old == text);
        if !is_there {
            fs::write(path, text).map_err(Absent::because)?;
        }
    }
    eprintln!("building noxious: a minute, the first time");
    let mut build = cargo();
    build.args(["build", "--release", "--quiet"]).arg("--manifest-path").arg(project.join("Cargo.toml"));
    build.arg("--target-dir").arg(folder.join("target")).stderr(Stdio::null());
    match build.status() {
        Ok(status) if status.success() => Ok(folder.join("target/release/noxious-relay")),
        Ok(_) => Err(Absent::because("the crate noxious does not build here")),
        Err(error) => Err(Absent::because(error)),
    }
}

pub(super) fn start(programs: &Programs, upstream: SocketAddr) -> Result<Relay, Absent> {
    let entry = free_address()?;
    let mut command = Command::new(programs.noxious());
    command.args([entry.to_string(), upstream.to_string()]);
    let (process, grammar) = Process::start_commanded(&mut command)?;
    let process = process.wait_listening(entry)?;
    Ok(Relay { peer: Peer::Noxious, entries: vec![entry], process: Some(process), grammar: Some(grammar) })
}
