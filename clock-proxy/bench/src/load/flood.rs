//! More bytes than a relay lets through.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::{Pair, joined};
use crate::statistics::number;

/// A read of the receiver: small, so that arrivals are told apart.
const READ_BYTES: usize = 256 * 1024;
/// A sender that could not write for so long is stuck.
const STUCK: Duration = Duration::from_millis(300);

/// Bytes a second that come out when more are sent, without those of the first fifth of the time, in which buffers
/// fill and a burst is let through.
pub(crate) fn rate(mut pair: Pair, chunk: &[u8], duration: Duration) -> io::Result<Option<f64>> {
    let Pair { client, server } = &mut pair;
    let end_of_client = client.try_clone()?;
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || {
            while client.write_all(chunk).is_ok() {}
            Ok(())
        });
        let rate = arrivals(server, duration);
        // Ends the sender, which waits for a relay that takes no more.
        end_of_client.shutdown(Shutdown::Both)?;
        joined(sender)?;
        rate
    })
}

fn arrivals(server: &mut TcpStream, duration: Duration) -> io::Result<Option<f64>> {
    let (start, mut buffer) = (Instant::now(), vec![0; READ_BYTES]);
    let (mut first, mut last, mut bytes) = (None, start, 0);
    while start.elapsed() < duration {
        let read = server.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        last = Instant::now();
        match first {
            None if start.elapsed() > duration / 5 => first = Some(last),
            None => {}
            Some(_) => bytes += read,
        }
    }
    let seconds = first.map(|first: Instant| last.duration_since(first).as_secs_f64());
    Ok(seconds.filter(|seconds| *seconds > 0.0).map(|seconds| number(bytes) / seconds))
}

/// Sends to a receiver that does not read until nothing more can be written.
pub(crate) fn fill(pair: &mut Pair, chunk: &[u8]) -> io::Result<()> {
    pair.client.set_write_timeout(Some(STUCK))?;
    loop {
        match pair.client.write(chunk) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
