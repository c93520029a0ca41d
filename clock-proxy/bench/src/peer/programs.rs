//! Where the programs are, and which are missing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Absent, Peer, noxious};
use crate::arguments::Arguments;

/// Paths of what is measured.
#[derive(Debug)]
pub(crate) struct Programs {
    ours: PathBuf,
    noxious: PathBuf,
    absent: BTreeMap<Peer, Absent>,
}

impl Programs {
    /// Builds ours and the wrapper of noxious, and looks for the others.
    pub(crate) fn find(arguments: &Arguments) -> io::Result<Self> {
        let folder = programs_folder()?;
        let ours = match &arguments.proxy {
            Some(program) => program.clone(),
            None => build_ours(&folder)?,
        };
        let mut absent = BTreeMap::new();
        for (peer, program) in [(Peer::Socat, "socat"), (Peer::Haproxy, "haproxy")] {
            if !answers(program) {
                absent.insert(peer, Absent::because(format!("no program `{program}` here")));
            }
        }
        let noxious = noxious::build(&folder.join("peers")).unwrap_or_else(|reason| {
            absent.insert(Peer::Noxious, reason);
            PathBuf::new()
        });
        Ok(Self { ours, noxious, absent })
    }

    pub(super) fn ours(&self) -> &Path {
        &self.ours
    }

    pub(super) fn noxious(&self) -> &Path {
        &self.noxious
    }

    /// Why a relay is missing, if it is.
    pub(crate) fn absent(&self, peer: Peer) -> Option<&Absent> {
        self.absent.get(&peer)
    }

    /// All that are missing.
    pub(crate) fn all_absent(&self) -> impl Iterator<Item = (Peer, &Absent)> {
        self.absent.iter().map(|(peer, absent)| (*peer, absent))
    }
}

/// Where cargo puts programs of this profile. A benchmark runs in a folder below.
fn programs_folder() -> io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().map(Path::to_owned).unwrap_or_default();
    Ok(if folder.ends_with("deps") { folder.join("..") } else { folder })
}

fn build_ours(folder: &Path) -> io::Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--package", "clock-proxy"]);
    build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    build.arg("--target-dir").arg(folder.join(".."));
    if !build.status()?.success() {
        return Err(io::Error::other("clock-proxy does not build"));
    }
    Ok(folder.join("../release/clock-proxy"))
}

/// The cargo that runs us, or the one that is found.
pub(super) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn answers(program: &str) -> bool {
    let version = if program == "haproxy" { "-v" } else { "-V" };
    let status = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
