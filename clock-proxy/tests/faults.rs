//! What the victims see while a fault is in force, and after.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use std::time::{Duration, Instant};

use bench::{Bench, framed, is_silent, numbered, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

#[tokio::test]
async fn held_frames_are_released_in_order_at_heal() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("partition a | b,c").await;
    near.write_all(&numbered(0..100)).await.unwrap();
    near.shutdown().await.unwrap();
    bench.ok("wait held a->b 100").await;
    assert!(is_silent(&mut far).await);
    assert_eq!(bench.stat("a->b", "frames").await, 0);
    bench.ok("heal; wait idle").await;
    assert_eq!(bench.read_to_end(&mut far).await, numbered(0..100), "the end comes behind the frames");
}

/// Disproved by a frame from b that does not arrive, or one from a that does, on either connection.
#[tokio::test]
async fn a_one_way_cut_stops_one_flow_on_both_connections() {
    let bench = Bench::new().await;
    let (mut a_near, mut b_far) = bench.connect("a", "b").await;
    let (mut b_near, mut a_far) = bench.connect("b", "a").await;
    bench.ok("cut a->b").await;
    send(&mut a_near, b"from a, own connection").await;
    send(&mut a_far, b"from a, the other's").await;
    bench.ok("wait held a->b 2").await;
    send(&mut b_far, b"from b").await;
    send(&mut b_near, b"from b, too").await;
    assert_eq!(bench.frame(&mut a_near).await, b"from b");
    assert_eq!(bench.frame(&mut a_far).await, b"from b, too");
    assert!(is_silent(&mut b_far).await && is_silent(&mut b_near).await);
    bench.ok("heal a->b").await;
    assert_eq!(bench.frame(&mut b_far).await, b"from a, own connection");
    assert_eq!(bench.frame(&mut b_near).await, b"from a, the other's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_lane_stops_reading_and_loses_nothing() {
    const HOLD: u64 = 64 << 10;
    let bench = Bench::with(|mut blueprint| {
        blueprint.hold_bytes = Some(usize::try_from(HOLD).unwrap());
        blueprint
    })
    .await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a<->b").await;
    // More than the bound and all socket buffers on the way together.
    let frames = 16_000_u32;
    let payload = vec![0x11; 2000];
    let all = u64::from(frames) * 2004;
    let writer = tokio::spawn(async move {
        for _ in 0..frames {
            send(&mut near, &payload).await;
        }
        near.shutdown().await.unwrap();
        near
    });
    bench.until_stat("a->b", "held_bytes", |held| held > HOLD * 9 / 10).await;
    assert!(is_silent(&mut far).await);
    let held = bench.stat("a->b", "held_bytes").await;
    assert!(held <= HOLD + 4096 + 2004, "{held} bytes are held with a bound of {HOLD}");
    assert!(!writer.is_finished(), "the writer was not held back");
    // Control still answers, and the change is in force at once.
    bench.ok("heal").await;
    let received = bench.read_to_end(&mut far).await;
    assert_eq!(u64::try_from(received.len()).unwrap(), all);
    assert!(received.chunks(2004).all(|frame| frame[..4] == 2000_u32.to_be_bytes()));
    drop(bench.soon("writer", writer).await.unwrap());
}

/// Half a frame is left unread by the rules when the lane is full. Disproved by a lane that takes it in after the heal
/// and does not go on reading: then its other half never comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_was_full_reads_on_after_the_heal() {
    let bench = Bench::with(|mut blueprint| {
        blueprint.hold_bytes = Some(8192);
        blueprint
    })
    .await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b").await;
    let all = framed(&[7; 1000]).repeat(8);
    let (first, second) = all.split_at(7 * 1004 + 500);
    near.write_all(first).await.unwrap();
    bench.ok("wait held a->b 7").await;
    bench.ok("heal").await;
    for _ in 0..7 {
        assert_eq!(bench.frame(&mut far).await, [7; 1000]);
    }
    near.write_all(second).await.unwrap();
    assert_eq!(bench.frame(&mut far).await, [7; 1000]);
}

#[tokio::test]
async fn a_stalled_flow_reads_nothing_and_everything_arrives_after_heal() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b mode=stall").await;
    near.write_all(&numbered(0..50)).await.unwrap();
    assert!(is_silent(&mut far).await);
    assert_eq!(bench.stat("a->b", "held_bytes").await, 0);
    bench.ok("heal").await;
    assert_eq!(bench.numbers(&mut far, 50).await, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_black_hole_loses_whole_frames_and_the_stream_stays_readable() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    near.write_all(&numbered(0..10)).await.unwrap();
    assert_eq!(bench.numbers(&mut far, 10).await.len(), 10);
    bench.ok("isolate a mode=drop").await;
    near.write_all(&numbered(10..30)).await.unwrap();
    bench.until_stat("a->b", "dropped", |dropped| dropped == 20).await;
    bench.ok("heal").await;
    near.write_all(&numbered(30..40)).await.unwrap();
    assert_eq!(bench.numbers(&mut far, 10).await, (30..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_delay_is_never_shorter_than_asked_and_keeps_the_order() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("delay a->b 100ms ±40ms").await;
    let start = Instant::now();
    near.write_all(&numbered(0..20)).await.unwrap();
    let first = bench.numbers(&mut far, 1).await;
    assert!(start.elapsed() >= Duration::from_millis(60), "after only {:?}", start.elapsed());
    let rest = bench.numbers(&mut far, 19).await;
    assert_eq!([first, rest].concat(), (0..20).collect::<Vec<_>>());
    assert_eq!(bench.stat("a->b", "delayed").await, 20);
    // The way back is not delayed; a long delay that ends sets its frames free.
    bench.ok("delay a->b 3600s").await;
    send(&mut near, b"late").await;
    bench.ok("wait held a->b 1").await;
    bench.ok("delay a->b off").await;
    assert_eq!(bench.frame(&mut far).await, b"late");
}

async fn reordered(seed: u64) -> Vec<u32> {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok(&format!("seed {seed}; reorder a<->b p=0.2 gap=3 max=60s")).await;
    near.write_all(&numbered(0..500)).await.unwrap();
    near.shutdown().await.unwrap();
    let order = bench.numbers(&mut far, 500).await;
    assert!(bench.stat("a->b", "reordered").await > 50);
    order
}

#[tokio::test]
async fn reordering_permutes_loses_nothing_and_repeats_with_its_seed() {
    let order = reordered(1).await;
    assert_eq!(reordered(1).await, order);
    assert_ne!(reordered(2).await, order);
    assert_ne!(order, (0..500).collect::<Vec<_>>());
    let mut sorted = order;
    sorted.sort_unstable();
    assert_eq!(sorted, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lone_reordered_frame_is_not_stuck() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("reorder a->b p=1 gap=100 max=50ms").await;
    let start = Instant::now();
    send(&mut near, b"alone").await;
    assert_eq!(bench.frame(&mut far).await, b"alone");
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_partition_cuts_between_its_groups_only() {
    let bench = Bench::new().await;
    bench.ok("partition a,b").await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    send(&mut near, b"same side").await;
    assert_eq!(bench.frame(&mut far).await, b"same side");
    let shown: serde_json::Value = serde_json::from_str(&bench.ok("show links").await).unwrap();
    let state = |link: &str| {
        let links = shown["links"].as_array().unwrap();
        links.iter().find(|facts| facts["link"] == link).unwrap()["state"].clone()
    };
    assert_eq!([state("a->b"), state("b->a")], ["open", "open"]);
    assert_eq!([state("a->c"), state("c->a"), state("b->c"), state("c->b")], ["hold"; 4]);
}

/// Forty thousand frames that all step aside. Disproved by a heal that waits until they are handled: looking at
/// each of them for each of them took nine seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_frames_that_step_aside_do_not_hold_up_a_command() {
    const FRAMES: u32 = 40_000;
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b; reorder a->b p=1 gap=100000 max=3600s").await;
    let frames: Vec<u8> = (0..FRAMES).flat_map(|number| framed(&number.to_be_bytes())).collect();
    near.write_all(&frames).await.unwrap();
    bench.ok(&format!("wait held a->b {FRAMES} timeout=20s")).await;
    let start = Instant::now();
    bench.ok("heal a->b").await;
    bench.ok("cut a->b; heal a->b").await;
    assert!(start.elapsed() < Duration::from_secs(3), "answered after {:?}", start.elapsed());
    bench.until_stat("a->b", "reordered", |reordered| reordered > 0).await;
    bench.ok("reorder a->b off").await;
    assert_eq!(bench.numbers(&mut far, FRAMES).await, (0..FRAMES).collect::<Vec<_>>());
}

/// Disproved by a connection at b before the heal, or by a lost hello after it.
#[tokio::test]
async fn nothing_is_dialled_across_a_cut_until_it_heals() {
    let bench = Bench::new().await;
    bench.ok("cut a->b").await;
    let mut near = bench.dial("a->b").await;
    send(&mut near, b"hello").await;
    let quitter = bench.dial("a->b").await;
    bench.until_stat("a->b", "conns", |conns| conns == 2).await;
    drop(quitter);
    bench.until_stat("a->b", "conns", |conns| conns == 1).await;
    bench.ok("wait held a->b 1").await;
    let shown = bench.ok("show conns").await;
    assert!(shown.contains(r#""conn":"a->b#0""#) && shown.contains("postponed"), "{shown}");
    bench.ok("heal").await;
    let mut far = bench.accept("b").await;
    assert_eq!(bench.frame(&mut far).await, b"hello");
    assert_eq!(bench.stat("a->b", "refused").await, 0);
}

/// Clients that end, or write and abort, while nothing of theirs is read. Disproved by a connection that is still
/// there before the heal, or by one at b after it that is not the last one's.
#[tokio::test]
async fn a_client_that_leaves_during_a_stall_is_forgotten() {
    let bench = Bench::new().await;
    bench.ok("cut a->b mode=stall").await;
    for has_written in [false, true, false, true] {
        let mut near = bench.dial("a->b").await;
        bench.until_stat("a->b", "conns", |conns| conns == 1).await;
        if has_written {
            near.write_all(&[0; 2]).await.unwrap();
            near.set_zero_linger().unwrap();
        }
        drop(near);
        bench.until_stat("a->b", "conns", |conns| conns == 0).await;
    }
    let mut last = bench.dial("a->b").await;
    send(&mut last, b"last").await;
    bench.ok("heal").await;
    let mut far = bench.accept("b").await;
    assert_eq!(bench.frame(&mut far).await, b"last");
}

/// Disproved by a request that is lost because its FIN came before the far side was dialled, or by an answer that
/// does not come back.
#[tokio::test]
async fn a_client_that_half_closes_during_a_cut_gets_its_answer_after_it() {
    for mode in ["hold", "stall", "drop"] {
        let bench = Bench::new().await;
        bench.ok(&format!("cut a->b mode={mode}")).await;
        let mut near = bench.dial("a->b").await;
        send(&mut near, b"request").await;
        near.shutdown().await.unwrap();
        if mode != "stall" {
            bench.ok("wait held a->b 1").await;
        }
        assert!(is_silent(&mut near).await, "{mode}: the client was closed");
        bench.ok("heal").await;
        let mut far = bench.accept("b").await;
        assert_eq!(bench.read_to_end(&mut far).await, framed(b"request"), "{mode}");
        send(&mut far, b"answer").await;
        drop(far);
        assert_eq!(bench.read_to_end(&mut near).await, framed(b"answer"), "{mode}");
    }
}

/// The FIN has been read by then. Disproved by a connection that stays.
#[tokio::test]
async fn an_abort_after_a_half_close_during_a_cut_is_noticed() {
    let bench = Bench::new().await;
    bench.ok("cut a->b").await;
    let mut near = bench.dial("a->b").await;
    send(&mut near, b"request").await;
    near.shutdown().await.unwrap();
    bench.ok("wait held a->b 1").await;
    assert!(is_silent(&mut near).await, "the client was closed");
    near.set_zero_linger().unwrap();
    drop(near);
    bench.until_stat("a->b", "conns", |conns| conns == 0).await;
    assert_eq!(bench.stat("a->b", "held_bytes").await, 0);
}

/// Disproved by a cut that is confirmed while the dial still sends SYNs.
#[tokio::test]
async fn a_dial_without_an_answer_is_given_up_before_a_cut_is_confirmed() {
    let bench = Bench::new().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody accepts, so after a few connections the kernel answers no SYN any more.
    let mut connections = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        connections.push(connected.unwrap());
    }
    bench.ok(&format!("node b {address}")).await;
    let _near = bench.dial("a->b").await;
    let dialling = async { while !bench.ok("show conns").await.contains("dialling") {} };
    bench.soon("dial", dialling).await;
    bench.ok("cut a->b").await;
    let shown = bench.ok("show conns").await;
    assert!(shown.contains("postponed"), "{shown}");
}

/// Disproved by a dial that gets through, or by one that gets another answer than its mode says.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dial_is_refused_or_not_answered_while_the_cut_says_so() {
    let bench = Bench::new().await;
    let dial = || timeout(Duration::from_millis(300), TcpStream::connect(bench.address("a->b")));
    for _ in 0..2 {
        bench.ok("cut a->b mode=refuse").await;
        let refused = dial().await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        bench.ok("cut a->b mode=syn-drop").await;
        assert!(dial().await.is_err(), "an answer");
        bench.ok("heal").await;
        let (mut near, mut far) = bench.connect("a", "b").await;
        send(&mut near, b"again").await;
        assert_eq!(bench.frame(&mut far).await, b"again");
    }
}

#[tokio::test]
async fn an_abort_waits_behind_a_cut_too() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    bench.ok("cut a->b").await;
    send(&mut near, b"held").await;
    bench.ok("wait held a->b 1").await;
    near.set_zero_linger().unwrap();
    drop(near);
    assert!(is_silent(&mut far).await);
    bench.ok("heal").await;
    // The kernel may throw away what it has not handed over when the abort comes.
    let mut bytes = Vec::new();
    let ended = bench.soon("the end", far.read_to_end(&mut bytes)).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(framed(b"held").starts_with(&bytes));
}

/// Toxiproxy's worst fault: a rule cannot be changed while a client does not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_stuck_does_not_hold_up_a_command() {
    let bench = Bench::new().await;
    let (mut near, mut far) = bench.connect("a", "b").await;
    let writer = tokio::spawn(async move {
        let frame = framed(&[7; 60_000]);
        for _ in 0..300 {
            near.write_all(&frame).await.unwrap();
        }
        near.shutdown().await.unwrap();
        near
    });
    bench.until_stat("a->b", "waiting_bytes", |waiting| waiting > 100_000).await;
    for line in ["delay a->b 1ms", "cut a->b", "heal", "clear", "show conns"] {
        bench.ok(line).await;
    }
    assert_eq!(bench.read_to_end(&mut far).await.len(), 300 * 60_004);
    drop(bench.soon("writer", writer).await.unwrap());
}

#[tokio::test]
async fn a_bad_command_changes_nothing_not_even_the_good_half_of_its_line() {
    let bench = Bench::new().await;
    let before = bench.ok("show rules").await;
    for line in ["cut a->b; cut a->z", "partition a | a", "delay a->b 5; heal", "cut a->b nonsense"] {
        let reply = bench.reply(line).await;
        assert!(reply.starts_with("err "), "{line}: {reply}");
    }
    assert_eq!(bench.ok("show rules").await, before);
    assert_eq!(
        bench.reply("@t wait held a->b 1 timeout=20ms").await.split(" after").next().unwrap(),
        r#"err @t timeout "wait held a->b 1 timeout=20ms": not so"#
    );
}

#[tokio::test]
async fn the_changes_of_one_line_come_into_force_together() {
    let bench = Bench::new().await;
    let reply = bench.ok("cut a->b; delay b->c 1ms; heal a->b").await;
    let replies: serde_json::Value = serde_json::from_str(&reply).unwrap();
    for reply in replies["replies"].as_array().unwrap() {
        assert_eq!(reply["epoch"], 1);
    }
    assert!(bench.ok("show rules").await.contains(r#""text":"delay b->c 1ms""#));
}
