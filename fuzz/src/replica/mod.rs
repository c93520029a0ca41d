//! Sequences of inputs to the real [`Replica`](clock_core::replica::Replica): sessions, frames, requests, reads, syncs,
//! time and restarts in an order that only bytes decide, beside an honest disk and a judge that believes nothing the
//! replica says about itself.
//!
//! | module | concept |
//! |---|---|
//! | `script` | bytes as steps: a byte picks one, the bytes behind it say how |
//! | `forge` | events, vectors and requests out of bytes: what peers and clients say, true or not |
//! | `station` | the replica, its sessions and its disk; hands in one input and performs what comes back |
//! | `disk` | what was appended and how much of it is durable; the naive model that answers are judged by |
//! | `judge` | what each effect has to keep |
//! | `mint` | what a write of the station's own has to be |
//! | `afterwards` | whatever happened, honest clients and peers are still served |

mod afterwards;
mod disk;
mod forge;
mod judge;
mod mint;
mod script;
pub(crate) mod seeds;
mod station;
mod world;

pub use station::Tally;

use self::station::Station;
use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input::Input;

/// Steps of one sequence. Short ones find as much and leave time for more of them.
const STEPS_MAX: usize = 24;

/// What one input may allocate: answers copy what is stored, which is bounded by the steps before it.
const LIMIT: Limit = Limit { constant_bytes: 64 * 1024, bytes_per_byte: 64 };

/// A replica against sequences of inputs.
pub static REPLICA_INPUTS: Decoder =
    Decoder { name: "replica_inputs", check, limit: LIMIT, input_bytes_max: 768 };

fn check(meter: &Meter, data: &[u8]) -> Outcome {
    Outcome::of(play(meter, data).committed > 0)
}

/// What happened in a sequence, before honest clients and peers came: a fuzzer that never gets somewhere tests nothing there.
#[must_use]
pub fn tally(data: &[u8]) -> Tally {
    play(&Meter::new(LIMIT), data)
}

fn play(meter: &Meter, data: &[u8]) -> Tally {
    let mut station = Station::new(meter, data.len());
    let mut input = Input::new(data);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        script::step(&mut station, &mut input);
    }
    let tally = station.tally;
    afterwards::serve(&mut station);
    tally
}
