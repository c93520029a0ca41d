//! Bytes from strangers at a station's port: refused, bounded, and the next good request is served.

use std::ops::Range;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use clock_core::VersionVector;
use clock_core::wire::message::{Claim, Hello, Message, Role};
use clock_core::wire::{Request, Terms, frame};
use clock_tests::processes::{PATIENCE, Processes, put_request, run_processes, station};
use clock_tests::setting::setting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Sends bytes, and reads until the station closes or has said nothing more for a moment.
async fn throw(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("the station listens");
    // The station may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the station closes a session whose client has left");
    answer
}

fn valid_session() -> Vec<u8> {
    let hello = Hello { cluster: station("constellation"), role: Role::Client };
    let status = Message::Request { number: 1, terms: Terms::default(), request: Request::Status };
    [Message::Hello(hello), status].iter().flat_map(|message| message.to_frame().expect("fits")).collect()
}

/// How many hostile inputs a test throws: `HOSTILE` (10,000) in all, half of them by each of the two tests.
fn inputs() -> u64 {
    setting("HOSTILE", 10_000) / 2
}

/// How many strangers are at the door at one time: fewer than it lets in.
const STRANGERS: u64 = 24;
/// Inputs before memory is measured for the first time: pools and pages are in use by then.
const WARM_UP: u64 = 500;
/// What a station may have grown by, however much was thrown at it.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// Throws so many inputs at a station, many at a time; input `n` is drawn with seed `seed + n`.
async fn throw_all(address: &str, seed: u64, range: Range<u64>, draw: fn(&mut fastrand::Rng) -> Vec<u8>) {
    let strangers: Vec<_> = (0..STRANGERS)
        .map(|stranger| {
            let (address, range) = (address.to_owned(), range.clone());
            spawn_local(async move {
                for n in range.filter(|n| n % STRANGERS == stranger) {
                    throw(&address, &draw(&mut fastrand::Rng::with_seed(seed + n))).await;
                }
            })
        })
        .collect();
    for stranger in strangers {
        stranger.await.expect("the station closes its sessions");
    }
}

/// Throws everything, and looks at the station's memory in between.
async fn memory_stays(processes: &Processes, seed: u64, draw: fn(&mut fastrand::Rng) -> Vec<u8>) {
    let address = processes.place("pacific").address;
    throw_all(&address, seed, 0..WARM_UP, draw).await;
    let before = processes.memory_bytes("pacific");
    throw_all(&address, seed, WARM_UP..inputs().max(WARM_UP), draw).await;
    let after = processes.memory_bytes("pacific");
    println!("{} inputs, memory {} KiB before and {} KiB after", inputs(), before / 1024, after / 1024);
    assert!(after < before + GROWTH_BYTES_MAX, "memory grew from {before} to {after} bytes");
}

fn mutated_session(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = valid_session();
    for _ in 0..=rng.usize(..4) {
        let at = rng.usize(..bytes.len());
        match rng.u8(..4) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes.truncate(at.max(1)),
            2 => bytes.insert(at, rng.u8(..)),
            _ => bytes[at] = rng.u8(..),
        }
    }
    bytes
}

/// Disproved by a station that crashes, hangs, stores something, grows, or does not serve the next request.
#[test]
fn mutated_frames_change_nothing() {
    run_processes(async {
        let seed = 4711;
        println!("seed {seed}");
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let kept = processes.put("pacific", "kept", "value").await;
        let address = processes.place("pacific").address;
        assert!(throw(&address, &valid_session()).await.len() > 100, "the unmutated session is answered");
        memory_stays(&processes, seed, mutated_session).await;
        let status = processes.client("pacific").await.status().await.expect("pacific still answers");
        assert_eq!((status.keys, status.held_back, status.quarantined), (1, 0, 0));
        assert_eq!(processes.history("pacific", "kept").await, [kept.dot].into());
        processes.stop().await;
    });
}

/// A request whose checksum is right: what is tested is everything behind it.
fn mutated_request(rng: &mut fastrand::Rng) -> Vec<u8> {
    let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
    let request =
        Message::Request { number: 1, terms: Terms::default(), request: put_request("kept", "mutated") };
    let frame = request.to_frame().expect("fits");
    let (kind, mut body) = (frame[7], frame[14..].to_vec());
    for _ in 0..=rng.usize(..3) {
        let at = rng.usize(..body.len());
        match rng.u8(..3) {
            0 => body[at] ^= 1 << rng.u8(..8),
            1 => body.insert(at, rng.u8(..)),
            _ => body[at] = [0, 1, 0x7f, 0xfb, 0xfc, 0xfd, 0xfe, 0xff][rng.usize(..8)],
        }
    }
    let mutated = frame::encode(kind, &body).expect("fits");
    [hello.to_frame().expect("fits").as_ref(), mutated.as_ref()].concat()
}

/// Disproved by a station that crashes, hangs, grows beyond what it stored, or cannot read what it stored.
#[test]
fn mutated_requests_with_a_right_checksum_do_no_harm() {
    run_processes(async {
        let seed = 815;
        println!("seed {seed}");
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        processes.put("pacific", "kept", "value").await;
        memory_stays(&processes, seed, mutated_request).await;
        // All that was accepted travels, so the other station can read it; and a restart can, too.
        let kept = processes.history("pacific", "kept").await;
        let arrived = async |processes: &mut Processes| processes.history("atlantic", "kept").await == kept;
        processes.until(&format!("atlantic has all {} writes", kept.len()), arrived).await;
        processes.kill("pacific").await;
        processes.restart("pacific").await;
        assert_eq!(processes.history("pacific", "kept").await, kept);
        let status = processes.client("pacific").await.status().await.expect("pacific answers");
        assert_eq!(status.quarantined, 0);
        processes.stop().await;
    });
}

/// Disproved by a refused client whose write is applied all the same, or that keeps its connection.
#[test]
fn a_client_of_another_cluster_writes_nothing_and_is_sent_away() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let hello = Message::Hello(Hello { cluster: station("other"), role: Role::Client });
        let put = Message::Request {
            number: 1,
            terms: Terms::default(),
            request: put_request("intruder", "value"),
        };
        let bytes: Vec<u8> =
            [hello, put].iter().flat_map(|message| message.to_frame().expect("fits")).collect();
        let mut stream = TcpStream::connect(&address).await.expect("the station listens");
        stream.write_all(&bytes).await.expect("written");
        let mut answer = Vec::new();
        let closed = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "the station keeps the connection of a client it refused");
        let mut buffer = BytesMut::from(answer.as_slice());
        let frame = frame::cut(&mut buffer, frame::FRAME_BYTES_MAX).expect("a frame").expect("a whole frame");
        assert!(matches!(Message::from_frame(&frame), Ok(Message::Refused(_))), "{frame:?}");
        assert_eq!(processes.get("pacific", "intruder").await, None);
        processes.stop().await;
    });
}

/// Disproved by a stranger who is not told that this is no place for him, or who costs memory.
#[test]
fn other_protocols_and_huge_claims_are_refused_at_once() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let huge = [u32::MAX.to_be_bytes().as_slice(), b"CK"].concat();
        for (bytes, complaint) in [
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "frame length 1195725856"),
            (huge, "frame length 4294967295"),
            (vec![0, 0, 0, 0], "frame length 0"),
            (b"\0\0\0\x20not ours".to_vec(), "frame magic"),
        ] {
            let answer = String::from_utf8_lossy(&throw(&address, &bytes).await).into_owned();
            assert!(
                answer.contains(complaint),
                "to {bytes:02x?} the station said {answer:?}, expected {complaint:?}"
            );
        }
        processes.put("pacific", "key", "still served").await;
        processes.stop().await;
    });
}

/// Disproved by a stranger, or a peer of another cluster, whose claims or events are taken.
#[test]
fn a_stranger_that_calls_itself_a_station_is_refused() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let hello = |cluster: &str, name: &str| {
            let replica = format!("{name}.00000001").parse().expect("valid");
            let claim = Claim { replica, durable: VersionVector::new() };
            let hello = Hello { cluster: station(cluster), role: Role::Peer(claim) };
            Message::Hello(hello).to_frame().expect("fits")
        };
        for (cluster, name) in
            [("constellation", "stranger"), ("constellation", "pacific"), ("other", "atlantic")]
        {
            let answer = throw(&address, &hello(cluster, name)).await;
            let mut buffer = BytesMut::from(answer.as_slice());
            let frame =
                frame::cut(&mut buffer, frame::FRAME_BYTES_MAX).expect("a frame").expect("a whole frame");
            let said = Message::from_frame(&frame).expect("a message");
            assert!(matches!(said, Message::Refused(_)), "{name} of {cluster} was told {said:?}");
        }
        processes.put("pacific", "key", "still served").await;
        processes.stop().await;
    });
}

/// Disproved by a silent or dripping stranger that keeps its connection beyond the handshake limit.
#[test]
fn who_never_finishes_a_hello_is_sent_away() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let mut stream = TcpStream::connect(&address).await.expect("the station listens");
        let mut half = BytesMut::new();
        half.put_slice(&valid_session()[..9]);
        stream.write_all(&half).await.expect("written");
        let mut answer = Vec::new();
        let closed = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "the station still waits for the rest of a hello");
        assert!(String::from_utf8_lossy(&answer).contains("no hello in time"), "{answer:?}");
        processes.put("pacific", "key", "others were served meanwhile").await;
        processes.stop().await;
    });
}
