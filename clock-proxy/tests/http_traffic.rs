//! Relays that come and go under real traffic, and what their toxics do to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod web;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::{Web, listener, pass, soon};

/// Writes until neither the proxy nor the kernel takes any more: the reader at the other end is stuck.
async fn fill(stream: &mut TcpStream) {
    let bytes = vec![7; 1 << 20];
    while tokio::time::timeout(Duration::from_millis(300), stream.write(&bytes)).await.is_ok() {}
}

/// The time that a request takes. Disproved by a proxy that waits for a peer.
async fn took(web: &Web, method: &str, path: &str, body: &str) -> Duration {
    let start = Instant::now();
    let answer = web.ask(method, path, body).await;
    assert!(answer.status < 300, "{answer:?}");
    start.elapsed()
}

/// Whether the other side is gone, by a FIN or an RST.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = vec![0; 1 << 16];
    loop {
        match soon(stream.read(&mut bytes)).await {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn bytes_pass_both_ways_and_delete_closes_all_at_once() {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    pass(&mut near, &mut far, &[1; 300_000]).await;
    pass(&mut far, &mut near, b"answer").await;
    let listen = near.peer_addr().unwrap();
    assert!(took(&web, "DELETE", "/proxies/web", "").await < Duration::from_millis(50));
    assert!(is_closed(&mut near).await && is_closed(&mut far).await);
    let refused = TcpStream::connect(listen).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(web.expect(200, "GET", "/v1/stats", "").await["stats"], serde_json::json!([]));
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_nothing_up() {
    let web = Web::new().await;
    let orders = [
        ("DELETE", "/proxies/web", ""),
        ("PATCH", "/proxies/web", r#"{"enabled":false}"#),
        ("PATCH", "/proxies/web", r#"{"upstream":"127.0.0.1:9"}"#),
        ("DELETE", "/proxies/web/toxics/t", ""),
        ("POST", "/reset", ""),
    ];
    for (method, path, body) in orders {
        let (_server, near, mut far) = web.connected().await;
        web.expect(200, "POST", "/proxies/web/toxics", r#"{"name":"t","type":"latency"}"#).await;
        fill(&mut far).await;
        let time = took(&web, method, path, body).await;
        assert!(time < Duration::from_millis(50), "{method} {path} {body} took {time:?}");
        drop(near);
        web.ask("DELETE", "/proxies/web", "").await;
    }
}

#[tokio::test]
async fn disabled_is_closed_and_enabled_is_open_on_the_same_address() {
    let web = Web::new().await;
    let (server, mut near, mut far) = web.connected().await;
    let listen: SocketAddr = near.peer_addr().unwrap();
    let off = web.expect(200, "POST", "/proxies/web", r#"{"enabled":false}"#).await;
    assert_eq!(off["enabled"], false);
    assert!(is_closed(&mut near).await && is_closed(&mut far).await);
    assert!(TcpStream::connect(listen).await.is_err());
    web.expect(204, "POST", "/reset", "").await;
    assert_eq!(web.expect(200, "GET", "/proxies/web", "").await["enabled"], true);
    let mut near = soon(TcpStream::connect(listen)).await.unwrap();
    let mut far = soon(server.accept()).await.unwrap().0;
    pass(&mut near, &mut far, b"again").await;

    let other = listener().await;
    let moved = format!(r#"{{"upstream":"{}"}}"#, other.local_addr().unwrap());
    web.expect(200, "PATCH", "/proxies/web", &moved).await;
    assert!(is_closed(&mut near).await);
    let mut near = soon(TcpStream::connect(listen)).await.unwrap();
    let mut far = soon(other.accept()).await.unwrap().0;
    pass(&mut near, &mut far, b"elsewhere").await;
}

#[tokio::test]
async fn an_update_that_cannot_listen_changes_nothing() {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    let taken = listener().await;
    let body = format!(r#"{{"listen":"{}","upstream":"x:1"}}"#, taken.local_addr().unwrap());
    let before = web.expect(200, "GET", "/proxies/web", "").await;
    assert_eq!(web.ask("PATCH", "/proxies/web", &body).await.status, 500);
    assert_eq!(web.expect(200, "GET", "/proxies/web", "").await, before);
    pass(&mut near, &mut far, b"still here").await;
}

#[tokio::test]
async fn latency_is_added_downstream_unless_it_is_said_otherwise() {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    let toxic = r#"{"type":"latency","attributes":{"latency":150}}"#;
    web.expect(200, "POST", "/proxies/web/toxics", toxic).await;
    let start = Instant::now();
    pass(&mut near, &mut far, b"question").await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    let start = Instant::now();
    pass(&mut far, &mut near, b"answer").await;
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
    web.expect(204, "DELETE", "/proxies/web/toxics/latency_downstream", "").await;
    let start = Instant::now();
    pass(&mut far, &mut near, b"at once").await;
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

/// How long after the toxic came it takes until the client's connection ends, and what it has read until then.
async fn end_under(toxic: &str, bytes: &[u8]) -> (Duration, Vec<u8>, Option<ErrorKind>) {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    pass(&mut near, &mut far, b"hello").await;
    let start = Instant::now();
    web.expect(200, "POST", "/proxies/web/toxics", toxic).await;
    far.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    let end = soon(near.read_to_end(&mut read)).await;
    (start.elapsed(), read, end.err().map(|error| error.kind()))
}

#[tokio::test]
async fn a_timeout_swallows_everything_and_ends_in_time() {
    let (took, read, end) = end_under(r#"{"type":"timeout","attributes":{"timeout":200}}"#, b"lost").await;
    assert_eq!((read, end), (Vec::new(), None));
    assert!(took >= Duration::from_millis(200) && took < Duration::from_millis(700), "{took:?}");
}

#[tokio::test]
async fn a_black_hole_ends_with_its_toxic() {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    web.expect(200, "POST", "/proxies/web/toxics", r#"{"type":"timeout"}"#).await;
    far.write_all(b"lost").await.unwrap();
    let mut byte = [0; 1];
    let silence = tokio::time::timeout(Duration::from_millis(100), near.read(&mut byte)).await;
    assert!(silence.is_err(), "{silence:?}");
    web.expect(204, "DELETE", "/proxies/web/toxics/timeout_downstream", "").await;
    let start = Instant::now();
    assert!(is_closed(&mut near).await);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_open_connection_is_aborted_by_reset_peer() {
    let toxic = r#"{"type":"reset_peer","attributes":{"timeout":100}}"#;
    let (took, _, end) = end_under(toxic, b"").await;
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    assert!(took >= Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn limited_data_come_to_the_byte_and_then_the_end() {
    let toxic = r#"{"type":"limit_data","attributes":{"bytes":1000}}"#;
    let (_, read, end) = end_under(toxic, &[7; 1500]).await;
    assert_eq!((read.len(), end), (1000, None));
}

#[tokio::test]
async fn a_bandwidth_is_kept_and_at_zero_nothing_passes() {
    let web = Web::new().await;
    let (_server, mut near, mut far) = web.connected().await;
    let toxic = r#"{"type":"bandwidth","name":"b","stream":"upstream","attributes":{"rate":1000}}"#;
    web.expect(200, "POST", "/proxies/web/toxics", toxic).await;
    let start = Instant::now();
    pass(&mut near, &mut far, &[7; 300_000]).await;
    let took = start.elapsed();
    assert!(took > Duration::from_millis(250) && took < Duration::from_millis(600), "{took:?}");
    web.expect(200, "PATCH", "/proxies/web/toxics/b", r#"{"attributes":{"rate":0}}"#).await;
    near.write_all(b"x").await.unwrap();
    let mut byte = [0; 1];
    let silence = tokio::time::timeout(Duration::from_millis(150), far.read(&mut byte)).await;
    assert!(silence.is_err(), "{silence:?}");
    web.expect(204, "POST", "/reset", "").await;
    assert_eq!(soon(far.read(&mut byte)).await.unwrap(), 1);
}

/// Disproved by a draw that is the same before and after an update, for each of 24 connections.
#[tokio::test]
async fn toxicity_is_drawn_for_each_connection_and_again_at_each_update() {
    let web = Web::new().await;
    let server = listener().await;
    let listen = web.relay("web", server.local_addr().unwrap()).await;
    let half = r#"{"name":"t","type":"timeout","toxicity":0.5}"#;
    web.expect(200, "POST", "/proxies/web/toxics", half).await;
    let mut draws = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..24 {
        let near = soon(TcpStream::connect(listen)).await.unwrap();
        pairs.push((near, soon(server.accept()).await.unwrap().0));
    }
    for (near, far) in &mut pairs {
        draws.push(is_heard(near, far).await);
    }
    assert!(draws.contains(&true) && draws.contains(&false), "{draws:?}");
    web.expect(200, "PATCH", "/proxies/web/toxics/t", r#"{"toxicity":0.4}"#).await;
    let mut again = Vec::new();
    for (near, far) in &mut pairs {
        again.push(is_heard(near, far).await);
    }
    assert_ne!(draws, again);
}

async fn is_heard(near: &mut TcpStream, far: &mut TcpStream) -> bool {
    if far.write_all(b"x").await.is_err() {
        return false;
    }
    let mut byte = [0; 1];
    matches!(tokio::time::timeout(Duration::from_millis(40), near.read(&mut byte)).await, Ok(Ok(1)))
}

/// Descriptors of this process.
#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Disproved by descriptors, flows, rules or names that are left. The other tests of this binary open some too, so
/// the bound is loose, and far below one per cycle.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_relays_that_come_and_go_leave_nothing() {
    let web = Web::new().await;
    let server = listener().await;
    let upstream = server.local_addr().unwrap();
    let before = descriptors();
    let body = format!(
        r#"{{"name":"web","listen":"127.0.0.1:0","upstream":"{upstream}","toxics":[{{"type":"noop"}}]}}"#
    );
    for cycle in 0..1000 {
        let made = web.expect(201, "POST", "/proxies", &body).await;
        if cycle % 50 == 0 {
            let mut near = TcpStream::connect(made["listen"].as_str().unwrap()).await.unwrap();
            let mut far = soon(server.accept()).await.unwrap().0;
            pass(&mut near, &mut far, b"x").await;
        }
        web.expect(204, "DELETE", "/proxies/web", "").await;
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while descriptors() >= before + 100 {
        assert!(std::time::Instant::now() < deadline, "{before} descriptors before, {} after", descriptors());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (part, left) in [("links", 0), ("rules", 0), ("stats", 0), ("conns", 0), ("nodes", 1)] {
        let shown = web.expect(200, "GET", &format!("/v1/{part}"), "").await;
        assert_eq!(shown[part].as_array().unwrap().len(), left, "{part}: {shown}");
    }
}
