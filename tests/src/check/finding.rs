//! What one check found, before the line's time is put to it.

use super::Property;

/// A property that does not hold, and how.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) property: Property,
    pub(super) text: String,
}

/// What a check says of one line.
pub(super) type Verdict = Result<(), Finding>;

/// The property does not hold.
pub(super) fn broken(property: Property, text: String) -> Verdict {
    Err(Finding { property, text })
}
