//! A small frame there and a small frame back, one at a time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::{Pair, SMALL_BYTES, frames, joined};

/// Seconds of each round trip. The answer is a frame as well: half of one would not come out of a framed lane.
pub(crate) fn trips(pair: &mut Pair, count: usize) -> io::Result<Vec<f64>> {
    let Pair { client, server } = pair;
    std::thread::scope(|scope| {
        let echo = scope.spawn(move || echo(server, count));
        let trips = ping(client, count);
        joined(echo)?;
        trips
    })
}

fn echo(server: &mut TcpStream, count: usize) -> io::Result<()> {
    let mut frame = [0; SMALL_BYTES];
    for _ in 0..count {
        server.read_exact(&mut frame)?;
        server.write_all(&frame)?;
    }
    Ok(())
}

fn ping(client: &mut TcpStream, count: usize) -> io::Result<Vec<f64>> {
    let mut frame = frames(SMALL_BYTES, 1);
    let mut trips = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        client.write_all(&frame)?;
        client.read_exact(&mut frame)?;
        trips.push(start.elapsed().as_secs_f64());
    }
    Ok(trips)
}
