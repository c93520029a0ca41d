//! The library noxious as a relay: `noxious-relay LISTEN UPSTREAM`. Faults come as lines, in words of our grammar:
//! `delay FLOW 10ms`, `rate FLOW 10MB/s`, `clear`. The flow is the one from the client, whatever its name.

use std::error::Error;

use noxious::proxy::{ProxyConfig, ProxyRunner, Runner, Toxics};
use noxious::signal::{Close, Stop};
use noxious::socket::TcpListener;
use noxious::toxic::{StreamDirection, Toxic, ToxicEvent, ToxicEventKind, ToxicEventResult, ToxicKind};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

type Events = bmrng::RequestSender<ToxicEvent, ToxicEventResult>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (listen, upstream) = arguments.next().zip(arguments.next()).ok_or("noxious-relay LISTEN UPSTREAM")?;
    let config = ProxyConfig { name: "relay".into(), listen, upstream, enabled: true, rand_seed: None };
    let (listener, info) = ProxyRunner::initialize_proxy::<TcpListener>(config, Toxics::empty()).await?;
    let (events, receiver) = bmrng::channel(1);
    let ((stop, _stopper), (_close, closer)) = (Stop::new(), Close::new());
    tokio::spawn(ProxyRunner::run_proxy(listener, info, receiver, stop, closer));
    obey(BufReader::new(tokio::io::stdin()).lines(), events).await
}

/// One reply per line, until there are no more lines.
async fn obey(mut lines: Lines<BufReader<Stdin>>, events: Events) -> Result<(), Box<dyn Error>> {
    while let Some(line) = lines.next_line().await? {
        let Some(kind) = kind(&line) else {
            println!("err unknown-verb");
            continue;
        };
        let is_end = matches!(kind, ToxicEventKind::RemoveAllToxics);
        let event = |kind| ToxicEvent { proxy_name: "relay".into(), kind };
        // A second toxic would be added to the first.
        let mut result = events.send_receive(event(ToxicEventKind::RemoveAllToxics)).await;
        if !is_end {
            result = events.send_receive(event(kind)).await;
        }
        match result {
            Ok(Ok(())) => println!("ok"),
            _ => println!("err conflict"),
        }
    }
    Ok(())
}

fn kind(line: &str) -> Option<ToxicEventKind> {
    let mut words = line.split_whitespace();
    let kind = match words.next()? {
        "clear" => return Some(ToxicEventKind::RemoveAllToxics),
        "delay" => ToxicKind::Latency { latency: with_unit(words.nth(1)?, &[("ms", 1)])?, jitter: 0 },
        "rate" => ToxicKind::Bandwidth { rate: with_unit(words.nth(1)?, &[("KB/s", 1), ("MB/s", 1_000)])? },
        _ => return None,
    };
    let (name, direction) = ("fault".to_owned(), StreamDirection::Upstream);
    Some(ToxicEventKind::AddToxic(Toxic { kind, name, toxicity: 1.0, direction }))
}

fn with_unit(word: &str, units: &[(&str, u64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| Some(word.strip_suffix(unit)?.parse::<u64>().ok()? * factor))
}
