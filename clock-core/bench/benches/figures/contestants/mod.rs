//! Who takes part: one file each. To add one, implement [`Vector`](crate::vector::Vector) and list it in `main.rs`.

pub(crate) mod crdts;
pub(crate) mod maps;
pub(crate) mod ours;
pub(crate) mod ours_shared;
pub(crate) mod ours_wire;
pub(crate) mod plain_clocks;
pub(crate) mod uhlc;
pub(crate) mod vclock;
pub(crate) mod vec_clock;
