//! Without a fault the proxy is a wire: bytes, ends and refusals pass as they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use bench::{Bench, framed, listener, numbered, send};
use clock_proxy::frame::{Endian, Framing};
use clock_proxy::topology::{Blueprint, Origin};
use std::time::Duration;
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

/// 400 frames of u32be, or of another framing with its length at `offset` and of `width` bytes.
fn random_frames(seed: u64, framing: Framing) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = Vec::new();
    for _ in 0..400 {
        let size = if random.u8(..) < 16 { random.usize(0..300_000) } else { random.usize(0..300) };
        let Framing::Prefixed(prefix) = framing else { continue };
        let size = if prefix.width.bytes() < 4 { size % 200 } else { size };
        let counted = size + if prefix.is_inclusive { prefix.header_bytes() } else { 0 };
        let length = u64::try_from(counted).unwrap();
        bytes.extend(std::iter::repeat_n(0xff, prefix.offset.into()));
        match prefix.endian {
            Endian::Big => bytes.extend(&length.to_be_bytes()[8 - prefix.width.bytes()..]),
            Endian::Little => bytes.extend(&length.to_le_bytes()[..prefix.width.bytes()]),
        }
        bytes.extend((0..size + usize::from(prefix.extra)).map(|_| random.u8(..)));
    }
    bytes
}

/// Writes `bytes` in pieces, then FIN, and reads what comes back until its FIN.
async fn exchange(mut stream: TcpStream, bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    let (mut reader, mut writer) = stream.split();
    let mut received = Vec::new();
    let write = async {
        write_in_pieces(&mut writer, &bytes, seed).await;
        writer.shutdown().await.unwrap();
    };
    let read = async { reader.read_to_end(&mut received).await.unwrap() };
    tokio::join!(write, read);
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_are_byte_identical_however_the_stream_is_cut() {
    let words = ["u32be", "u32le", "u64be", "u16le+header=3", "u8+offset=2", "u32be+offset=4+inclusive"];
    for (seed, word) in (0..).zip(words) {
        let framing: Framing = word.parse().unwrap();
        let bench = Bench::with(|blueprint| Blueprint { framing: Some(framing), ..blueprint }).await;
        let (near, far) = bench.connect("a", "b").await;
        let (there, back) = (random_frames(seed, framing), random_frames(seed + 100, framing));
        let both =
            async { tokio::join!(exchange(near, there.clone(), seed), exchange(far, back.clone(), seed)) };
        let (at_near, at_far) = bench.soon("both ends", both).await;
        assert!(at_far == there, "a->b differs with {word}");
        assert!(at_near == back, "b->a differs with {word}");
        assert_eq!(bench.stat("a->b", "frames").await, 400, "{word}");
        assert_eq!(bench.stat("b->a", "desyncs").await, 0, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_lanes_pass_any_bytes_both_ways() {
    let bench = Bench::with(|blueprint| Blueprint { framing: Some(Framing::Raw), ..blueprint }).await;
    let (near, far) = bench.connect("a", "b").await;
    let (there, back) = (random_frames(1, Framing::U32BE), random_frames(2, Framing::U32BE));
    let both = async { tokio::join!(exchange(near, there.clone(), 1), exchange(far, back.clone(), 2)) };
    let (at_near, at_far) = bench.soon("both ends", both).await;
    assert!(at_far == there && at_near == back);
}

#[tokio::test]
async fn half_a_frame_that_waits_too_long_is_passed_on() {
    let timeout = Some(Duration::from_millis(20));
    let bench = Bench::with(|blueprint| Blueprint { frame_timeout: timeout, ..blueprint }).await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    send(&mut near, b"frame").await;
    assert_eq!(bench.frame(&mut far).await, b"frame");
    near.write_all(b"!").await.unwrap();
    let mut byte = [0; 1];
    bench.soon("one byte", far.read_exact(&mut byte)).await.unwrap();
    assert_eq!((&byte, bench.stat("a->b", "desyncs").await), (b"!", 1));
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
