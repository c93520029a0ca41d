//! Stopping real stations: in order, in time, and nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clock_core::Key;
use clock_core::wire::message::{Hello, Message, Role};
use clock_core::wire::{Request, Response, Terms};
use clock_node::net::client::Client;
use clock_tests::processes::{FOUR, Processes, key, put_request, run_processes, station};
use clock_tests::read_back::read_back;
use clock_tests::recorder::{Place, RecordingClient, Worker, Workload, Write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

/// From the signal to the end of the process.
const GONE_WITHIN: Duration = Duration::from_secs(11);

/// Disproved by a station that outlives 11 seconds, or an acknowledged write that a restart does not have.
#[test]
fn a_station_that_stops_under_load_keeps_every_acknowledged_write() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let writers: Vec<_> = (0..4)
            .map(|_| spawn_local(write_until_closed(processes.recorder.client(), processes.place("pacific"))))
            .collect();
        let busy = async |processes: &mut Processes| processes.history("pacific", "load").await.len() > 50;
        processes.until("pacific is under load", busy).await;
        let status = processes.terminate("pacific", GONE_WITHIN).await;
        assert!(status.success(), "{status}\n{}", processes.logs());
        let mut acknowledged = BTreeSet::new();
        for writer in writers {
            acknowledged.extend(writer.await.expect("a writer ends"));
        }
        processes.restart("pacific").await;
        let kept = processes.history("pacific", "load").await;
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "{} acknowledged, lost {lost:?}", acknowledged.len());
        processes.stop().await;
    });
}

async fn write_until_closed(mut client: RecordingClient, place: Place) -> Vec<clock_core::Dot> {
    let mut acknowledged = Vec::new();
    while let Ok(receipt) = client.write(&place, &Write::put("load", "written under load")).await {
        acknowledged.push(receipt.dot);
    }
    acknowledged
}

/// An upgrade: one station after the other is stopped and started while clients go on. Disproved by an exit that is not
/// clean or not in time, an acknowledged write that is gone, or anything the checks find in what clients were told.
#[test]
fn a_rolling_restart_under_load_loses_nothing() {
    run_processes(async {
        let (mut processes, load) = (Processes::start(&FOUR).await, Workload::default());
        let keys: Vec<Key> = (0..6).map(|n| key(&format!("rolling/{n}"))).collect();
        load.turn_to(keys.clone());
        FOUR.iter().for_each(|name| load.open(processes.place(name)));
        let pause = Duration::from_millis(10);
        let workers: Vec<_> = (0..6)
            .map(|n| Worker::new(&processes.recorder, &load, FOUR[n % 4], n as u64, pause))
            .map(|worker| spawn_local(worker.work()))
            .collect();
        for name in FOUR {
            let before = processes.recorder.counts().acknowledged;
            let busy =
                async |processes: &mut Processes| processes.recorder.counts().acknowledged > before + 20;
            processes.until("clients write", busy).await;
            let status = processes.terminate(name, GONE_WITHIN).await;
            assert!(status.success(), "{name}: {status}\n{}", processes.logs());
            processes.restart(name).await;
            processes.until_linked(&FOUR).await;
        }
        load.end();
        for worker in workers {
            worker.await.expect("a worker ends");
        }
        read_back(&mut processes, &keys).await;
        processes.stop().await;
    });
}

/// Disproved by a station that waits for idle clients, or for somebody who never finishes a frame.
#[test]
fn idle_clients_and_half_frames_do_not_hold_up_a_stop() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let idle = Client::connect(&address, &station("constellation"), GONE_WITHIN).await.expect("connects");
        let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
        let mut half = TcpStream::connect(&address).await.expect("connects");
        half.write_all(&hello.to_frame().expect("fits")).await.expect("written");
        let mut welcome = [0; 4];
        half.read_exact(&mut welcome).await.expect("welcomed");
        half.write_all(&[0, 0, 0, 200, b'C', b'K']).await.expect("written");
        let begun = Instant::now();
        let status = processes.terminate("pacific", GONE_WITHIN).await;
        assert!(status.success() && begun.elapsed() < GONE_WITHIN, "{status} after {:?}", begun.elapsed());
        drop(idle);
        processes.restart("pacific").await;
        processes.stop().await;
    });
}

/// Disproved by a station that waits for a watcher that does not read, or for clients that never stop asking.
#[test]
fn suspended_watchers_and_endless_requests_do_not_hold_up_a_stop() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let mut watcher =
            Client::connect(&address, &station("constellation"), GONE_WITHIN).await.expect("connects");
        assert_eq!(
            watcher.request(Request::Watch { after: None }).await.expect("watching"),
            Response::Watching
        );
        let endless: Vec<_> = (0..3).map(|_| tokio::spawn(ask_without_end(address.clone()))).collect();
        let large = "x".repeat(100_000);
        for _ in 0..100 {
            processes.put("pacific", "watched", &large).await;
        }
        let begun = Instant::now();
        let status = processes.terminate("pacific", GONE_WITHIN).await;
        assert!(status.success(), "{status} after {:?}\n{}", begun.elapsed(), processes.logs());
        for asker in endless {
            asker.await.expect("the connection ends");
        }
        drop(watcher);
        processes.restart("pacific").await;
        processes.stop().await;
    });
}

/// Pipelines requests without ever waiting for an answer, until the connection ends.
async fn ask_without_end(address: String) {
    let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
    let get = Request::Get { key: key("watched"), skip: 0 };
    let get = Message::Request { number: 1, terms: Terms::default(), request: get }.to_frame().expect("fits");
    let stream = TcpStream::connect(&address).await.expect("connects");
    let (mut answers, mut questions) = stream.into_split();
    let reading = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
    questions.write_all(&hello.to_frame().expect("fits")).await.expect("written");
    while questions.write_all(&get).await.is_ok() {}
    let _ = reading.await;
}

/// Disproved by a frame that had begun to arrive and is thrown away, or is applied without an answer.
#[test]
fn sigterm_mid_frame_finishes_the_frame() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        processes.others_write_too();
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
        let put =
            Message::Request { number: 1, terms: Terms::default(), request: put_request("split", "whole") }
                .to_frame()
                .expect("fits");
        let mut stream = TcpStream::connect(&address).await.expect("connects");
        stream.write_all(&hello.to_frame().expect("fits")).await.expect("written");
        stream.readable().await.expect("welcomed");
        stream.write_all(&put[..put.len() / 2]).await.expect("written");
        // Another client's answer proves that the station has read at least what was sent before.
        processes.put("pacific", "other", "value").await;
        let rest = put.slice(put.len() / 2..);
        let finish = tokio::spawn(async move {
            // Once the station takes no new connections it is stopping.
            while TcpStream::connect(&address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stream.write_all(&rest).await.expect("the station still reads the frame");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        });
        let status = processes.terminate("pacific", GONE_WITHIN).await;
        assert!(status.success(), "{status}");
        let answer = finish.await.expect("read");
        assert!(answer.windows(5).any(|window| window == b"split"), "no receipt in {answer:02x?}");
        processes.restart("pacific").await;
        assert_eq!(processes.history("pacific", "split").await.len(), 1);
        processes.stop().await;
    });
}
