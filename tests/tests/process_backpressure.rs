//! Who is slow costs disk, and neither memory nor anybody else's time (rules 6 and 7 of docs/protocol.md).

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::{Hello, Message, Refusal, Role};
use clock_core::wire::{Request, Terms, WriteContext};
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

/// Disproved by writes that are answered or replicated later because a watcher does not read, or by a watcher that
/// missed notices and keeps its connection.
#[test]
fn slow_watcher_does_not_stall_replication() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        let mut watcher =
            deaf(&processes.place("pacific").address, vec![Request::Watch { after: None }]).await;
        // More than its queues and both sockets hold.
        write_values(&processes, "pacific", 2560, 8 * KIB).await;
        let all = durable(&mut processes, "pacific").await;
        until_has(&mut processes, "atlantic", &all).await;
        let mut heard = Vec::new();
        let closed = timeout(PATIENCE, watcher.read_to_end(&mut heard)).await;
        assert!(closed.is_ok(), "the watcher that fell behind keeps its connection");
        if let Some(Message::Refused(said)) = last_message(&heard) {
            assert_eq!(said, Refusal::Lagged, "why the watcher was sent away");
        }
        processes.stop().await;
    });
}

/// The last whole message of what was read.
fn last_message(bytes: &[u8]) -> Option<Message> {
    let (mut buffer, mut last) = (BytesMut::from(bytes), None);
    while let Ok(Some(frame)) = frame::cut(&mut buffer, FRAME_BYTES_MAX) {
        last = Message::from_frame(&frame).ok();
    }
    last
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
