//! Connections that end before their time: limit, slow-close, black hole, reset, and the actions of one moment.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bench::{Bench, framed, is_silent, numbered, send};
use clock_proxy::topology::Blueprint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Reads what comes before the end, and says how it ended.
async fn read_to_abort(bench: &Bench, stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 4096]);
    loop {
        match bench.soon("the end", stream.read(&mut buffer)).await {
            Ok(0) => return (bytes, None),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) => return (bytes, Some(error.kind())),
        }
    }
}

#[tokio::test]
async fn a_limit_lets_exactly_so_many_bytes_through_and_closes_both_sides() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("limit a->b 1KB").await;
    near.write_all(&numbered(0..200)).await.unwrap();
    assert_eq!(read_to_abort(&bench, &mut far).await, (numbered(0..200)[..1000].to_vec(), None));
    assert_eq!(read_to_abort(&bench, &mut near).await, (Vec::new(), None));
    drop((near, far));
    bench.until_stat("a->b", "conns", |conns| conns == 0).await;
}

/// Disproved by a connection that stays because one side has aborted and the other one never ends.
#[tokio::test]
async fn a_limit_ends_a_connection_whose_client_has_aborted() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("limit a->b 1KB").await;
    near.write_all(&numbered(0..200)).await.unwrap();
    assert_eq!(read_to_abort(&bench, &mut far).await.0.len(), 1000);
    near.set_zero_linger().unwrap();
    drop(near);
    bench.until_stat("a->b", "conns", |conns| conns == 0).await;
    drop(far);
}

#[tokio::test]
async fn a_slow_close_delays_the_end_and_nothing_else() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("slow-close a->b 200ms").await;
    let start = Instant::now();
    send(&mut near, b"last").await;
    near.shutdown().await.unwrap();
    assert_eq!(bench.frame(&mut far).await, b"last");
    assert!(start.elapsed() < Duration::from_millis(150), "the frame was late");
    assert_eq!(bench.read_to_end(&mut far).await, b"");
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_black_hole_swallows_and_closes_after_a_while_or_with_its_rule() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("black-hole a->b").await;
    send(&mut near, b"lost").await;
    bench.until_stat("a->b", "dropped", |dropped| dropped == 1).await;
    assert!(is_silent(&mut far).await);
    send(&mut far, b"back").await;
    assert_eq!(bench.frame(&mut near).await, b"back", "the other way is open");
    bench.ok("black-hole a->b off").await;
    assert_eq!(read_to_abort(&bench, &mut far).await, (Vec::new(), None));
    assert_eq!(read_to_abort(&bench, &mut near).await, (Vec::new(), None));

    let (near, mut far) = bench.connect("a", "b").await;
    let start = Instant::now();
    bench.ok("black-hole a->b close=100ms").await;
    assert_eq!(read_to_abort(&bench, &mut far).await, (Vec::new(), None));
    assert!(start.elapsed() >= Duration::from_millis(100));
    drop(near);
}

#[tokio::test]
async fn a_reset_by_command_aborts_both_sides_once() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    let (mut other, mut other_far) = bench.connect("a", "c").await;
    bench.ok("reset a->b").await;
    assert_eq!(read_to_abort(&bench, &mut near).await.1, Some(ErrorKind::ConnectionReset));
    assert_eq!(read_to_abort(&bench, &mut far).await.1, Some(ErrorKind::ConnectionReset));
    let (mut near, mut far) = bench.connect("a", "b").await;
    for (from, to) in [(&mut near, &mut far), (&mut other, &mut other_far)] {
        send(from, b"still here").await;
        assert_eq!(bench.frame(to).await, b"still here");
    }
}

/// Disproved by a connection that was there before a command, and that the command has passed by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_meets_every_connection_that_was_shown_before_it() {
    let bench = Bench::with(|blueprint| Blueprint { threads: NonZeroUsize::new(1), ..blueprint }).await;
    let ordinals = async || -> BTreeSet<String> {
        let shown: serde_json::Value = serde_json::from_str(&bench.ok("show conns").await).unwrap();
        let conns = shown["conns"].as_array().unwrap();
        conns.iter().map(|conn| conn["conn"].as_str().unwrap().to_owned()).collect()
    };
    for _ in 0..5 {
        let dialled: Vec<_> =
            (0..100).map(|_| std::net::TcpStream::connect(bench.address("a->b")).unwrap()).collect();
        let before = ordinals().await;
        bench.ok("reset a->b").await;
        let gone = async {
            while ordinals().await.intersection(&before).next().is_some() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        bench.soon("end of all connections", gone).await;
        drop(dialled);
    }
}

#[tokio::test]
async fn a_reset_after_frames_delivers_exactly_so_many() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("reset a->b after=100").await;
    near.write_all(&numbered(0..300)).await.unwrap();
    let (bytes, end) = read_to_abort(&bench, &mut far).await;
    assert_eq!((bytes, end), (numbered(0..100), Some(ErrorKind::ConnectionReset)));
    assert_eq!(read_to_abort(&bench, &mut near).await.1, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_reset_after_a_time_loses_what_is_sent_until_then_only_if_asked() {
    let bench = Bench::new().await;
    for (rule, expected) in
        [("reset a->b after=100ms", framed(b"x")), ("reset a->b after=100ms bytes=lose", vec![])]
    {
        let (mut near, mut far) = bench.connect("a", "b").await;
        let start = Instant::now();
        bench.ok(rule).await;
        send(&mut near, b"x").await;
        let (bytes, end) = read_to_abort(&bench, &mut far).await;
        assert_eq!((bytes, end), (expected, Some(ErrorKind::ConnectionReset)), "{rule}");
        assert!(start.elapsed() >= Duration::from_millis(100));
        bench.ok("clear").await;
    }
}

#[tokio::test]
async fn a_cut_in_mode_reset_aborts_what_is_there_and_what_comes() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b mode=reset").await;
    assert_eq!(read_to_abort(&bench, &mut near).await.1, Some(ErrorKind::ConnectionReset));
    assert_eq!(read_to_abort(&bench, &mut far).await.1, Some(ErrorKind::ConnectionReset));
    // The abort may be there before the dial has looked whether it succeeded.
    let end = match TcpStream::connect(bench.address("a->b")).await {
        Ok(mut late) => read_to_abort(&bench, &mut late).await.1,
        Err(error) => Some(error.kind()),
    };
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    bench.ok("heal").await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    send(&mut near, b"healed").await;
    assert_eq!(bench.frame(&mut far).await, b"healed");
}

#[tokio::test]
async fn injected_bytes_come_between_two_frames_once() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    near.write_all(&[&framed(b"one")[..], &framed(b"half")[..6]].concat()).await.unwrap();
    assert_eq!(bench.frame(&mut far).await, b"one");
    bench.ok("inject a->b hex=00000002beef").await;
    near.write_all(&framed(b"half")[6..]).await.unwrap();
    assert_eq!(bench.frame(&mut far).await, [0xbe, 0xef]);
    assert_eq!(bench.frame(&mut far).await, b"half");
    let (mut later, mut later_far) = bench.connect("a", "b").await;
    send(&mut later, b"no more").await;
    assert_eq!(bench.frame(&mut later_far).await, b"no more");
}

/// Disproved by a FIN or an RST that reaches b while its flow is cut.
#[tokio::test]
async fn nothing_of_an_end_crosses_a_cut() {
    let bench = Bench::new().await;
    let (near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b; black-hole a->b close=20ms").await;
    assert!(is_silent(&mut far).await);
    bench.ok("heal").await;
    assert_eq!(read_to_abort(&bench, &mut far).await, (Vec::new(), None));
    drop(near);
}
