//! Measures contestants beside each other: the same loop, the same data, in turns.
//!
//! On a shared machine a figure by itself says little, and a ratio only if both sides met the same noise. So contestants
//! for one operation are sampled round-robin in samples of microseconds, of which most are not disturbed; the low ones
//! count; and all of it is repeated in passes that lie apart. See [`measure`](measure::measure).
//!
//! This library knows no contestant: those are in `benches/figures`, so that only a benchmark compiles them.

pub mod case;
pub mod grid;
pub mod measure;
pub mod pair;
pub mod table;
pub mod verdict;
pub mod work;
