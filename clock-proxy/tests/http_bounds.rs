//! What the API does not take: too much, too many, too large.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod web;

use std::time::Duration;

use tokio::net::TcpStream;
use web::{Web, soon};

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let web = Web::new().await;
    let name = "n".repeat(257);
    let body = format!(r#"{{"name":"{name}","upstream":"x:1","enabled":false}}"#);
    assert_eq!(web.ask("POST", "/proxies", &body).await.status, 400);
    let head = "POST /proxies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048577\r\n\r\n";
    let answer = web.send(head.as_bytes()).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let chunk = format!("{:x}\r\n{}\r\n", 600_000, " ".repeat(600_000));
    let head = "POST /proxies HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = web.send(format!("{head}{chunk}{chunk}").as_bytes()).await;
    assert_eq!(answer.json()["error"], "bad request body: more than 1048576 bytes");
    assert_eq!(web.ask("GET", "/proxies", "").await.body, "{}");
}

#[tokio::test]
async fn a_header_without_an_end_is_refused() {
    let web = Web::new().await;
    let head = format!("GET /version HTTP/1.1\r\nX: {}", "x".repeat(70_000));
    let answer = web.send(head.as_bytes()).await;
    assert_eq!(answer.status, 431, "{answer:?}");
}

/// Disproved by a server that serves the 257th connection, or that does not serve it when there is room again.
#[tokio::test]
async fn more_than_256_connections_wait_for_each_other() {
    let web = Web::new().await;
    let mut idle = Vec::new();
    for _ in 0..256 {
        idle.push(soon(TcpStream::connect(web.api)).await.unwrap());
    }
    let waits = tokio::time::timeout(Duration::from_millis(200), web.ask("GET", "/version", ""));
    assert!(waits.await.is_err());
    idle.truncate(250);
    assert_eq!(web.ask("GET", "/version", "").await.status, 200);
}

#[tokio::test]
async fn a_relay_has_a_hundred_toxics_at_most() {
    let web = Web::new().await;
    web.expect(201, "POST", "/proxies", r#"{"name":"p","upstream":"x:1","enabled":false}"#).await;
    for number in 0..100 {
        let body = format!(r#"{{"type":"noop","name":"{number}"}}"#);
        web.expect(200, "POST", "/proxies/p/toxics", &body).await;
    }
    let answer = web.ask("POST", "/proxies/p/toxics", r#"{"type":"noop","name":"100"}"#).await;
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("there are no more than 100 toxics of a proxy"))
    );
}
