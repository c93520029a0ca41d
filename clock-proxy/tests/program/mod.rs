//! The real program, with its standard input and output in hand.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Program {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    pub lines: Receiver<String>,
}

impl Program {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clock-proxy"));
        command.args(args).stderr(Stdio::null());
        Self::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines }
    }

    pub fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("a line on standard output")
    }

    pub fn ready(&self) -> serde_json::Value {
        let line = self.line();
        serde_json::from_str(line.strip_prefix("ready ").expect("the ready line")).unwrap()
    }

    pub fn say(&mut self, line: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.line()
    }

    /// A number of `show stats`, for one flow.
    pub fn stat(&mut self, flow: &str, key: &str) -> u64 {
        let reply = self.say("show stats");
        let shown: serde_json::Value = serde_json::from_str(reply.strip_prefix("ok ").unwrap()).unwrap();
        let stats = shown["stats"].as_array().unwrap();
        stats.iter().find(|stat| stat["flow"] == flow).unwrap()[key].as_u64().unwrap()
    }

    /// What the process keeps in memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Waits for the exit code.
    pub fn code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::yield_now();
        }
        panic!("still running after {DEADLINE:?}; last line: {:?}", self.lines.try_iter().last())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub const NODES: [&str; 4] = ["--node", "a", "--node", "b=127.0.0.1:9"];

pub fn with(more: &[&'static str]) -> Vec<&'static str> {
    NODES.iter().chain(more).copied().collect()
}
