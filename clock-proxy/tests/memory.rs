//! What the proxy keeps in memory, however long a partition lasts and however many connections are idle.
//!
//! Linux tells what a process keeps; elsewhere there is nothing to look at.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use program::Program;

/// What one lane may hold in these tests.
const HOLD: u64 = 1 << 20;

/// The program itself, its threads and its allocator.
const PROGRAM: u64 = 32 << 20;

/// How long a fast sender is held. `SOAK_SECONDS=3600` makes an hour of it.
fn soak() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok().map_or(3, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// Writes as fast as it is let, until the connection is shut down.
fn flood(stream: &TcpStream, payload: usize) -> JoinHandle<u64> {
    let mut stream = stream.try_clone().unwrap();
    let mut frame = u32::try_from(payload).unwrap().to_be_bytes().to_vec();
    frame.resize(4 + payload, 0x11);
    let block = frame.repeat((64 << 10) / frame.len() + 1);
    spawn(move || {
        let mut written = 0;
        while stream.write_all(&block).is_ok() {
            written += u64::try_from(block.len()).unwrap();
        }
        written
    })
}

/// Takes everything in, from everybody.
fn drain(listener: TcpListener) {
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            spawn(move || std::io::copy(&mut { stream }, &mut std::io::sink()));
        }
    });
}

/// Disproved by memory beyond what the lanes may hold: with frames of no bytes at all, small and large ones, while
/// the flow is held, and through heals in between.
#[test]
fn a_fast_sender_that_is_held_costs_no_more_than_the_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = format!("b={}", listener.local_addr().unwrap());
    drain(listener);
    let hold = HOLD.to_string();
    let args = ["--node", "a", "--node", &node, "--hold-bytes", &hold, "--json", "--on-eof", "quit"];
    let mut program = Program::start(&args);
    let ready = program.ready();
    let address = ready["links"]["a->b"].as_str().unwrap().to_owned();
    let sizes = [0, 1, 60, 1000, 60_000, 1 << 20];
    let streams: Vec<TcpStream> = sizes.iter().map(|_| TcpStream::connect(&address).unwrap()).collect();
    assert!(program.say("wait frames a->b 0").starts_with("ok"));
    assert!(program.say("cut a->b").starts_with("ok"));
    let senders: Vec<_> = streams.iter().zip(sizes).map(|(stream, payload)| flood(stream, payload)).collect();

    // Twice the bound for what an allocator keeps, and a frame and a read for each lane.
    let lanes = u64::try_from(sizes.len()).unwrap();
    let bound = PROGRAM + lanes * (2 * HOLD + (2 << 20));
    let (start, mut most, mut heals) = (Instant::now(), 0, 0);
    let (_keep, never) = channel::<()>();
    while start.elapsed() < soak() {
        for _ in 0..10 {
            most = most.max(program.resident_bytes());
            let _ = never.recv_timeout(soak() / 100);
        }
        assert!(most <= bound, "{most} bytes resident after {:?}, the bound is {bound}", start.elapsed());
        for command in ["heal", "cut a->b"] {
            assert!(program.say(command).starts_with("ok"));
        }
        heals += 1;
    }
    let held = program.stat("a->b", "held_bytes");
    println!("{heals} heals in {:?}: at most {most} bytes resident, {held} held now", start.elapsed());
    for stream in &streams {
        stream.shutdown(Shutdown::Both).unwrap();
    }
    let written: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    assert!(written > lanes * HOLD, "{written} bytes were sent: that was no fast sender");
}

/// As many as the process may have descriptors for, ten thousand at most: a connection takes two of ours and two of
/// the proxy's.
#[test]
fn an_idle_connection_costs_little() {
    // Unoptimised, what a task keeps is twice as large.
    const EACH: u64 = if cfg!(debug_assertions) { 16 << 10 } else { 8 << 10 };
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let count = usize::try_from(most.saturating_sub(200) / 2).unwrap_or(usize::MAX).min(10_000);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let node = format!("b={}", listener.local_addr().unwrap());
    let mut program = Program::start(&["--node", "a", "--node", &node, "--json", "--on-eof", "quit"]);
    let ready = program.ready();
    let address = ready["links"]["a->b"].as_str().unwrap();
    let before = program.resident_bytes();
    let mut pairs = Vec::new();
    for number in 0..count {
        let mut near = TcpStream::connect(address).unwrap();
        near.write_all(&[0, 0, 0, 1, 7]).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.set_read_timeout(Some(program::DEADLINE)).unwrap();
        far.read_exact(&mut [0; 5]).unwrap_or_else(|error| panic!("connection {number}: {error}"));
        pairs.push((near, far));
    }
    let grown = program.resident_bytes().saturating_sub(before);
    let each = grown / u64::try_from(count).unwrap();
    println!("{count} idle connections: {} KiB, {each} bytes each", grown >> 10);
    assert!(each <= EACH, "{each} bytes for each of {count} connections, {EACH} are allowed");
    assert!(cfg!(debug_assertions) || program.resident_bytes() < 100_000_000);
    assert_eq!(program.stat("a->b", "conns"), u64::try_from(count).unwrap());
}
