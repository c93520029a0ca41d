//! As many bytes as come through.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::{Pair, joined};

/// A read of the receiver.
const READ_BYTES: usize = 512 * 1024;

/// What came through, and in which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
}

/// Sends the chunk over and over on all connections, and counts until the last byte has come out.
pub(crate) fn bulk(pairs: &mut [Pair], chunk: &[u8], duration: Duration) -> io::Result<Moved> {
    let start = Instant::now();
    let received = std::thread::scope(|scope| {
        let threads: Vec<_> = pairs
            .iter_mut()
            .map(|Pair { client, server }| {
                let sender = scope.spawn(move || send(client, chunk, start + duration));
                (sender, scope.spawn(move || receive(server)))
            })
            .collect();
        let results = threads.into_iter().map(|(sender, receiver)| {
            joined(sender)?;
            joined(receiver)
        });
        results.sum::<io::Result<usize>>()
    });
    Ok(Moved { bytes: received?, seconds: start.elapsed().as_secs_f64() })
}

fn send(client: &mut TcpStream, chunk: &[u8], deadline: Instant) -> io::Result<()> {
    while Instant::now() < deadline {
        client.write_all(chunk)?;
    }
    client.shutdown(Shutdown::Write)
}

fn receive(server: &mut TcpStream) -> io::Result<usize> {
    let (mut buffer, mut received) = (vec![0; READ_BYTES], 0);
    loop {
        match server.read(&mut buffer)? {
            0 => return Ok(received),
            bytes => received += bytes,
        }
    }
}
