//! Who is slow costs disk, and neither memory nor anybody else's time (rules 6 and 7 of docs/protocol.md).

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::{Hello, Message, Role};
use clock_core::wire::{Notice, Request, Response, Terms, WriteContext};
use clock_core::{BodyKind, RequestId, VersionVector};
use clock_node::net::client::Client;
use clock_tests::processes::{PATIENCE, Processes, key, put_request, run_processes, station};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;

const KIB: usize = 1024;
/// How long one answer may take while others are slow: what a disk takes on a noisy machine, and no more.
const ANSWER: Duration = Duration::from_secs(5);
/// What a station may grow by, however much it could not ship.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// Writes so many values of so many bytes at a station, a few clients at a time, each over keys of its own.
async fn write_values(processes: &Processes, name: &str, count: usize, bytes: usize) {
    const CLIENTS: usize = 8;
    let address = processes.place(name).address;
    let writers: Vec<_> = (0..CLIENTS)
        .map(|writer| {
            let address = address.clone();
            spawn_local(async move {
                let mut client = connected(&address).await;
                for n in (writer..count).step_by(CLIENTS) {
                    let value = vec![b'a' + u8::try_from(n % 26).expect("a letter"); bytes];
                    let asked = Instant::now();
                    let answer = client.request(put(&format!("load/{writer}"), value)).await;
                    answer.unwrap_or_else(|error| panic!("write {n} of {bytes} bytes: {error}"));
                    assert!(asked.elapsed() < ANSWER, "write {n} took {:?}", asked.elapsed());
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("every write is answered in time");
    }
}

fn put(key_text: &str, value: Vec<u8>) -> Request {
    Request::Put {
        key: key(key_text),
        kind: BodyKind::OPAQUE,
        value: Bytes::from(value),
        context: WriteContext::StationView,
        request: RequestId(fastrand::u128(..)),
    }
}

async fn connected(address: &str) -> Client {
    let connected = Client::connect(address, &station("constellation"), ANSWER).await;
    connected.unwrap_or_else(|error| panic!("{address}: {error}"))
}

async fn durable(processes: &mut Processes, name: &str) -> VersionVector {
    let status = processes.client(name).await.status().await;
    status.unwrap_or_else(|error| panic!("status of {name}: {error}")).durable
}

async fn until_has(processes: &mut Processes, name: &str, all: &VersionVector) {
    let has = async |processes: &mut Processes| durable(processes, name).await == *all;
    processes.until(&format!("{name} has {all}"), has).await;
}

/// A client that says hello and these requests, and reads nothing. Its machine takes a few KiB.
async fn deaf(address: &str, requests: Vec<Request>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address: SocketAddr = address.parse().expect("an address");
    let mut stream = socket.connect(address).await.expect("the station listens");
    let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
    let requests = (1..).zip(requests).map(|(number, request)| Message::Request {
        number,
        terms: Terms::default(),
        request,
    });
    for message in std::iter::once(hello).chain(requests) {
        let frame = message.to_frame().expect("fits");
        // The station stops reading from a client that has too much open: that is what is wanted here.
        if timeout(Duration::from_secs(1), stream.write_all(&frame)).await.is_err() {
            break;
        }
    }
    stream
}

/// Disproved by a station that gets its events later because another one is slow, or by a slow one that never gets them.
#[test]
fn slow_peer_does_not_delay_others() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic", "indian_ocean"]).await;
        processes.others_write_too();
        processes.proxy("rate *->atlantic 64KiB/s scope=node").await;
        write_values(&processes, "pacific", 256, 32 * KIB).await;
        let all = durable(&mut processes, "pacific").await;
        until_has(&mut processes, "indian_ocean", &all).await;
        let behind = durable(&mut processes, "atlantic").await;
        assert_ne!(behind, all, "atlantic was to be slow, and has everything already");
        processes.proxy("clear").await;
        until_has(&mut processes, "atlantic", &all).await;
        processes.stop().await;
    });
}

/// Disproved by writes that are answered or replicated later because a watcher does not read, by a watcher that is not
/// told that it fell behind, or by a write that it is not told of when it reads again, or twice.
#[test]
fn slow_watcher_does_not_stall_replication() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        let from_the_start = Request::Watch { after: Some(VersionVector::new()) };
        let watcher = deaf(&processes.place("pacific").address, vec![from_the_start]).await;
        // More than its queues and both sockets hold.
        write_values(&processes, "pacific", 2560, 8 * KIB).await;
        let all = durable(&mut processes, "pacific").await;
        until_has(&mut processes, "atlantic", &all).await;
        let told = timeout(PATIENCE, told_of(watcher, &all)).await;
        let (lagged, replayed) = told.unwrap_or_else(|_| panic!("the watcher is not told of {all}"));
        println!(
            "a watcher that did not read: told {lagged} times that it lagged, {replayed} writes from the log"
        );
        assert!(lagged > 0 && replayed > 0, "it fell behind: {lagged} times told, {replayed} from the log");
        resumes_elsewhere(&mut processes, all).await;
        processes.stop().await;
    });
}

/// Reads notices until their writes make up `all`: each once, behind its past. Returns how often the watcher was told
/// that it had lagged, and how many writes came from the log.
async fn told_of(mut watcher: TcpStream, all: &VersionVector) -> (usize, usize) {
    let (mut buffer, mut told) = (BytesMut::new(), VersionVector::new());
    let (mut lagged, mut replayed) = (0, 0);
    while told != *all {
        let read = watcher.read_buf(&mut buffer).await.expect("the connection stays");
        assert!(read > 0, "the station closed the connection of a slow watcher that was told of {told}");
        while let Some(frame) = frame::cut(&mut buffer, FRAME_BYTES_MAX).expect("frames") {
            let dot = match Message::from_frame(&frame).expect("a message") {
                Message::Notice(Notice::Lagged { .. }) => {
                    lagged += 1;
                    continue;
                }
                Message::Notice(Notice::Replayed { entry, .. }) => {
                    replayed += 1;
                    entry.dot
                }
                Message::Notice(Notice::Applied(applied)) => applied.version.dots[0].clone(),
                _ => continue,
            };
            told.advance(&dot).unwrap_or_else(|error| panic!("told of {dot} after {told}: {error}"));
        }
    }
    (lagged, replayed)
}

/// With what it was told at one station a watcher goes on at another: disproved by an old write, or by a missing one.
async fn resumes_elsewhere(processes: &mut Processes, told: VersionVector) {
    let mut watcher = connected(&processes.place("atlantic").address).await;
    let written = processes.client("pacific").await.request(put_request("later", "value")).await;
    let Ok(Response::Written(receipt)) = written else { panic!("a write is answered: {written:?}") };
    let watching = watcher.request(Request::Watch { after: Some(told) }).await;
    assert_eq!(watching.expect("an answer"), Response::Watching);
    let notice = timeout(PATIENCE, watcher.notice()).await.expect("a notice in time").expect("a notice");
    let dot = match &notice {
        Notice::Replayed { entry, .. } => Some(&entry.dot),
        Notice::Applied(applied) => applied.version.dots.first(),
        _ => None,
    };
    assert_eq!(dot, Some(&receipt.dot), "the first that it was not told of; it came as {notice:?}");
}

/// Disproved by a station whose memory grows with what it cannot ship, or by a peer that never gets it.
#[test]
fn memory_stays_flat_during_partition() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        // Pages and pools are in use by then: the page cache of the store alone has 64 MiB.
        write_values(&processes, "pacific", 1280, 64 * KIB).await;
        processes.proxy("partition pacific | atlantic").await;
        let before = processes.memory_bytes("pacific");
        write_values(&processes, "pacific", 1600, 64 * KIB).await;
        let after = processes.memory_bytes("pacific");
        println!("100 MiB not shipped: memory {} KiB before, {} KiB after", before / 1024, after / 1024);
        assert!(after < before + GROWTH_BYTES_MAX, "memory grew from {before} to {after} bytes");
        processes.proxy("heal").await;
        let all = durable(&mut processes, "pacific").await;
        until_has(&mut processes, "atlantic", &all).await;
        processes.stop().await;
    });
}

/// Disproved by a client that waits because others ask without reading, or never finish what they began to say.
#[test]
fn two_clients_do_not_block_each_other() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        let address = processes.place("pacific").address;
        write_values(&processes, "pacific", 8, 64 * KIB).await;
        let get = Request::Get { key: key("load/0"), skip: 0 };
        let deaf_one = deaf(&address, vec![get; 5000]).await;
        let mut unfinished = deaf(&address, vec![]).await;
        let whole =
            Message::Request { number: 1, terms: Terms::default(), request: put_request("half", "said") };
        let whole = whole.to_frame().expect("fits");
        unfinished.write_all(&whole[..whole.len() / 2]).await.expect("written");

        let mut client = connected(&address).await;
        for n in 0..200 {
            let asked = Instant::now();
            let answer = client.request(put_request("other", &format!("value {n}"))).await;
            answer.unwrap_or_else(|error| panic!("write {n}: {error}"));
            assert!(asked.elapsed() < ANSWER, "write {n} took {:?}", asked.elapsed());
        }
        let all = durable(&mut processes, "pacific").await;
        until_has(&mut processes, "atlantic", &all).await;
        drop((deaf_one, unfinished));
        processes.stop().await;
    });
}
