//! How much a test does: a little by default, more when the environment says so.

/// The number in this environment variable, or the default.
///
/// # Panics
/// If it is set to something else than a number.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a number")))
}
