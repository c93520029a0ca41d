//! Where a relay listens: as it was written, and as it was understood.
//!
//! Names are looked up here and not by the director, which must not wait for a name server.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::super::fleet::Bound;

/// Longest look-up of a name, as long as a dial's.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// An address cannot be listened on, in the words of Toxiproxy, which clients match on. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("listen tcp{0}")]
pub(crate) struct ListenError(String);

/// An address to listen on.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// As it was asked for; once it has been open, the real one.
    pub(crate) text: String,
    pub(crate) address: Result<SocketAddr, ListenError>,
}

impl Listen {
    /// An address that needs no look-up.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { text: address.to_string(), address: Ok(address) }
    }

    /// Understands `HOST:PORT`. Without a host it is every address of this machine, without anything also any port.
    pub(crate) async fn resolve(text: &str) -> Self {
        Self { text: text.to_owned(), address: resolve(text).await }
    }

    /// Opens it.
    pub(super) async fn open(&self) -> Result<Bound, ListenError> {
        let address = self.address.clone()?;
        let refusal = |error: &io::Error| ListenError(format!(" {address}: bind: {}", reason(error)));
        match Bound::open(address).await {
            Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && is_without_ipv6(&error) => {
                let everywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
                Bound::open(everywhere).await.map_err(|error| refusal(&error))
            }
            bound => bound.map_err(|error| refusal(&error)),
        }
    }
}

async fn resolve(text: &str) -> Result<SocketAddr, ListenError> {
    let text = if text.is_empty() { ":0" } else { text };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| ListenError(format!(": address {text}: missing port in address")))?;
    let port: u16 = port.parse().map_err(|_| ListenError(format!(": address {port}: invalid port")))?;
    if host.is_empty() {
        return Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
    }
    let unknown = || ListenError(format!(": lookup {host}: no such host"));
    let found = timeout(LOOKUP_TIMEOUT, lookup_host((host, port))).await;
    let found: Vec<SocketAddr> = found.map_err(|_| unknown())?.map_err(|_| unknown())?.collect();
    // Of several addresses of a name one is listened on, and that is the older kind, as in Go.
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(unknown)
}

/// A machine without IPv6 has no such address, or no such family.
fn is_without_ipv6(error: &io::Error) -> bool {
    !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

/// The system's reason, in its own words where clients know them.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "address already in use".to_owned(),
        ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_a_number_a_name_or_nothing() {
        let resolved = async |text: &str| resolve(text).await.map(|address| address.to_string());
        assert_eq!(resolved("127.0.0.1:80").await.unwrap(), "127.0.0.1:80");
        assert_eq!(resolved("localhost:0").await.unwrap(), "127.0.0.1:0");
        assert_eq!(resolved("").await.unwrap(), "[::]:0");
        assert_eq!(resolved(":81").await.unwrap(), "[::]:81");
        let error = async |text: &str| resolve(text).await.unwrap_err().to_string();
        assert_eq!(error("local").await, "listen tcp: address local: missing port in address");
        assert_eq!(error("localhost:99999").await, "listen tcp: address 99999: invalid port");
        assert_eq!(error("no.such.invalid:1").await, "listen tcp: lookup no.such.invalid: no such host");
    }

    #[tokio::test]
    async fn a_taken_address_is_named_with_its_reason() {
        let taken = Listen::resolve("127.0.0.1:0").await.open().await.unwrap();
        let again = Listen::at(taken.listen).open().await.map(|_| ()).unwrap_err();
        assert_eq!(again.to_string(), format!("listen tcp {}: bind: address already in use", taken.listen));
    }
}
