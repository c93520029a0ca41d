//! As of which instant a severity is asked.

use std::time::UNIX_EPOCH;

use clap::Args;

use crate::wall_clock::system_wall_ms;

/// The instant for which orbits are propagated and ages are counted.
#[derive(Debug, Args)]
pub(super) struct InstantArgs {
    /// Distances and ages as of this instant, e.g. 2026-05-07T18:00:00Z: the same one gives the same answer at every
    /// station [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant_ms)]
    instant: Option<u64>,
}

impl InstantArgs {
    /// Milliseconds since 1970.
    pub(super) fn at_ms(&self) -> u64 {
        self.instant.unwrap_or_else(system_wall_ms)
    }
}

fn instant_ms(text: &str) -> Result<u64, String> {
    let instant = humantime::parse_rfc3339_weak(text).map_err(|error| error.to_string())?;
    let since = instant.duration_since(UNIX_EPOCH).map_err(|_| "expected a time after 1970".to_owned())?;
    u64::try_from(since.as_millis()).map_err(|_| "expected a time before the year 10000".to_owned())
}
