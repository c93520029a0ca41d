//! A listener that can refuse, and that can fail to answer.
//!
//! Accepting a connection and closing it is not a refusal: the client sees a connection, and may have sent its
//! first bytes. So the kernel is made to answer as it does for an address where nobody listens, or not at all.
//!
//! - *Refusing*: `shutdown()` takes a listening socket back to where `bind()` left it, and `listen()` opens it
//!   again. The port stays ours, for it was bound by number. While it is not listening the socket gives up
//!   `SO_REUSEADDR`, or another process could bind the port too.
//! - *Silent*: with a backlog of 0 the kernel keeps one connection that nobody has accepted, and drops every SYN
//!   while it does. That one is our own, the *filler*.
//!
//! Connections that came in before are handed out first, in both states. Only Linux does all of this; elsewhere
//! what comes in is accepted, and reset at once or kept without a word until the listener opens.
//!
//! The socket leaves tokio while it does not listen: it would be reported as hung up, for ever.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{Shutdown, listen, shutdown};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the kernel keeps for us; the usual number.
const BACKLOG: i32 = 1024;

/// How long a filler may take to get through. On its way to ourselves it needs microseconds, so one that is still
/// on its way found the queue full.
const FILLER_TIMEOUT: Duration = Duration::from_millis(20);

/// Fillers to try. Each failure means that somebody else got the place first, and is handed out.
const FILLERS_MAX: usize = 64;

/// Free ports to try. Each failure means that somebody took the port in the microsecond since it was found.
const PORTS_MAX: usize = 16;

/// Connections kept without a word where SYNs cannot be dropped; further ones are reset.
const SILENT_MAX: usize = 256;

type Accepted = (TcpStream, SocketAddr);

/// How a listener treats whoever dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stance {
    /// Connections are accepted.
    #[default]
    Open,
    /// A dial gets "connection refused".
    Refusing,
    /// A dial gets no answer.
    Silent,
}

/// A listening socket that keeps its address whatever its stance.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Option<Socket>,
    address: SocketAddr,
    stance: Stance,
    /// Came in before the listener stopped accepting.
    early: VecDeque<Accepted>,
    /// Holds the only place in the queue of a silent listener.
    filler: Option<std::net::TcpStream>,
    /// A filler that may still be in the queue.
    filler_address: Option<SocketAddr>,
    /// Accepted where SYNs cannot be dropped.
    silent: Vec<TcpStream>,
    is_exact: bool,
}

#[derive(Debug)]
enum Socket {
    Accepting(TcpListener),
    /// Not known to tokio.
    Resting(std::net::TcpListener),
}

impl Listener {
    /// Listens on `address`; port 0 means any.
    ///
    /// # Errors
    /// The address is taken, or not ours.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = if address.port() == 0 { bind_to_any(address) } else { bind_to(address) }?;
        let address = listener.local_addr()?;
        Ok(Self {
            socket: Some(Socket::Accepting(listener)),
            address,
            stance: Stance::Open,
            early: VecDeque::new(),
            filler: None,
            filler_address: None,
            silent: Vec::new(),
            is_exact: cfg!(target_os = "linux"),
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts one connection; never ends in another stance than [`Stance::Open`], but for what came in before.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The system's, mostly a lack of descriptors. Try again later.
    pub(crate) async fn accept(&mut self) -> io::Result<Accepted> {
        loop {
            if let Some(accepted) = self.early.pop_front() {
                return Ok(accepted);
            }
            let Some(Socket::Accepting(listener)) = &self.socket else { return pending().await };
            let (stream, client) = listener.accept().await?;
            if self.filler_address == Some(client) {
                self.filler_address = None;
                continue;
            }
            match self.stance {
                Stance::Open => return Ok((stream, client)),
                Stance::Silent if self.silent.len() < SILENT_MAX => self.silent.push(stream),
                Stance::Refusing | Stance::Silent => reset(&stream),
            }
        }
    }

    /// Changes how dials are treated. Blocks for some microseconds, and for 20 ms if somebody else dials at that
    /// moment.
    ///
    /// # Errors
    /// The system's; the listener is then in its old stance or in none, and taking a stance can be tried again.
    pub(crate) fn take_stance(&mut self, stance: Stance) -> io::Result<()> {
        if stance == self.stance {
            return Ok(());
        }
        if self.is_exact {
            let socket = self.rest()?;
            match stance {
                Stance::Open => self.open(socket)?,
                Stance::Refusing => self.refuse(socket)?,
                Stance::Silent => self.fall_silent(socket)?,
            }
        } else {
            self.silent.drain(..).for_each(|stream| reset(&stream));
        }
        self.stance = stance;
        Ok(())
    }

    /// Takes the socket out of tokio, with what waits to be accepted.
    fn rest(&mut self) -> io::Result<std::net::TcpListener> {
        let socket = match self.socket.take() {
            Some(Socket::Accepting(listener)) => listener.into_std()?,
            Some(Socket::Resting(socket)) => socket,
            None => return Err(io::ErrorKind::NotConnected.into()),
        };
        self.drain(&socket);
        Ok(socket)
    }

    fn open(&mut self, socket: std::net::TcpListener) -> io::Result<()> {
        set_socket_reuseaddr(&socket, true)?;
        listen(&socket, BACKLOG)?;
        self.filler = None;
        self.socket = Some(Socket::Accepting(TcpListener::from_std(socket)?));
        Ok(())
    }

    fn refuse(&mut self, socket: std::net::TcpListener) -> io::Result<()> {
        if self.stance != Stance::Refusing {
            shutdown(&socket, Shutdown::Both)?;
        }
        set_socket_reuseaddr(&socket, false)?;
        (self.filler, self.filler_address) = (None, None);
        self.socket = Some(Socket::Resting(socket));
        Ok(())
    }

    fn fall_silent(&mut self, socket: std::net::TcpListener) -> io::Result<()> {
        set_socket_reuseaddr(&socket, true)?;
        listen(&socket, 0)?;
        for _ in 0..FILLERS_MAX {
            self.drain(&socket);
            let filler = std::net::TcpStream::connect_timeout(&self.dialled(), FILLER_TIMEOUT);
            if let Ok(filler) = filler {
                self.filler_address = Some(filler.local_addr()?);
                self.filler = Some(filler);
                break;
            }
        }
        self.socket = Some(Socket::Resting(socket));
        Ok(())
    }

    /// Accepts what has come in already.
    fn drain(&mut self, socket: &std::net::TcpListener) {
        // Any failure means that there is nothing to be had now. The socket does not block.
        while let Ok((stream, client)) = socket.accept() {
            if self.filler_address == Some(client) {
                self.filler_address = None;
                continue;
            }
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            self.early.extend(stream.map(|stream| (stream, client)));
        }
    }

    /// Where to dial this listener from here.
    fn dialled(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let mut address = self.address;
        address.set_ip(ip);
        address
    }
}

fn reset(stream: &TcpStream) {
    // A failure means that the client is gone.
    let _ = stream.set_zero_linger();
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address)?.listen(BACKLOG.unsigned_abs())
}

/// Finds a free port and binds it by number: one that the kernel has chosen is lost when the socket stops
/// listening. The socket that found it holds it until then.
fn bind_to_any(address: SocketAddr) -> io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        let finder = bound(address)?;
        let bound = bind_to(finder.local_addr()?);
        tries += 1;
        if bound.is_ok() || tries == PORTS_MAX {
            return bound;
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::TcpStream as Client;

    use super::*;

    /// Enough for a dial on one machine, and less than the second after which a lost SYN is sent again.
    const MOMENT: Duration = Duration::from_millis(200);

    fn listener() -> Listener {
        Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    fn dial(listener: &Listener) -> io::Result<Client> {
        Client::connect_timeout(&listener.local_addr(), MOMENT)
    }

    async fn accept_from(listener: &mut Listener, client: &Client) {
        let accepted = tokio::time::timeout(Duration::from_secs(5), listener.accept()).await;
        assert_eq!(accepted.expect("nobody to accept").unwrap().1, client.local_addr().unwrap());
    }

    #[tokio::test]
    async fn a_taken_address_is_reported_and_any_port_is_a_free_one() {
        let (one, two) = (listener(), listener());
        assert_ne!(one.local_addr(), two.local_addr());
        assert_ne!(one.local_addr().port(), 0);
        assert_eq!(Listener::bind(one.local_addr()).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    /// Disproved by a dial that hangs or gets through, by a port that others can take, or by one that does not
    /// come back while connections live on it.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_refusing_listener_keeps_its_port_and_opens_again() {
        let mut listener = listener();
        for _ in 0..3 {
            let client = dial(&listener).unwrap();
            let (mut accepted, _) = listener.accept().await.unwrap();
            listener.take_stance(Stance::Refusing).unwrap();
            assert_eq!(dial(&listener).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            assert_eq!(Listener::bind(listener.local_addr()).unwrap_err().kind(), ErrorKind::AddrInUse);
            listener.take_stance(Stance::Open).unwrap();
            let other = dial(&listener).unwrap();
            accept_from(&mut listener, &other).await;
            tokio::io::AsyncWriteExt::write_all(&mut accepted, b"!").await.unwrap();
            (&client).read_exact(&mut [0]).unwrap();
        }
    }

    /// Disproved by a dial that is refused or gets through, and by a filler that is handed out.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_silent_listener_answers_nobody_and_opens_again() {
        let mut listener = listener();
        for _ in 0..3 {
            listener.take_stance(Stance::Silent).unwrap();
            for _ in 0..3 {
                assert_eq!(dial(&listener).unwrap_err().kind(), ErrorKind::TimedOut);
            }
            listener.take_stance(Stance::Open).unwrap();
            let client = dial(&listener).unwrap();
            accept_from(&mut listener, &client).await;
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_came_before_is_accepted_in_any_stance() {
        for stance in [Stance::Refusing, Stance::Silent] {
            let mut listener = listener();
            let clients = [(); 3].map(|()| dial(&listener).unwrap());
            listener.take_stance(stance).unwrap();
            for client in &clients {
                accept_from(&mut listener, client).await;
            }
            assert!(tokio::time::timeout(MOMENT / 4, listener.accept()).await.is_err());
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn every_stance_follows_every_other() {
        let mut listener = Listener::bind("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().port();
        let expected = |stance| match stance {
            Stance::Open => None,
            Stance::Refusing => Some(ErrorKind::ConnectionRefused),
            Stance::Silent => Some(ErrorKind::TimedOut),
        };
        use Stance::{Open, Refusing, Silent};
        for stance in [Refusing, Silent, Refusing, Open, Silent, Open, Open, Refusing, Refusing, Open] {
            listener.take_stance(stance).unwrap();
            let dialled = Client::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), MOMENT);
            assert_eq!(dialled.as_ref().err().map(io::Error::kind), expected(stance), "{stance:?}");
            if let Ok(client) = dialled {
                accept_from(&mut listener, &client).await;
            }
        }
    }

    #[tokio::test]
    async fn where_the_kernel_cannot_it_is_played() {
        let mut listener = Listener { is_exact: false, ..listener() };
        let accept_none = async |listener: &mut Listener| {
            assert!(tokio::time::timeout(MOMENT, listener.accept()).await.is_err());
        };
        listener.take_stance(Stance::Refusing).unwrap();
        let mut client = dial(&listener).unwrap();
        accept_none(&mut listener).await;
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        listener.take_stance(Stance::Silent).unwrap();
        let mut client = dial(&listener).unwrap();
        accept_none(&mut listener).await;
        client.write_all(b"anybody?").unwrap();
        listener.take_stance(Stance::Open).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let client = dial(&listener).unwrap();
        accept_from(&mut listener, &client).await;
    }
}
