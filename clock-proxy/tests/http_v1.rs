//! What Toxiproxy cannot say: `/v1`, `/metrics`, and the flags around the API.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod web;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use clock_proxy::topology::Blueprint;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use web::{Web, pass, soon};

fn stations() -> Blueprint {
    Blueprint::default().node("a", None).node("b", None)
}

#[tokio::test]
async fn a_command_is_answered_as_on_standard_input() {
    let web = Web::with(stations()).await;
    let cut = web.expect(200, "POST", "/v1/command", "cut a->b\n").await;
    assert_eq!((cut["rule"].as_u64(), cut["flows"].as_u64()), (Some(1), Some(1)));
    let two = web.expect(200, "POST", "/v1/command", "@7 ping; version").await;
    assert_eq!(two["replies"].as_array().unwrap().len(), 2);
    assert_eq!(web.expect(200, "POST", "/v1/command", " # nothing").await, serde_json::json!({}));
    for (line, status, code) in [
        ("frobnicate", 400, "unknown-verb"),
        ("cut a->z", 404, "unknown-node"),
        ("delay a->b 5", 400, "bad-unit"),
        ("wait frames a->b 1 timeout=1ms", 408, "timeout"),
    ] {
        let refused = web.expect(status, "POST", "/v1/command", line).await;
        assert_eq!(refused["error"], code, "{line}");
    }
    assert_eq!(web.ask("POST", "/v1/command", "ping\nping").await.status, 400);
    assert_eq!(web.ask("GET", "/v1/command", "").await.status, 405);
}

/// Disproved by a file that cannot be run, or whose rules differ from those that were in force.
#[tokio::test]
async fn a_toxic_that_no_command_makes_is_saved_as_a_comment() {
    let web = Web::with(stations()).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("saved.scn");
    for toxic in [
        r#"{"name":"1","type":"latency","attributes":{"latency":5}}"#,
        r#"{"name":"2","type":"latency","attributes":{"latency":7}}"#,
        r#"{"name":"3","type":"bandwidth","attributes":{"rate":0}}"#,
        r#"{"name":"4","type":"timeout","attributes":{"timeout":9999999}}"#,
        r#"{"name":"5","type":"slow_close"}"#,
    ] {
        web.expect(200, "POST", "/proxies/a->b/toxics", toxic).await;
    }
    let save = format!("save {}", path.to_str().unwrap());
    let saved = web.expect(200, "POST", "/v1/command", &save).await;
    assert_eq!(saved, serde_json::json!({ "rules": 1, "left_out": 4 }));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains("at 0s delay b->a 5ms\n# no command makes this again: toxic \"2\""), "{text}");
}

#[tokio::test]
async fn the_state_is_shown_in_parts() {
    let web = Web::with(stations()).await;
    web.expect(200, "POST", "/v1/command", "cut a->b").await;
    assert_eq!(web.expect(200, "GET", "/v1/rules", "").await["rules"][0]["text"], "cut a->b");
    assert_eq!(web.expect(200, "GET", "/v1/links", "").await["links"][0]["state"], "hold");
    assert_eq!(web.expect(200, "GET", "/v1/stats", "").await["stats"][0]["flow"], "a->b");
    assert_eq!(web.expect(200, "GET", "/v1/nodes", "").await["nodes"][1]["node"], "b");
    assert_eq!(web.expect(200, "GET", "/v1/conns", "").await["conns"], serde_json::json!([]));
}

#[tokio::test]
async fn events_are_followed_as_they_come_and_the_last_are_kept() {
    let web = Web::new().await;
    let (_server, mut near, far) = web.connected().await;
    let mut follower = tokio::net::TcpStream::connect(web.api).await.unwrap();
    follower.write_all(b"GET /v1/events?follow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut lines = tokio::io::BufReader::new(follower).lines();
    while !soon(lines.next_line()).await.unwrap().unwrap().is_empty() {}
    web.expect(200, "POST", "/proxies/web/toxics", r#"{"type":"limit_data","attributes":{"bytes":3}}"#).await;
    let (_, mut writer) = far.into_split();
    writer.write_all(b"four").await.unwrap();
    let mut three = Vec::new();
    soon(tokio::io::AsyncReadExt::read_to_end(&mut near, &mut three)).await.unwrap();
    // A chunk's length, then its line.
    let line = loop {
        let line = soon(lines.next_line()).await.unwrap().unwrap();
        if line.starts_with('{') {
            break line;
        }
    };
    assert!(line.contains("limit") && line.contains("web->client"), "{line}");
    let last = web.ask("GET", "/v1/events", "").await;
    assert_eq!(last.header("content-type"), Some("application/x-ndjson"));
    assert!(last.body.lines().any(|known| known.contains("limit")), "{last:?}");
    assert_eq!(web.ask("POST", "/v1/events", "").await.status, 405);
}

/// Disproved by followers that take every connection of the API, since each keeps its own for good.
#[tokio::test]
async fn not_all_connections_are_for_those_who_follow() {
    let web = Web::new().await;
    let mut followers = Vec::new();
    let last = loop {
        let mut follower = tokio::net::TcpStream::connect(web.api).await.unwrap();
        follower.write_all(b"GET /v1/events?follow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut lines = tokio::io::BufReader::new(follower).lines();
        let status = soon(lines.next_line()).await.unwrap().unwrap();
        if !status.contains("200") {
            break status;
        }
        followers.push(lines);
    };
    assert_eq!((followers.len(), last.as_str()), (64, "HTTP/1.1 503 Service Unavailable"));
    assert_eq!(web.ask("GET", "/v1/rules", "").await.status, 200);
}

#[tokio::test]
async fn quit_is_answered_before_it_is_heeded() {
    let mut web = Web::with(stations()).await;
    assert_eq!(web.expect(200, "POST", "/v1/command", "quit 3").await["code"], 3);
    assert_eq!(web.proxy.exit_requested().await, 3);
}

/// The metrics, when they say this: what has been read here is counted there a moment later.
async fn page_with(web: &Web, text: &str) -> String {
    let looking = async {
        loop {
            let page = web.ask("GET", "/metrics", "").await.body;
            if page.contains(text) {
                return page;
            }
        }
    };
    match tokio::time::timeout(web::DEADLINE, looking).await {
        Ok(page) => page,
        Err(_) => panic!("no {text} in {}", web.ask("GET", "/metrics", "").await.body),
    }
}

#[tokio::test]
async fn metrics_are_live_and_their_labels_are_escaped() {
    let web = Web::new().await;
    let (server, mut near, mut far) = web.connected().await;
    let (listener, upstream) = (near.peer_addr().unwrap(), server.local_addr().unwrap());
    let odd = r#"{"name":"q\"\\","upstream":"x:1","enabled":false}"#;
    web.expect(201, "POST", "/proxies", odd).await;
    pass(&mut near, &mut far, b"five!").await;
    pass(&mut far, &mut near, b"three").await;
    let page = web.ask("GET", "/metrics", "").await;
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for direction in ["upstream", "downstream"] {
        let labels = format!(
            "direction=\"{direction}\",listener=\"{listener}\",proxy=\"web\",upstream=\"{upstream}\""
        );
        for name in ["received", "sent"] {
            page_with(&web, &format!("toxiproxy_proxy_{name}_bytes_total{{{labels}}} 5\n")).await;
        }
    }
    assert!(page.body.contains("clock_proxy_connections{link=\"client->web\"} 1\n"), "{}", page.body);
    assert!(page.body.contains(r#"proxy="q\"\\","#), "{}", page.body);
    for line in page.body.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok(), "{line}");
    }
}

/// Frames of four bytes through a pair of stations that duplicates and damages each.
#[tokio::test]
async fn what_the_faults_do_is_counted() {
    let server = web::listener().await;
    let upstream = Some(server.local_addr().unwrap().to_string().parse().unwrap());
    let web = Web::with(Blueprint::default().node("a", None).node("b", upstream)).await;
    web.expect(200, "POST", "/v1/command", "dup a->b copies=2; corrupt a->b bits=1").await;
    let mut near = tokio::net::TcpStream::connect(web.proxy.links()["a->b"]).await.unwrap();
    let mut far = soon(server.accept()).await.unwrap().0;
    near.write_all(b"\0\0\0\x04four\0\0\0\x04five").await.unwrap();
    soon(tokio::io::AsyncReadExt::read_exact(&mut far, &mut [0; 48])).await.unwrap();
    let page = page_with(&web, "frames_forwarded_total{link=\"a->b\"} 6").await;
    assert!(page.contains("frames_duplicated_total{link=\"a->b\"} 4"), "{page}");
    assert!(!page.contains("frames_corrupted_total{link=\"a->b\"} 0"), "{page}");
    assert!(page.contains("partition_active{a=\"a\",b=\"b\"} 0"), "{page}");
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clock-proxy"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn with_config(json: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toxiproxy.json");
    std::fs::write(&path, json).unwrap();
    program(&["--toxiproxy-config", path.to_str().unwrap(), "--on-eof", "quit"]).output().unwrap()
}

#[test]
fn a_file_of_proxies_is_made_at_the_start() {
    let json = r#"[{"name":"web","listen":"localhost:0","upstream":"x:1","toxics":[{"type":"latency"}]}]"#;
    let output = with_config(json);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let ready = String::from_utf8(output.stdout).unwrap();
    assert!(ready.contains(r#""links":{"client->web":"127.0.0.1:"#), "{ready}");
}

#[test]
fn a_wrong_file_of_proxies_exits_with_two_and_a_taken_address_with_three() {
    let wrong = with_config(r#"[{"name":"web"}]"#);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(2), "{said}");
    assert!(said.contains("toxiproxy.json") && said.contains("upstream at proxy 1"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let taken = with_config(&format!(r#"[{{"name":"web","listen":"{address}","upstream":"x:1"}}]"#));
    assert_eq!(taken.status.code(), Some(3), "{taken:?}");
    let missing = program(&["--toxiproxy-config", "/nonexistent.json"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}

#[test]
fn the_ready_line_names_the_api() {
    let mut child = program(&["--api", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let ready: serde_json::Value = serde_json::from_str(line.strip_prefix("ready ").unwrap()).unwrap();
    assert!(ready["api"].as_str().unwrap().starts_with("127.0.0.1:"), "{ready}");
}
