//! What the HTTP tests share: a proxy with an API and no topology, and the plainest client there can be.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::net::SocketAddr;
use std::time::Duration;

use clock_proxy::Proxy;
use clock_proxy::topology::Blueprint;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Generous: it only decides how long a failure takes.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A proxy that is driven by HTTP.
pub struct Web {
    pub proxy: Proxy,
    pub api: SocketAddr,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let find = |line: &'_ str| {
            line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)).is_some()
        };
        self.head
            .lines()
            .find(|line| find(line))
            .and_then(|line| line.split_once(": "))
            .map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Web {
    pub async fn new() -> Self {
        Self::with(Blueprint::default()).await
    }

    pub async fn with(blueprint: Blueprint) -> Self {
        let api = Some("127.0.0.1:0".parse().unwrap());
        let plan = Blueprint { seed: Some(7), api, ..blueprint }.into_plan().unwrap();
        let proxy = Proxy::start(plan).await.unwrap();
        let api = proxy.api().unwrap();
        Self { proxy, api }
    }

    pub async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(method, path, body, "test").await
    }

    pub async fn ask_as(&self, method: &str, path: &str, body: &str, agent: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes()).await
    }

    /// Sends any bytes and reads the answer.
    pub async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = soon(TcpStream::connect(self.api)).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        soon(stream.read_to_end(&mut bytes)).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Asks, and fails unless the status is this.
    pub async fn expect(&self, status: u16, method: &str, path: &str, body: &str) -> Value {
        let answer = self.ask(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// Makes a proxy on a free port, and says where it listens.
    pub async fn relay(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let body = format!(r#"{{"name":"{name}","listen":"127.0.0.1:0","upstream":"{upstream}"}}"#);
        let made = self.expect(201, "POST", "/proxies", &body).await;
        made["listen"].as_str().unwrap().parse().unwrap()
    }

    /// A proxy named `web` in front of a server, and both ends of a connection through it.
    pub async fn connected(&self) -> (TcpListener, TcpStream, TcpStream) {
        let server = listener().await;
        let listen = self.relay("web", server.local_addr().unwrap()).await;
        let near = soon(TcpStream::connect(listen)).await.unwrap();
        let far = soon(server.accept()).await.unwrap().0;
        (server, near, far)
    }
}

pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Fails if this takes too long.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// Writes these bytes into one end and reads them from the other.
pub async fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    let write = async { from.write_all(bytes).await.unwrap() };
    soon(async { tokio::join!(write, async { to.read_exact(&mut read).await.unwrap() }) }).await;
    assert!(read == bytes, "other bytes arrived than were sent");
}
