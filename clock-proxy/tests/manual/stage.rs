//! Stations that do and see what a session says.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::{Bench, framed, is_silent};
use crate::script::{Dialled, Frame, Line, Seen};

/// How long a dial stays without an answer before we believe that none will come. The kernel answers within
/// microseconds if it does.
const NO_ANSWER: Duration = Duration::from_millis(300);

/// Bytes of a numbered frame behind its number; each is its number's low byte.
const PADDING: usize = 12;

pub(crate) struct Stage {
    bench: Bench,
    /// The connection each station uses, the last one it took part in.
    ends: BTreeMap<char, TcpStream>,
    reply: Option<String>,
    /// When somebody last sent or dialled.
    since: Instant,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let bench = Bench::with(|blueprint| clock_proxy::topology::Blueprint { seed: Some(42), ..blueprint });
        Self { bench: bench.await, ends: BTreeMap::new(), reply: None, since: Instant::now() }
    }

    pub(crate) async fn play(&mut self, line: &Line, place: &str) {
        match line {
            Line::Command(command) => self.reply = Some(self.bench.reply(command).await),
            Line::Reply(expected) => self.compare(expected, place),
            Line::Dials { from, to, outcome } => self.dial(*from, *to, *outcome, place).await,
            Line::Sends { who, frames } => {
                let bytes: Vec<u8> = frames.iter().flat_map(|number| framed(&payload(*number))).collect();
                self.send(*who, &bytes).await;
            }
            Line::SendsBytes { who, bytes } => self.send(*who, &framed(&vec![0x11; *bytes])).await,
            Line::Closes { who } => self.end(*who).shutdown().await.unwrap(),
            Line::Aborts { who } => {
                let stream = self.ends.remove(who).unwrap();
                stream.set_zero_linger().unwrap();
            }
            Line::Gets { who, what, after } => {
                self.see(*who, what, place).await;
                let took = self.since.elapsed();
                assert!(took >= *after, "{place}: already after {took:?}");
            }
        }
    }

    fn compare(&mut self, expected: &str, place: &str) {
        let reply = self.reply.take().unwrap_or_else(|| panic!("{place}: there was no command"));
        assert_eq!(timeless(&reply), timeless(expected), "{place}");
    }

    fn end(&mut self, who: char) -> &mut TcpStream {
        self.ends.get_mut(&who).unwrap_or_else(|| panic!("{who} has no connection"))
    }

    async fn send(&mut self, who: char, bytes: &[u8]) {
        self.since = Instant::now();
        self.end(who).write_all(bytes).await.unwrap();
    }

    async fn dial(&mut self, from: char, to: char, outcome: Dialled, place: &str) {
        self.since = Instant::now();
        let link = format!("{from}->{to}");
        let dialled = tokio::time::timeout(NO_ANSWER, TcpStream::connect(self.bench.address(&link))).await;
        match (dialled, outcome) {
            (Ok(Ok(near)), Dialled::Connected) => {
                let far = self.bench.accept(&to.to_string()).await;
                self.ends.extend([(from, near), (to, far)]);
            }
            (Ok(Ok(near)), Dialled::Reset) => {
                self.ends.insert(from, near);
                self.see(from, &Seen::Reset, place).await;
            }
            // The abort may come before the dial has ended.
            (Ok(Err(error)), Dialled::Reset) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{place}");
            }
            (Ok(Err(error)), Dialled::Refused) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{place}");
            }
            (Err(_), Dialled::Unanswered) => {}
            (dialled, _) => panic!("{place}: {dialled:?}"),
        }
    }

    async fn see(&mut self, who: char, what: &Seen, place: &str) {
        let Self { bench, ends, .. } = self;
        let stream = ends.get_mut(&who).unwrap_or_else(|| panic!("{place}: {who} has no connection"));
        match what {
            Seen::Nothing => assert!(is_silent(stream).await, "{place}: something came"),
            Seen::Frames(expected) => {
                let mut found = Vec::new();
                for _ in expected {
                    found.push(seen(&bench.soon(place, bench.frame(stream)).await));
                }
                if found != *expected {
                    while !is_silent(stream).await {
                        found.push(seen(&bench.soon(place, bench.frame(stream)).await));
                    }
                    panic!("{place}: {}", words(&found));
                }
            }
            Seen::Bytes(expected) => {
                let mut bytes = 0;
                while bytes < *expected {
                    bytes += bench.soon(place, bench.frame(stream)).await.len();
                }
                assert_eq!(bytes, *expected, "{place}");
            }
            Seen::End => {
                let mut byte = [0];
                assert_eq!(bench.soon(place, stream.read(&mut byte)).await.unwrap(), 0, "{place}");
            }
            Seen::Reset => {
                let error = bench.soon(place, stream.read(&mut [0])).await.expect_err(place);
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{place}");
            }
        }
    }
}

fn payload(number: u32) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(4 + PADDING, number.to_be_bytes()[3]);
    payload
}

/// Which frame it is. A damaged one is told by its padding, of which most is left.
fn seen(found: &[u8]) -> Frame {
    let (number, padding) = found.split_at(found.len().min(4));
    let number = number.try_into().map_or(0, u32::from_be_bytes);
    if found == payload(number) {
        return Frame { number, is_damaged: false };
    }
    let most = padding.iter().max_by_key(|byte| padding.iter().filter(|other| other == byte).count());
    Frame { number: most.map_or(0, |byte| u32::from(*byte)), is_damaged: true }
}

fn words(frames: &[Frame]) -> String {
    let word = |frame: &Frame| format!("{}{}", if frame.is_damaged { "damaged " } else { "" }, frame.number);
    frames.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A reply with the times in it made equal.
fn timeless(reply: &str) -> (String, Option<Value>) {
    let Some((words, json)) = reply.split_once('{').filter(|(words, _)| words.starts_with("ok")) else {
        return (reply.to_owned(), None);
    };
    let mut value: Value = serde_json::from_str(&format!("{{{json}")).unwrap_or(Value::Null);
    forget_times(&mut value);
    (words.to_owned(), Some(value))
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name.ends_with("_us") { *field = Value::from("a time") } else { forget_times(field) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        _ => {}
    }
}
