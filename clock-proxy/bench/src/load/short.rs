//! Connections that live for one small frame there and back.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use super::{PATIENCE, SMALL_BYTES, frames, joined};
use crate::statistics::number;

/// Clients at the same time, and as many threads that answer.
const THREADS: usize = 4;

/// What answers one frame per connection.
#[derive(Debug)]
pub(crate) struct Answerer {
    listener: TcpListener,
    address: SocketAddr,
}

impl Answerer {
    /// Listens on a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where relays connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections a second, so many of them one after the other from a few threads.
    pub(crate) fn rate(&self, entry: SocketAddr, connections: usize) -> io::Result<f64> {
        std::thread::scope(|scope| {
            let servers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| self.answer())).collect();
            let start = Instant::now();
            let clients: Vec<_> =
                (0..THREADS).map(|_| scope.spawn(|| dial(entry, connections / THREADS))).collect();
            let dialled = clients.into_iter().map(joined).collect::<io::Result<Vec<()>>>();
            let seconds = start.elapsed().as_secs_f64();
            for _ in 0..THREADS {
                drop(TcpStream::connect(self.address)?);
            }
            servers.into_iter().try_for_each(joined)?;
            dialled?;
            Ok(number(connections) / seconds)
        })
    }

    /// Until a connection brings nothing.
    fn answer(&self) -> io::Result<()> {
        loop {
            let (mut server, _) = self.listener.accept()?;
            server.set_nodelay(true)?;
            let mut frame = [0; SMALL_BYTES];
            match server.read_exact(&mut frame) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                // The client notices a failure, and says so.
                outcome => drop(outcome.and_then(|()| server.write_all(&frame))),
            }
        }
    }
}

fn dial(entry: SocketAddr, connections: usize) -> io::Result<()> {
    let mut frame = frames(SMALL_BYTES, 1);
    for _ in 0..connections {
        let mut client = TcpStream::connect_timeout(&entry, PATIENCE)?;
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.write_all(&frame)?;
        client.read_exact(&mut frame)?;
    }
    Ok(())
}
