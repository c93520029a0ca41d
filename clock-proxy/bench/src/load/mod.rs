//! The two ends of connections, and what is sent through them.

pub(crate) mod bulk;
pub(crate) mod flood;
pub(crate) mod short;
pub(crate) mod stamped;
pub(crate) mod trips;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// How long a connection may take to come through a relay, and a byte that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);
/// Bytes of a small frame, its length included.
pub(crate) const SMALL_BYTES: usize = 64;
/// The width of the length before each frame.
pub(crate) const HEADER_BYTES: usize = 4;

/// What stands behind a relay: connections are accepted in the order in which they are made.
#[derive(Debug)]
pub(crate) struct Upstream {
    listener: TcpListener,
    address: SocketAddr,
}

/// Both ends of a connection through a relay.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Upstream {
    /// Listens on a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where relays connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects to the entry, and waits for what comes out behind it.
    pub(crate) fn pair(&self, entry: SocketAddr) -> io::Result<Pair> {
        let client = TcpStream::connect_timeout(&entry, PATIENCE)?;
        let server = self.accept()?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(PATIENCE))?;
        }
        Ok(Pair { client, server })
    }

    fn accept(&self) -> io::Result<TcpStream> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.listener.accept() {
                Ok((server, _)) => {
                    server.set_nonblocking(false)?;
                    return Ok(server);
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) if Instant::now() > deadline => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => std::thread::park_timeout(Duration::from_micros(50)),
            }
        }
    }
}

/// Frames of this size, length included, one after the other, to be sent over and over.
pub(crate) fn frames(frame_bytes: usize, count: usize) -> Vec<u8> {
    let mut frame = vec![0x5a; frame_bytes];
    let payload = u32::try_from(frame_bytes - HEADER_BYTES).unwrap_or(u32::MAX);
    frame[..HEADER_BYTES].copy_from_slice(&payload.to_be_bytes());
    frame.repeat(count)
}

/// What a thread of a scope returned.
pub(crate) fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    thread.join().unwrap_or_else(|_panic| Err(io::Error::other("a thread of the load panicked")))
}
