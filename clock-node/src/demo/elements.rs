//! The element sets the demo loads: real ones, carried in the repository (`data/README.md` says from where).

use bytes::Bytes;
use clock_core::Key;

const ELEMENTS: &str = include_str!("../../data/elements.tle");

/// Each set's catalog key and its two lines.
pub(super) fn all() -> Vec<(Key, Bytes)> {
    let lines: Vec<&str> = ELEMENTS.lines().collect();
    let (sets, _) = lines.as_chunks::<2>();
    sets.iter()
        .filter_map(|[first, second]| Some((key(first)?, format!("{first}\n{second}").into())))
        .collect()
}

/// `NORAD-00005/tle`: columns 3 to 7 of line 1 are the catalog number.
fn key(first: &str) -> Option<Key> {
    Key::new(&format!("NORAD-{}/tle", first.get(2..7)?.trim())).ok()
}

#[cfg(test)]
mod tests {
    use clock_core::{BodyKind, record};

    #[test]
    fn every_carried_element_set_is_valid() {
        let all = super::all();
        assert_eq!(all.len(), 32);
        for (key, lines) in all {
            record::validate(BodyKind::TLE, &lines).unwrap_or_else(|error| panic!("{key}: {error}"));
        }
    }
}
