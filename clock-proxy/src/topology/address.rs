//! Where a node is dialled.

use std::fmt;
use std::str::FromStr;

/// `HOST:PORT`; the host may be a name, resolved anew at each dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream(String);

/// Why a text is no [`Upstream`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is HOST:PORT")]
pub struct UpstreamError;

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let (host, port) = text.rsplit_once(':').ok_or(UpstreamError)?;
        let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
        let is_host = !host.is_empty() && !host.contains(char::is_whitespace);
        if is_port && is_host { Ok(Self(text.to_owned())) } else { Err(UpstreamError) }
    }
}

impl Upstream {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_need_a_port() {
        for good in ["127.0.0.1:1", "indian_ocean:7777", "[::1]:80"] {
            assert_eq!(good.parse::<Upstream>().unwrap().as_str(), good);
        }
        for bad in ["", "host", "host:", ":80", "host:0", "host:99999", "a b:1"] {
            assert_eq!(bad.parse::<Upstream>(), Err(UpstreamError), "{bad:?}");
        }
    }
}
