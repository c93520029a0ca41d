//! Where frames end: how their length is written, and where the first of them stop.
//!
//! Pure functions of a slice, public so that they can be tested with any bytes: they never panic, never allocate
//! and never look inside a frame. A length over the maximum is reported, not believed: four bytes of text read as
//! a length ask for gigabytes.

mod framing;
mod length;
mod scan;

pub use framing::{Endian, Framing, FramingError, Prefix, Width};
pub use scan::Front;
