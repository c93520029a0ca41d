//! The journal: what was decided, the same in every run, explained, and decided again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;

use std::num::NonZeroUsize;
use std::path::Path;

use bench::{Bench, numbered};
use clock_proxy::topology::Framing;
use clock_proxy::{Events, EventsForm};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const RULES: &str = "drop a<->b p=0.1 corr=0.3; dup a->b p=0.1 copies=2; corrupt a->b bits=2 p=0.2 every=2; \
                     delay a->b 2ms ±2ms dist=normal; reorder a->b p=0.1 gap=3 max=60s; replay a->b back=4 p=0.05";

const FRAMES: u32 = 800;

async fn journalled(path: &Path, form: EventsForm, setup: Setup<'_>) -> Bench {
    Bench::with(|mut blueprint| {
        blueprint.events = Some(Events { path: path.to_owned(), form });
        blueprint.replay = setup.replay.map(Path::to_owned);
        blueprint.threads = NonZeroUsize::new(setup.threads);
        blueprint.framing = setup.framing;
        blueprint
    })
    .await
}

/// What must change nothing, and a journal to be decided again.
#[derive(Clone, Copy)]
struct Setup<'a> {
    framing: Option<Framing>,
    /// Of the proxy, and of the stations and whoever commands.
    threads: usize,
    chunk: usize,
    is_busy: bool,
    replay: Option<&'a Path>,
}

const PLAIN: Setup<'_> = Setup { framing: None, threads: 1, chunk: 1 << 20, is_busy: false, replay: None };

async fn send(mut near: TcpStream, chunk: usize) -> TcpStream {
    for part in numbered(0..FRAMES).chunks(chunk) {
        near.write_all(part).await.unwrap();
    }
    near.shutdown().await.unwrap();
    near
}

/// One run: two connections under the rules, one of them both ways. Returns what b got on the first.
async fn run(bench: &Bench, rules: &str, chunk: usize, is_busy: bool) -> Vec<u8> {
    bench.ok(rules).await;
    let (one, mut one_far) = bench.connect("a", "b").await;
    let (two, mut two_far) = bench.connect("b", "a").await;
    let busy = if is_busy { Some(bench.connect("a", "c").await) } else { None };
    let noise = tokio::spawn(async move {
        let Some((near, mut far)) = busy else { return };
        let reading = tokio::spawn(async move { tokio::io::copy(&mut far, &mut tokio::io::sink()).await });
        drop(send(near, 100).await);
        drop(reading.await);
    });
    let senders = (tokio::spawn(send(one, chunk)), tokio::spawn(send(two, chunk)));
    let (first, _) = tokio::join!(bench.read_to_end(&mut one_far), bench.read_to_end(&mut two_far));
    drop((senders.0.await.unwrap(), senders.1.await.unwrap()));
    noise.await.unwrap();
    first
}

/// The canonical journal of one run, and what b got.
fn canonical(rules: &str, setup: Setup<'_>) -> (String, Vec<u8>) {
    on_threads(setup.threads, async {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("events.jsonl");
        let bench = journalled(&path, EventsForm::Canonical, setup).await;
        let received = run(&bench, rules, setup.chunk, setup.is_busy).await;
        bench.proxy.shutdown().await;
        (std::fs::read_to_string(path).unwrap(), received)
    })
}

fn on_threads<T>(threads: usize, future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build().unwrap().block_on(future)
}

/// The journal of the plain run, which all others must repeat.
fn repeated(rules: &str, framing: Option<Framing>, actions: &[&str]) -> (String, Vec<u8>) {
    let plain = Setup { framing, ..PLAIN };
    let (journal, received) = canonical(rules, plain);
    for action in actions {
        assert!(journal.contains(&format!("\"action\":\"{action}\"")), "no {action}");
    }
    for (threads, chunk, is_busy) in [(4, 1 << 20, false), (4, 777, true), (1, 5000, true)] {
        let (again, got) = canonical(rules, Setup { threads, chunk, is_busy, ..plain });
        assert!(again == journal, "{threads} threads, chunks of {chunk}: the journals differ");
        assert!(got == received, "{threads} threads, chunks of {chunk}: other bytes");
    }
    (journal, received)
}

/// Disproved by one byte of difference.
#[test]
fn journals_are_equal_whatever_the_chunks_the_threads_and_the_neighbours() {
    let actions = ["drop", "dup", "flip", "delay", "reorder", "replay"];
    let (journal, _) = repeated(RULES, None, &actions);
    assert!(journal.lines().count() > 1000, "{journal}");
}

/// Copies that overtake their frame, and ends whose place is chance. Disproved by one byte of difference.
#[test]
fn journals_are_equal_where_time_decides_who_is_first() {
    let rules = "dup a<->b p=0.5 copies=3; delay a<->b 0ms ±1ms dist=normal order=free; \
                 reorder a<->b p=0.5 gap=2 max=60s; slow-close a<->b 5ms";
    let (one, _) = canonical(rules, PLAIN);
    for (threads, chunk) in [(4, 1 << 20), (4, 100), (1, 5000)] {
        let (again, _) = canonical(rules, Setup { threads, chunk, ..PLAIN });
        assert!(again == one, "{threads} threads, chunks of {chunk}: the journals differ");
    }
}

/// Disproved by damage that depends on what a read brings.
#[test]
fn lanes_without_frames_are_damaged_alike_and_alike_again_in_a_replay() {
    let (journal, received) = repeated("corrupt a<->b rate=0.01", Some(Framing::Raw), &["damage"]);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("first.jsonl");
    std::fs::write(&path, &journal).unwrap();
    let setup = Setup { framing: Some(Framing::Raw), chunk: 999, threads: 4, replay: Some(&path), ..PLAIN };
    assert!(canonical("seed 99", setup) == (journal, received), "the replay decided otherwise");
}

/// Disproved by dice that are thrown in a replay, or by a decision that is not repeated.
#[test]
fn a_replay_decides_again_what_was_decided_with_no_rule_at_all() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("first.jsonl");
    let (journal, received) = canonical(RULES, PLAIN);
    std::fs::write(&path, &journal).unwrap();
    let setup = Setup { threads: 2, chunk: 3000, replay: Some(&path), ..PLAIN };
    assert!(canonical("seed 99", setup) == (journal.clone(), received), "the replay decided otherwise");
    let (ruled, _) = canonical("seed 98; drop a<->b p=1", setup);
    assert!(ruled == journal, "dice were thrown in a replay");
}

#[tokio::test]
async fn a_timed_journal_has_times_and_epochs() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("events.jsonl");
    let bench = journalled(&path, EventsForm::Timed, PLAIN).await;
    let (near, mut far) = bench.connect("a", "b").await;
    bench.ok("drop a->b count=1; limit a->b 100B").await;
    drop(send(near, 1000).await);
    bench.read_to_end(&mut far).await;
    bench.proxy.shutdown().await;
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["action"]).collect::<Vec<_>>(), ["drop", "limit"]);
    assert!(lines.iter().all(|line| line["t_ns"].is_u64() && line["epoch"] == 1), "{text}");
    assert_eq!(
        (&lines[0]["conn"], &lines[0]["frame"], &lines[0]["rule"]),
        (&"a->b#0".into(), &0.into(), &1.into())
    );
}

#[tokio::test]
async fn explain_says_what_happened_to_a_frame_and_no_more() {
    let bench = Bench::new().await;
    let (near, mut far) = bench.connect("a", "b").await;
    bench.ok("drop a->b every=10").await;
    drop(send(near, 1000).await);
    bench.read_to_end(&mut far).await;
    let explain = async |frame: u32| -> serde_json::Value {
        serde_json::from_str(&bench.ok(&format!("explain a->b#0:{frame}")).await).unwrap()
    };
    let dropped = explain(10).await;
    assert_eq!(dropped["lanes"][0]["verdict"], "decided");
    assert_eq!(dropped["lanes"][0]["events"][0]["action"], "drop");
    assert_eq!(explain(11).await["lanes"][0]["verdict"], "passed-untouched");
    assert_eq!(explain(FRAMES).await["lanes"][0]["verdict"], "not-yet-seen");
    let reply = bench.reply("explain a->b 7").await;
    assert!(reply.starts_with("err bad-syntax"), "{reply}");
}

#[test]
fn a_journal_that_is_none_is_refused_with_its_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("bad.jsonl");
    std::fs::write(
        &path,
        "{\"flow\":\"a->b\",\"conn\":\"a->b#0\",\"frame\":1,\"rule\":1,\"action\":\"drop\"}\nno\n",
    )
    .unwrap();
    let mut blueprint = clock_proxy::topology::Blueprint::default().node("a", None).node("b", None);
    blueprint.replay = Some(path.clone());
    let error = blueprint.into_plan().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2:1: an event is expected", path.display())), "{error}");
}
