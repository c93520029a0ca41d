//! Stopping real stations: in order, in time, and nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clock_core::wire::Response;
use clock_core::wire::message::{Hello, Message, Role};
use clock_node::net::client::Client;
use clock_tests::processes::{Processes, put_request, run_processes, station};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// From the signal to the end of the process.
const GONE_WITHIN: Duration = Duration::from_secs(11);

/// Disproved by a station that outlives 11 seconds, or an acknowledged write that a restart does not have.
#[test]
fn a_station_that_stops_under_load_keeps_every_acknowledged_write() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let writers: Vec<_> =
            (0..4).map(|writer| tokio::spawn(write_until_closed(address.clone(), writer))).collect();
        let busy = async |processes: &mut Processes| processes.history("pacific", "load").await.len() > 50;
        processes.until("pacific is under load", busy).await;
        let status = processes.cluster.terminate(&station("pacific"), GONE_WITHIN).await;
        let status = status.unwrap_or_else(|error| panic!("{error}\n{}", processes.logs()));
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

async fn write_until_closed(address: String, writer: usize) -> Vec<clock_core::Dot> {
    let mut acknowledged = Vec::new();
    let mut client =
        Client::connect(&address, &station("constellation"), GONE_WITHIN).await.expect("connects");
    while let Ok(Response::Written(receipt)) =
        client.request(put_request("load", &format!("writer {writer}"))).await
    {
        acknowledged.push(receipt.dot);
    }
    acknowledged
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
        let status =
            processes.cluster.terminate(&station("pacific"), GONE_WITHIN).await.expect("gone in time");
        assert!(status.success() && begun.elapsed() < GONE_WITHIN, "{status} after {:?}", begun.elapsed());
        drop(idle);
        processes.restart("pacific").await;
        processes.stop().await;
    });
}

/// Disproved by a frame that arrives in two pieces around the signal and is applied in part: the write is either
/// there with its receipt, or not there.
#[test]
fn sigterm_mid_frame_applies_or_rejects_the_whole_frame() {
    run_processes(async {
        let mut processes = Processes::start(&["pacific", "atlantic"]).await;
        let address = processes.cluster.address(&station("pacific")).expect("runs").to_owned();
        let hello = Message::Hello(Hello { cluster: station("constellation"), role: Role::Client });
        let put =
            Message::Request { number: 1, request: put_request("split", "whole") }.to_frame().expect("fits");
        let mut stream = TcpStream::connect(&address).await.expect("connects");
        stream.write_all(&hello.to_frame().expect("fits")).await.expect("written");
        stream.write_all(&put[..put.len() / 2]).await.expect("written");
        let rest = put.slice(put.len() / 2..);
        let finish = tokio::spawn(async move {
            let _ = stream.write_all(&rest).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        });
        let status =
            processes.cluster.terminate(&station("pacific"), GONE_WITHIN).await.expect("gone in time");
        assert!(status.success(), "{status}");
        let answer = finish.await.expect("read");
        processes.restart("pacific").await;
        let kept = processes.history("pacific", "split").await.len();
        let acknowledged = usize::from(answer.windows(5).any(|window| window == b"split"));
        assert!(kept <= 1 && acknowledged <= kept, "acknowledged {acknowledged}, kept {kept}");
        processes.stop().await;
    });
}
