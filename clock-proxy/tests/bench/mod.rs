//! What the integration tests share: a proxy between stations a, b and c on real loopback sockets, framed
//! reads and writes, and a deadline for every wait that prints the proxy's state when it passes.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use clock_proxy::Proxy;
use clock_proxy::topology::Blueprint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Generous: it only decides how long a failure takes.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A proxy, and the sockets where stations a, b and c really listen.
pub struct Bench {
    pub proxy: Proxy,
    pub stations: Vec<(&'static str, TcpListener)>,
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(|blueprint| blueprint).await
    }

    pub async fn with(change: impl FnOnce(Blueprint) -> Blueprint) -> Self {
        let mut blueprint = Blueprint { seed: Some(7), ..Blueprint::default() };
        let mut stations = Vec::new();
        for name in ["a", "b", "c"] {
            let listener = listener().await;
            let upstream = listener.local_addr().unwrap().to_string().parse().unwrap();
            blueprint = blueprint.node(name, Some(upstream));
            stations.push((name, listener));
        }
        let proxy = Proxy::start(change(blueprint).into_plan().unwrap()).await.unwrap();
        Self { proxy, stations }
    }

    /// Runs one line, which must succeed, and returns its JSON.
    pub async fn ok(&self, line: &str) -> String {
        let reply = self.reply(line).await;
        match reply.strip_prefix("ok ") {
            Some(json) => json.to_owned(),
            None => panic!("{line}: {reply}\n{}", self.state().await),
        }
    }

    pub async fn reply(&self, line: &str) -> String {
        self.soon(line, self.proxy.execute(line)).await.unwrap()
    }

    /// A number of `show stats` for one flow.
    pub async fn stat(&self, flow: &str, key: &str) -> u64 {
        let shown: serde_json::Value = serde_json::from_str(&self.ok("show stats").await).unwrap();
        let stats = shown["stats"].as_array().unwrap();
        let stat = stats.iter().find(|stat| stat["flow"] == flow).unwrap();
        stat[key].as_u64().unwrap()
    }

    /// Waits until a number of `show stats` is as wished.
    pub async fn until_stat(&self, flow: &str, key: &str, wish: impl Fn(u64) -> bool) -> u64 {
        let what = format!("{key} of {flow}");
        let look = async {
            loop {
                let value = self.stat(flow, key).await;
                if wish(value) {
                    return value;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        self.soon(&what, look).await
    }

    pub fn address(&self, link: &str) -> SocketAddr {
        self.proxy.links()[link]
    }

    /// Dials a link without accepting at its other end.
    pub async fn dial(&self, link: &str) -> TcpStream {
        self.soon("dial", TcpStream::connect(self.address(link))).await.unwrap()
    }

    pub async fn accept(&self, station: &str) -> TcpStream {
        let (_, listener) = self.stations.iter().find(|(name, _)| *name == station).unwrap();
        self.soon("accept", listener.accept()).await.unwrap().0
    }

    /// Dials `from->to`, and returns both ends.
    pub async fn connect(&self, from: &str, to: &str) -> (TcpStream, TcpStream) {
        let near = self.dial(&format!("{from}->{to}")).await;
        (near, self.accept(to).await)
    }

    /// Reads one frame's payload.
    pub async fn frame(&self, stream: &mut TcpStream) -> Vec<u8> {
        self.soon("a frame", read_frame(stream)).await
    }

    /// Reads numbered frames, as [`numbered`] makes them.
    pub async fn numbers(&self, stream: &mut TcpStream, count: u32) -> Vec<u32> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(u32::from_be_bytes(self.frame(stream).await[..4].try_into().unwrap()));
        }
        numbers
    }

    pub async fn read_to_end(&self, stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.soon("the end", stream.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }

    /// Fails, with the proxy's state, if this takes too long.
    pub async fn soon<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(value) => value,
            Err(_) => panic!("no {what} after {DEADLINE:?}\n{}", self.state().await),
        }
    }

    pub async fn state(&self) -> String {
        let shown = tokio::time::timeout(DEADLINE, self.proxy.execute("show")).await;
        shown.ok().flatten().unwrap_or_else(|| "the proxy does not answer".to_owned())
    }
}

pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub fn framed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

pub async fn send(stream: &mut TcpStream, payload: &[u8]) {
    stream.write_all(&framed(payload)).await.unwrap();
}

/// Frames that carry their number, of different sizes.
pub fn numbered(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let frame = |number: u32| {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(4 + usize::try_from(number % 50).unwrap(), 0xab);
        framed(&payload)
    };
    numbers.flat_map(frame).collect()
}

async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.unwrap();
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
    stream.read_exact(&mut payload).await.unwrap();
    payload
}

/// True if nothing arrives for a moment. A false `true` is possible, a false `false` is not, so it can only
/// miss a mistake; whatever must *not* arrive is also looked for afterwards, in the order of what did.
pub async fn is_silent(stream: &mut TcpStream) -> bool {
    let mut byte = [0; 1];
    let peeked = tokio::time::timeout(Duration::from_millis(50), stream.peek(&mut byte)).await;
    peeked.is_err()
}
