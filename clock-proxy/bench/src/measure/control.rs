//! How long it takes to put a fault on and to take it off.

use std::io;
use std::time::{Duration, Instant};

use super::Bench;
use crate::http::Http;
use crate::load::Upstream;
use crate::peer::{Fault, Peer, Relay, start_with_api};
use crate::statistics::{median, micros};

/// Microseconds for both, by commands on standard input.
pub(crate) const COMMANDS: &str = "two commands, µs";
/// Microseconds for both, on a kept connection of HTTP.
pub(crate) const CALLS: &str = "two calls over HTTP, µs";

const TOXIC: &str =
    r#"{"name":"late","type":"latency","stream":"downstream","attributes":{"latency":1,"jitter":0}}"#;

/// Both ways.
pub(crate) fn measure(bench: &mut Bench<'_>) -> io::Result<()> {
    let upstream = Upstream::bind()?;
    for relay in Relay::start_all(&Peer::WITH_FAULTS, bench.programs, upstream.address(), 1) {
        by_commands(bench, &upstream, relay);
    }
    match start_with_api(bench.programs) {
        Err(absent) => bench.note(&[CALLS.to_owned()], Peer::OursRaw, &absent.reason),
        Ok((_process, _grammar, address)) => {
            let calls = calls(address, &upstream, bench.effort.calls);
            bench.put(CALLS, Peer::OursRaw, calls);
        }
    }
    Ok(())
}

/// With one connection open, which has to obey.
fn by_commands(bench: &mut Bench<'_>, upstream: &Upstream, mut relay: Relay) {
    let peer = relay.peer;
    let open = upstream.pair(relay.entry(0));
    if let Err(error) = open {
        bench.put(COMMANDS, peer, Err(error));
        return;
    }
    let mut samples = Vec::new();
    for _ in 0..bench.effort.calls {
        let start = Instant::now();
        let done = relay.set(Fault::Delay(Duration::from_millis(1))).and_then(|()| relay.set(Fault::None));
        if let Err(refused) = done {
            bench.note(&[COMMANDS.to_owned()], peer, &refused.note());
            return;
        }
        samples.push(micros(start.elapsed().as_secs_f64()));
    }
    bench.figures.put_value(COMMANDS, peer, median(&mut samples));
}

fn calls(api: std::net::SocketAddr, upstream: &Upstream, count: usize) -> io::Result<Option<f64>> {
    let mut http = Http::connect(api)?;
    let proxy = format!(r#"{{"name":"relay","listen":"127.0.0.1:0","upstream":"{}"}}"#, upstream.address());
    let (_, body) = expect(&mut http, 201, "POST", "/proxies", &proxy)?;
    let entry = serde_json::from_str::<serde_json::Value>(&body)?["listen"].as_str().map(str::parse);
    let entry = entry.and_then(Result::ok).ok_or_else(|| io::Error::other("no address in the answer"))?;
    let _open = upstream.pair(entry)?;
    let mut samples = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        expect(&mut http, 200, "POST", "/proxies/relay/toxics", TOXIC)?;
        expect(&mut http, 204, "DELETE", "/proxies/relay/toxics/late", "")?;
        samples.push(micros(start.elapsed().as_secs_f64()));
    }
    Ok(median(&mut samples))
}

fn expect(http: &mut Http, wanted: u16, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
    let answer = http.call(method, path, body)?;
    if answer.0 == wanted { Ok(answer) } else { Err(io::Error::other(format!("{method}: {answer:?}"))) }
}
