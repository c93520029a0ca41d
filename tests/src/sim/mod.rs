//! The simulator: a whole cluster in one thread, driven by one seed, with everything that can go wrong.
//!
//! The real [`Replica`](clock_core::replica::Replica) runs at every station, and real bytes travel between them. What is
//! simulated is what lies around it: the network, the disks, the wall clocks, the processes' ends, the clients. A seed
//! draws a [`Plan`]; the plan decides the run; the run writes a history ([`crate::history`]); the checks
//! ([`crate::check`]) read it line by line and stop it at the first thing that is wrong.
//!
//! Source of the approach: FoundationDB's simulation (Zhou et al., *FoundationDB: A Distributed Unbundled Transactional
//! Key Value Store*, SIGMOD 2021, section 4).

mod answers;
mod clients;
mod commits;
mod counters;
mod disk;
mod draw;
mod heap;
mod kept;
mod links;
mod nemesis;
mod past;
mod phases;
mod plan;
mod runner;
mod shell;
mod shrink;
mod station;
mod tamper;
mod twin_bug;
mod world;

pub use counters::Counters;
pub use draw::draw;
pub use kept::Kept;
pub use phases::run;
pub use plan::{Act, Ask, DiskFate, Entry, Network, Plan, Profile, PutContext, Sizes, Skew, Spread, Wishes};
pub use runner::{Planted, Seeds, Sweep, run_safely, sweep};
pub use shrink::{Shrunk, shrink};
pub use twin_bug::TwinBug;
pub use world::{Options, Outcome};
