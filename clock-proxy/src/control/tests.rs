//! What no line of the grammar says: a trigger, on real sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::proxy::Proxy;
use crate::rule::{Action, ChangeKind};
use crate::topology::Blueprint;

const COUNT: u32 = 3000;

/// Frames that are nothing but their number.
fn frames(numbers: std::ops::Range<u32>) -> Vec<u8> {
    numbers.flat_map(|number| [4_u32.to_be_bytes(), number.to_be_bytes()].concat()).collect()
}

/// Reads until the connection ends, however it does.
async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        bytes.extend_from_slice(&buffer[..count]);
    }
    bytes
}

struct Bench {
    proxy: Proxy,
    near: TcpStream,
    far: TcpStream,
}

async fn bench() -> Bench {
    let station = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = station.local_addr().unwrap().to_string().parse().unwrap();
    let blueprint = Blueprint { seed: Some(1), ..Blueprint::default() };
    let plan = blueprint.node("a", None).node("b", Some(upstream)).into_plan().unwrap();
    let proxy = Proxy::start(plan).await.unwrap();
    let near = TcpStream::connect(proxy.links()["a->b"]).await.unwrap();
    let (far, _) = station.accept().await.unwrap();
    Bench { proxy, near, far }
}

impl Bench {
    /// Lets these changes wait for a frame of a->b.
    async fn on_frame(&self, frame: u64, line: &str) {
        let desk = self.proxy.desk();
        let directory = desk.directory();
        let flow = directory.node("a").zip(directory.node("b"));
        let flow = flow.and_then(|(a, b)| directory.flow(a, b)).unwrap();
        let Ok(Some(parsed)) = desk.parse(line, 1).await else { panic!("{line}") };
        let changes = parsed.commands.into_iter().map(|command| match command {
            Command::Change(change) => change,
            Command::Query(query) => panic!("{query:?}"),
        });
        let kind = ChangeKind::OnFrame { flow, connection: None, frame, changes: changes.collect() };
        desk.change(vec![Change { kind, text: line.to_owned() }], &mut Vec::new()).await.unwrap();
    }

    /// Sends all frames in writes of `chunk` bytes, as far as that goes, and returns what arrives.
    async fn exchange(self, chunk: usize) -> Vec<u8> {
        let Bench { proxy, mut near, mut far } = self;
        let sending = tokio::spawn(async move {
            for part in frames(0..COUNT).chunks(chunk) {
                if near.write_all(part).await.is_err() {
                    return;
                }
            }
            drop(near.shutdown().await);
        });
        let received = tokio::time::timeout(Duration::from_secs(20), read_all(&mut far)).await.unwrap();
        drop(sending.await);
        proxy.shutdown().await;
        received
    }
}

/// Disproved by one frame more or less at the far side, however the bytes come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_at_a_frame_leaves_exactly_the_frames_before_it() {
    for (frame, chunk) in [(1000, 1 << 20), (1000, 333), (1, 1 << 20), (0, 64)] {
        let bench = bench().await;
        bench.on_frame(u64::from(frame), "reset a<->b").await;
        let received = bench.exchange(chunk).await;
        assert!(received == frames(0..frame), "{} frames, expected {frame}", received.len() / 8);
    }
}

/// Disproved by a first lost frame that is not the one behind the trigger, or by a second round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_at_a_frame_begins_with_the_next_one_and_happens_once() {
    let bench = bench().await;
    bench.on_frame(500, "drop a->b count=3; delay a->b 1ms").await;
    let received = bench.exchange(1 << 20).await;
    assert!(received == [frames(0..500), frames(503..COUNT)].concat(), "{} frames", received.len() / 8);
}

/// Disproved by a lane that waits for the trigger of a frame that it has behind it already.
#[tokio::test]
async fn a_trigger_behind_a_lane_does_not_stop_it() {
    let mut bench = bench().await;
    bench.near.write_all(&frames(0..10)).await.unwrap();
    let mut first = vec![0; 80];
    bench.far.read_exact(&mut first).await.unwrap();
    bench.on_frame(5, "reset a<->b").await;
    assert_eq!(bench.exchange(1000).await, frames(0..COUNT));
}

/// Disproved by an action that a connection carries out which was accepted behind it.
#[tokio::test]
async fn an_action_is_for_the_connections_of_its_moment() {
    let Bench { proxy, mut near, far: _far } = bench().await;
    let desk = proxy.desk();
    let flows = desk.directory().flows().collect();
    let reset = ChangeKind::Act(Action::Reset { flows, connection: Some(1) });
    desk.change(vec![Change { kind: reset, text: String::new() }], &mut Vec::new()).await.unwrap();
    let wait = tokio::time::timeout(Duration::from_millis(100), near.read_u8()).await;
    assert!(wait.is_err(), "connection 0 was aborted in place of connection 1");
}
