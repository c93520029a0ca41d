//! The relays that only relay: our tokio copy, socat and HAProxy.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use super::{Absent, Peer, Process, Relay};

/// Free a moment ago; the relay takes it right after.
pub(super) fn free_address() -> Result<SocketAddr, Absent> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Absent::because)?;
    listener.local_addr().map_err(Absent::because)
}

fn relay(peer: Peer, entry: SocketAddr, command: &mut Command) -> Result<Relay, Absent> {
    let process = Process::start(command)?.wait_listening(entry)?;
    Ok(Relay { peer, entries: vec![entry], process: Some(process), grammar: None })
}

/// This very program in another mode.
pub(super) fn start_copy(peer: Peer, bytes: usize, upstream: SocketAddr) -> Result<Relay, Absent> {
    let entry = free_address()?;
    let program = std::env::current_exe().map_err(Absent::because)?;
    let arguments = ["copy".to_owned(), entry.to_string(), upstream.to_string(), bytes.to_string()];
    relay(peer, entry, Command::new(program).args(arguments))
}

/// One process per connection.
pub(super) fn start_socat(upstream: SocketAddr) -> Result<Relay, Absent> {
    let entry = free_address()?;
    let listen =
        format!("TCP4-LISTEN:{},bind={},fork,reuseaddr,nodelay,backlog=1024", entry.port(), entry.ip());
    let connect = format!("TCP4:{upstream},nodelay");
    relay(Peer::Socat, entry, Command::new("socat").args(["-b", "262144", &listen, &connect]))
}

/// Spliced in the kernel where that pays, one thread per core, as many connections as open files allow.
pub(super) fn start_haproxy(upstream: SocketAddr) -> Result<Relay, Absent> {
    let entry = free_address()?;
    let configuration = format!(
        "defaults\n  mode tcp\n  option splice-auto\n  timeout connect 5s\n  \
         timeout client 1h\n  timeout server 1h\nlisten relay\n  bind {entry} backlog 1024\n  server upstream {upstream}\n"
    );
    let file = Scratch::write(&format!("haproxy-{}.cfg", entry.port()), &configuration)?;
    relay(Peer::Haproxy, entry, Command::new("haproxy").arg("-db").arg("-f").arg(&file.path))
}

/// A file that is needed only until its reader has started.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn write(name: &str, text: &str) -> Result<Self, Absent> {
        let path = std::env::temp_dir().join(format!("proxy-bench-{}-{name}", std::process::id()));
        fs::write(&path, text).map_err(Absent::because)?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.path);
    }
}
