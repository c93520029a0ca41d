//! The one atomic the clocks are made of, from `core`, or from loom where a model checker runs their threads.
//!
//! Some bare targets, such as thumbv7em, have no 64-bit atomics. There it comes from `portable-atomic`, which
//! takes a lock of its own for each access: right, and slower. It must not be used from an interrupt that may
//! come between, so on such a target a clock belongs to one priority.
//!
//! Under `cfg(loom)` every order of the accesses below is tried (`tests/loom.rs`). An atomic of loom's cannot
//! be made in a constant, so [`const_unless_loom`] takes the `const` off the constructors there and nowhere
//! else.

#[cfg(all(not(loom), target_has_atomic = "64"))]
pub(super) use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(all(not(loom), not(target_has_atomic = "64")))]
pub(super) use portable_atomic::{AtomicU64, Ordering};

/// Declares a `const fn` that is a plain `fn` under loom.
macro_rules! const_unless_loom {
    ($(#[$attribute:meta])* $visible:vis const fn $($function:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attribute])*
        $visible const fn $($function)*

        #[cfg(loom)]
        $(#[$attribute])*
        $visible fn $($function)*
    };
}
pub(super) use const_unless_loom;
