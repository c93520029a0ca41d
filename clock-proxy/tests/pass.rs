//! Without a fault the proxy is a wire: bytes, ends and refusals pass as they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, framed, listener, numbered, send};
use clock_proxy::topology::{Framing, Origin};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Writes in random pieces, some of them only after a pause of the scheduler.
async fn write_in_pieces(stream: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8], seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !bytes.is_empty() {
        let size = if random.bool() { random.usize(1..20) } else { random.usize(1..200_000) };
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
        bytes = rest;
    }
}

fn random_frames(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = Vec::new();
    for _ in 0..400 {
        let size = if random.u8(..) < 16 { random.usize(0..300_000) } else { random.usize(0..300) };
        let payload: Vec<u8> = (0..size).map(|_| random.u8(..)).collect();
        bytes.extend(framed(&payload));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_are_byte_identical_however_the_stream_is_cut() {
    for seed in 0..3 {
        let bench = Bench::new().await;
        let (near, far) = bench.connect("a", "b").await;
        let (there, back) = (random_frames(seed), random_frames(seed + 100));
        let (expected_there, expected_back) = (there.clone(), back.clone());
        let pass = |mut stream: TcpStream, bytes: Vec<u8>| async move {
            let (mut reader, mut writer) = stream.split();
            let mut received = Vec::new();
            let write = async {
                write_in_pieces(&mut writer, &bytes, seed).await;
                writer.shutdown().await.unwrap();
            };
            let read = async { reader.read_to_end(&mut received).await.unwrap() };
            tokio::join!(write, read);
            received
        };
        let both = async { tokio::join!(pass(near, there), pass(far, back)) };
        let (at_near, at_far) = bench.soon("both ends", both).await;
        assert!(at_far == expected_there, "a->b differs with seed {seed}");
        assert!(at_near == expected_back, "b->a differs with seed {seed}");
        assert_eq!(bench.stat("a->b", "frames").await, 400);
        assert_eq!(bench.stat("b->a", "desyncs").await, 0);
    }
}

#[tokio::test]
async fn a_half_close_is_passed_on_and_can_still_be_answered() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    send(&mut near, b"question").await;
    near.shutdown().await.unwrap();
    assert_eq!(bench.read_to_end(&mut far).await, framed(b"question"));
    far.write_all(&numbered(0..1000)).await.unwrap();
    drop(far);
    assert_eq!(bench.read_to_end(&mut near).await, numbered(0..1000));
    bench.until_stat("a->b", "conns", |conns| conns == 0).await;
}

#[tokio::test]
async fn an_abort_is_passed_on_as_an_abort() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    send(&mut near, b"last words").await;
    assert_eq!(bench.frame(&mut far).await, b"last words");
    near.set_zero_linger().unwrap();
    drop(near);
    let error = bench.soon("reset", far.read(&mut [0; 1])).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn half_a_frame_is_forwarded_when_its_sender_ends() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    let bytes = [framed(b"whole"), b"\0\0\0\x64half".to_vec()].concat();
    near.write_all(&bytes).await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(bench.read_to_end(&mut far).await, bytes);
}

#[tokio::test]
async fn a_length_that_cannot_be_makes_the_lane_raw_and_loses_nothing() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    let bytes = [framed(b"frame"), vec![0x5a; 3_000_000]].concat();
    let write = async {
        write_in_pieces(&mut near, &bytes, 1).await;
        near.shutdown().await.unwrap();
    };
    let ((), received) = tokio::join!(write, bench.read_to_end(&mut far));
    assert!(received == bytes);
    assert_eq!(bench.stat("a->b", "desyncs").await, 1);
}

#[tokio::test]
async fn a_station_that_refuses_or_is_unknown_shows_as_a_reset() {
    // Bound and not listening: the address refuses, and nobody else can get it meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = socket.local_addr().unwrap();
    let bench = Bench::with(|blueprint| blueprint.node("unknown", None)).await;
    bench.ok(&format!("node c {refusing}")).await;
    for link in ["a->c", "a->unknown"] {
        let mut near = bench.dial(link).await;
        let error = bench.soon("reset", near.read(&mut [0; 1])).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{link}");
        assert_eq!(bench.stat(link, "refused").await, 1);
    }
    let (_, real) = &bench.stations[2];
    bench.ok(&format!("node unknown {}", real.local_addr().unwrap())).await;
    let mut near = bench.dial("a->unknown").await;
    let mut far = bench.accept("c").await;
    send(&mut near, b"now").await;
    assert_eq!(bench.frame(&mut far).await, b"now");
}

#[tokio::test]
async fn a_raw_relay_passes_any_bytes_at_once_and_can_be_cut() {
    let server = listener().await;
    let upstream = server.local_addr().unwrap();
    let raw = format!("web=127.0.0.1:0={upstream}").parse().unwrap();
    let bench = Bench::with(|mut blueprint| {
        blueprint.raws.push((Origin::Flag("--raw"), raw));
        blueprint
    })
    .await;
    let mut near = bench.dial("client->web").await;
    let mut far = bench.soon("accept", server.accept()).await.unwrap().0;
    let mut byte = [0; 1];
    near.write_all(b"G").await.unwrap();
    bench.soon("one byte", far.read_exact(&mut byte)).await.unwrap();
    assert_eq!(&byte, b"G");
    bench.ok("cut web->client").await;
    far.write_all(b"held").await.unwrap();
    bench.until_stat("web->client", "held_bytes", |held| held == 4).await;
    near.write_all(b"E").await.unwrap();
    bench.soon("one byte", far.read_exact(&mut byte)).await.unwrap();
    bench.ok("heal").await;
    let mut four = [0; 4];
    bench.soon("four bytes", near.read_exact(&mut four)).await.unwrap();
    assert_eq!(&four, b"held");
}

#[tokio::test]
async fn all_links_are_raw_when_asked() {
    let bench = Bench::with(|mut blueprint| {
        blueprint.framing = Some(Framing::Raw);
        blueprint
    })
    .await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    near.write_all(b"x").await.unwrap();
    let mut byte = [0; 1];
    bench.soon("one byte", far.read_exact(&mut byte)).await.unwrap();
}
