//! One real station and the command line against it.

#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A station process with an empty store; killed when dropped.
pub struct Station {
    child: Child,
    pub address: String,
    folder: tempfile::TempDir,
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, with nothing from the environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clock-node"));
    command.env_remove("CLOCK_NODE_AT").env_remove("CLOCK_CLUSTER").env_remove("CLOCK_LOG");
    command
}

/// An address at which nobody listens.
pub fn nobody() -> String {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    unused.local_addr().expect("bound").to_string()
}

/// A station without peers.
pub fn start() -> Station {
    start_with(&[])
}

/// A station of a cluster of four whose peers are all away.
pub fn start_alone_of_four() -> Station {
    let peers = ["indian_ocean", "atlantic", "antarctic"].map(|peer| format!("--peer={peer}={}", nobody()));
    start_with(&peers.each_ref().map(String::as_str))
}

fn start_with(flags: &[&str]) -> Station {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = program();
    command.args(["run", "pacific", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).args(flags);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the station starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a ready line");
    let ready: Value =
        serde_json::from_str(line.strip_prefix("ready ").expect("a ready line")).expect("JSON");
    let address = ready["listen"].as_str().expect("an address").to_owned();
    assert_ne!(address, "127.0.0.1:0", "the bound port is printed");
    Station { child, address, folder }
}

impl Station {
    /// A folder for what a test keeps beside the station's data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        program().args(arguments).args(["--at", &self.address]).output().expect("the command runs")
    }

    /// Runs a command that must end with this exit code, and returns its JSON lines.
    pub fn json(&self, arguments: &[&str], code: i32) -> Vec<Value> {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        let lines = String::from_utf8(output.stdout).expect("text");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// As [`json`](Self::json), of a command that prints one line.
    pub fn one(&self, arguments: &[&str], code: i32) -> Value {
        let lines = self.json(arguments, code);
        assert_eq!(lines.len(), 1, "{arguments:?}: expected one line, got {lines:?}");
        lines.into_iter().next().expect("one line")
    }

    /// Runs a command that must end with this exit code, and returns what it said to people: answers, then errors.
    pub fn text(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said:?}");
        said.concat()
    }
}

/// The text of a JSON field.
pub fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected a text, got {value}")).to_owned()
}
