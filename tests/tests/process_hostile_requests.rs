//! Ten thousand mutated requests at a real station: each is refused by name or is a request after all; what was refused is
//! stored nowhere; the next good request is served.

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::collections::BTreeSet;

use bytes::BytesMut;
use clock_core::wire::frame::{self, FRAME_BYTES_MAX};
use clock_core::wire::message::{Hello, Message, Refusal, Role};
use clock_core::wire::{Request, RequestError, Response, StatusView, Terms, WriteContext};
use clock_core::{Dot, VersionVector};
use clock_tests::hostile::{Hostile, Subject, Verdict};
use clock_tests::processes::{PATIENCE, Processes, key, run_processes, station};
use clock_tests::recorder::{Write, WriteKind};
use clock_tests::setting::setting;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// How many intruders are at the door at one time.
const INTRUDERS: u64 = 8;
/// Of so many hostile inputs one is a frame with a wrong checksum, the others are bodies with a right one.
const ONE_FRAME_IN: u64 = 5;
/// What a station may have grown by, beside what it was made to store.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// What came of some hostile inputs.
#[derive(Debug, Default)]
struct Tally {
    /// Inputs that were requests all the same and were answered with a receipt: these writes.
    accepted: BTreeSet<Dot>,
    answered: u64,
    refused: u64,
    malformed: u64,
    sessions_ended: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.answered += other.answered;
        self.refused += other.refused;
        self.malformed += other.malformed;
        self.sessions_ended += other.sessions_ended;
    }
}

/// One connection at a time, and what is read from it.
struct Intruder {
    address: String,
    stream: TcpStream,
    buffer: BytesMut,
    tally: Tally,
}

impl Intruder {
    async fn at(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the station listens");
        let (buffer, tally) = (BytesMut::new(), Tally::default());
        let mut intruder = Self { address: address.to_owned(), stream, buffer, tally };
        intruder.greet().await;
        intruder
    }

    async fn greet(&mut self) {
        let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
        self.send(&hello.to_frame().expect("fits")).await;
        let welcome = self.next().await;
        assert!(matches!(welcome, Some(Message::Welcome(_))), "a client was told {welcome:?}");
    }

    async fn come_back(&mut self) {
        self.tally.sessions_ended += 1;
        self.stream = TcpStream::connect(&self.address).await.expect("the station listens");
        self.buffer.clear();
        self.greet().await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the station reads");
    }

    /// The next message; `None` when the station has closed.
    async fn next(&mut self) -> Option<Message> {
        loop {
            let cut = frame::cut(&mut self.buffer, FRAME_BYTES_MAX);
            if let Some(frame) = cut.expect("the station sends frames") {
                return Some(Message::from_frame(&frame).expect("the station sends messages"));
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("expected an answer within {PATIENCE:?}"));
            if read.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Asks something harmless, and waits for the answers to it and, if there is one to come, to `awaited`.
    async fn is_served(&mut self, fence: u64, awaited: Option<u64>, hostile: &Hostile) -> Option<Response> {
        let (mut served, mut answer) = (false, None);
        while !served || (awaited.is_some() && answer.is_none()) {
            match self.next().await {
                Some(Message::Response { number, response: Response::Status(_), .. }) if number == fence => {
                    served = true;
                }
                Some(Message::Response { number, response, .. }) if Some(number) == awaited => {
                    answer = Some(response);
                }
                Some(Message::Notice(_)) => {}
                other => panic!(
                    "expected answers to {awaited:?} and to the good request behind it, got {other:?}, after {hostile:?}"
                ),
            }
        }
        answer
    }

    async fn ask_status(&mut self, fence: u64) {
        let status = Message::Request { number: fence, terms: Terms::default(), request: Request::Status };
        self.send(&status.to_frame().expect("fits")).await;
    }

    /// Throws a body with a right checksum.
    async fn throw_body(&mut self, hostile: &Hostile, fence: u64) {
        self.send(&hostile.bytes).await;
        match &hostile.verdict {
            Verdict::Fatal => {
                self.is_sent_away(hostile).await;
                self.come_back().await;
                self.ask_status(fence).await;
                self.is_served(fence, None, hostile).await;
            }
            Verdict::Malformed { number, field: expected } => {
                self.ask_status(fence).await;
                match self.is_served(fence, Some(*number), hostile).await {
                    Some(Response::Refused(RequestError::Malformed { field, detail }))
                        if field == *expected && !detail.is_empty() => {}
                    other => panic!("expected field {expected} to be named, got {other:?}, for {hostile:?}"),
                }
                self.tally.malformed += 1;
            }
            Verdict::Request { number } => {
                self.ask_status(fence).await;
                let answer = self.is_served(fence, Some(*number), hostile).await;
                self.note(answer.expect("waited for"));
            }
        }
    }

    /// Throws a frame with bytes changed anywhere, closes the sending side, and hears why the session ends.
    async fn throw_frame(&mut self, hostile: &Hostile, fence: u64) {
        self.send(&hostile.bytes).await;
        self.stream.shutdown().await.expect("closed");
        match &hostile.verdict {
            Verdict::Fatal if hostile.bytes.is_empty() => {}
            Verdict::Fatal => self.is_sent_away(hostile).await,
            Verdict::Request { .. } | Verdict::Malformed { .. } => self.hear_out().await,
        }
        self.come_back().await;
        self.ask_status(fence).await;
        self.is_served(fence, None, hostile).await;
    }

    async fn is_sent_away(&mut self, hostile: &Hostile) {
        loop {
            match self.next().await {
                Some(Message::Notice(_)) => {}
                Some(Message::Refused(Refusal::Protocol(why))) => break assert!(!why.is_empty()),
                other => panic!("expected to be told what is wrong, got {other:?}, after {hostile:?}"),
            }
        }
        assert_eq!(self.next().await, None, "the session goes on after {hostile:?}");
    }

    /// All that is said until the station closes.
    async fn hear_out(&mut self) {
        while let Some(message) = self.next().await {
            if let Message::Response { response, .. } = message {
                self.note(response);
            }
        }
    }

    fn note(&mut self, answer: Response) {
        match answer {
            Response::Written(receipt) => drop(self.tally.accepted.insert(receipt.dot)),
            Response::BatchWritten(receipts) => {
                self.tally.accepted.extend(receipts.into_iter().map(|receipt| receipt.dot));
            }
            Response::Refused(error) | Response::BatchRefused { error, .. } => {
                assert!(!error.to_string().is_empty(), "a refusal says why");
                self.tally.refused += 1;
            }
            _ => self.tally.answered += 1,
        }
    }
}

/// Throws the inputs of a range, several intruders at a time; input `n` is drawn with seed `seed + n`.
async fn throw_all(address: &str, subject: &Subject, seed: u64, range: std::ops::Range<u64>) -> Tally {
    let intruders: Vec<_> = (0..INTRUDERS)
        .map(|which| {
            let (address, subject, range) = (address.to_owned(), subject.clone(), range.clone());
            spawn_local(async move {
                let mut intruder = Intruder::at(&address).await;
                for n in range.filter(|n| n % INTRUDERS == which) {
                    let mut rng = fastrand::Rng::with_seed(seed + n);
                    let good = subject.request(rng.u64(1..1 << 40), &mut rng);
                    let fence = rng.u64(1 << 60..);
                    if n % ONE_FRAME_IN == 0 {
                        intruder.throw_frame(&Hostile::mutated_frame(&good, &mut rng), fence).await;
                    } else {
                        intruder.throw_body(&Hostile::mutated_body(&good, &mut rng), fence).await;
                    }
                }
                intruder.tally
            })
        })
        .collect();
    let mut tally = Tally::default();
    for intruder in intruders {
        tally.add(intruder.await.expect("every input is answered as it should be"));
    }
    tally
}

async fn status(processes: &mut Processes, name: &str) -> StatusView {
    let status = processes.client(name).await.status().await;
    status.unwrap_or_else(|error| panic!("status of {name}: {error}"))
}

/// A station with a conflict, and what requests can be about.
async fn prepare(processes: &mut Processes) -> Subject {
    let mut dots = Vec::new();
    for text in ["kept", "other", "third"] {
        dots.push(processes.put("pacific", text, "value").await.dot);
    }
    let beside = Write { kind: WriteKind::Put(WriteContext::Blind), ..Write::put("kept", "beside it") };
    dots.push(processes.write("pacific", &beside).await.dot);
    let entry = processes.get("pacific", "kept").await.expect("it was written");
    let conflict = entry.conflict.expect("two versions stand beside each other");
    Subject { keys: ["kept", "other", "third", "never"].map(key).to_vec(), dots, conflict }
}

/// Disproved by an input without a typed answer, a session that ends where it need not, a good request that is not served
/// behind it, a write that nobody has a receipt for, or memory that grows.
#[test]
fn mutated_requests_are_refused_by_name_and_store_nothing() {
    run_processes(async {
        let (seed, inputs) = (0x6006, setting("HOSTILE", 10_000));
        println!("seed {seed}, {inputs} inputs");
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        let subject = prepare(&mut processes).await;
        let before = status(&mut processes, "pacific").await;
        let address = processes.place("pacific").address;

        let mut tally = throw_all(&address, &subject, seed, 0..inputs / 10).await;
        let memory = processes.memory_bytes("pacific");
        tally.add(throw_all(&address, &subject, seed, inputs / 10..inputs).await);
        let grown = processes.memory_bytes("pacific").saturating_sub(memory);
        println!(
            "{} writes accepted, {} answers, {} refused, {} malformed, {} sessions ended, {} KiB grown",
            tally.accepted.len(),
            tally.answered,
            tally.refused,
            tally.malformed,
            tally.sessions_ended,
            grown / 1024
        );
        assert!(grown < GROWTH_BYTES_MAX, "memory grew by {grown} bytes");

        let after = status(&mut processes, "pacific").await;
        assert_eq!((after.held_back, after.quarantined), (0, 0));
        let (own, old) = (&after.replica, before.durable.upto(&before.replica));
        let expected: BTreeSet<Dot> =
            (old + 1..=after.durable.upto(own)).map(|seq| Dot { replica: own.clone(), seq }).collect();
        assert_eq!(tally.accepted, expected, "exactly what has a receipt was stored");
        assert_eq!(
            others(&after, &before),
            others(&before, &before),
            "nothing was stored under another name"
        );
        let arrived =
            async |processes: &mut Processes| status(processes, "atlantic").await.durable == after.durable;
        processes.until("atlantic has all that was accepted", arrived).await;
        processes.stop().await;
    });
}

/// A station's vector without its own events.
fn others(status: &StatusView, before: &StatusView) -> VersionVector {
    let foreign = status.durable.iter().filter(|(replica, _)| **replica != before.replica);
    foreign.map(|(replica, seq)| (replica.clone(), seq)).collect()
}
