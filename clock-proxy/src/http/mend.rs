//! Request lines as people write them: `curl .../proxies/a->b` sends the arrow as it stands.
//!
//! Go's server takes that, and so must whoever stands in for it, but hyper refuses such a line before anybody is asked.
//! So these characters are percent-encoded on their way in. Where a request begins is known without parsing HTTP: clients
//! wait for an answer before they ask again, so what is read first after something was written begins a request (or is
//! a body that follows `100 Continue`, which does not look like one). A line that comes in pieces is left alone, and
//! refused as before.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What hyper refuses in a path and Go does not.
const UNENCODED: &AsciiSet =
    &CONTROLS.add(b'<').add(b'>').add(b'"').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// One read. A request line is far shorter.
const READ_BYTES: usize = 8 << 10;

/// A connection whose request lines are mended.
pub(super) struct Mending {
    stream: TcpStream,
    /// Whether the next bytes begin a request.
    is_at_request: bool,
    /// Mended and not yet handed on.
    mended: Bytes,
}

impl Mending {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, is_at_request: true, mended: Bytes::new() }
    }
}

impl AsyncRead for Mending {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.mended.is_empty() {
            if !self.is_at_request {
                return Pin::new(&mut self.stream).poll_read(context, buffer);
            }
            let mut bytes = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            self.is_at_request = false;
            self.mended = mended(read.filled());
        }
        let count = self.mended.len().min(buffer.remaining());
        buffer.put_slice(&self.mended[..count]);
        self.mended.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Mending {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_at_request = true;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.is_at_request = true;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The bytes with their first line mended, if that is a request line.
fn mended(bytes: &[u8]) -> Bytes {
    try_mend(bytes).map_or_else(|| Bytes::copy_from_slice(bytes), Bytes::from)
}

fn try_mend(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = bytes.split_at(end);
    let method = line.iter().position(|byte| *byte == b' ')?;
    let version = line.iter().rposition(|byte| *byte == b' ').filter(|at| *at > method)?;
    if !line[version..].starts_with(b" HTTP/1.") {
        return None;
    }
    let target = percent_encode(&line[method + 1..version], UNENCODED).to_string();
    Some([&line[..=method], target.as_bytes(), &line[version..], rest].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_target_of_a_request_line_is_mended() {
        let mend = |text: &str| String::from_utf8(mended(text.as_bytes()).to_vec()).unwrap();
        assert_eq!(
            mend("GET /a->b%20 HTTP/1.1\r\nX: <y>\r\n\r\n"),
            "GET /a-%3Eb%20 HTTP/1.1\r\nX: <y>\r\n\r\n"
        );
        for other in ["{\"a\":\"->\"}\r\n", "GET /a->b HT", "GET /a->b\r\n", "", "\r\n"] {
            assert_eq!(mend(other), other);
        }
    }
}
