//! What can be wrong with a file.

const PAGE: usize = 4096;
const SECTOR: usize = 512;
/// The engine's header: a small target in which every bit counts.
const HEADER: usize = 320;

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Damage {
    /// Single bits, in the header.
    HeaderBits,
    /// Single bits, in pages that are used.
    Bits,
    /// Single bits, anywhere.
    AnyBits,
    /// Nothing behind a byte.
    Truncated,
    /// Something behind its end.
    Extended,
    /// Pages or sectors of zeros.
    Zeroed,
    /// Two pages have changed places.
    Swapped,
    /// Some pages are as they once were.
    PartlyOld,
    /// All of it is as it once was: somebody has put back a copy.
    Old,
    /// Nothing at all.
    Empty,
    /// Anything.
    Garbage,
}

use Damage::*;

/// Each as often as its place here.
pub const DAMAGES: [Damage; 16] = [
    HeaderBits, HeaderBits, HeaderBits, HeaderBits, Bits, Bits, Bits, AnyBits, Truncated, Extended, Zeroed,
    Zeroed, Swapped, PartlyOld, PartlyOld, Old,
];
/// For these one draw in a hundred is enough.
pub const RARE: [Damage; 2] = [Empty, Garbage];

/// The file with that damage; `old` is a copy of it from before.
pub fn damaged(file: &[u8], old: &[u8], damage: Damage, rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = file.to_vec();
    match damage {
        HeaderBits => flip(&mut bytes, rng, |rng| rng.usize(..HEADER)),
        Bits => {
            let used = used_pages(file);
            flip(&mut bytes, rng, |rng| *rng.choice(&used).expect("not empty") * PAGE + rng.usize(..PAGE));
        }
        AnyBits => flip(&mut bytes, rng, |rng| rng.usize(..file.len())),
        Truncated => bytes.truncate(rng.usize(..file.len())),
        Extended => bytes.extend((0..rng.usize(1..3 * PAGE)).map(|_| rng.u8(..))),
        Zeroed => {
            let size = *rng.choice(&[PAGE, SECTOR]).expect("not empty");
            let from =
                *rng.choice(&used_pages(file)).expect("not empty") * PAGE + rng.usize(..PAGE / size) * size;
            let upto = (from + size * rng.usize(1..4)).min(bytes.len());
            bytes[from..upto].fill(0);
        }
        Swapped => {
            let used = used_pages(file);
            let [one, other] = [(); 2].map(|()| *rng.choice(&used).expect("not empty"));
            (0..PAGE).for_each(|at| bytes.swap(one * PAGE + at, other * PAGE + at));
        }
        PartlyOld => {
            let common = old.len().min(bytes.len()) / PAGE;
            for page in (0..common).filter(|_| rng.bool()) {
                let place = page * PAGE..(page + 1) * PAGE;
                bytes[place.clone()].copy_from_slice(&old[place]);
            }
        }
        Old => bytes = old.to_vec(),
        Empty => bytes.clear(),
        Garbage => rng.fill(&mut bytes),
    }
    bytes
}

fn flip(bytes: &mut [u8], rng: &mut fastrand::Rng, place: impl Fn(&mut fastrand::Rng) -> usize) {
    let times = if rng.bool() { 1 } else { rng.u8(1..8) };
    for _ in 0..times {
        bytes[place(rng)] ^= 1 << rng.u8(..8);
    }
}

/// The pages that are not all zeros.
fn used_pages(bytes: &[u8]) -> Vec<usize> {
    let pages = bytes.chunks_exact(PAGE).enumerate();
    pages.filter(|(_, page)| page.iter().any(|byte| *byte != 0)).map(|(number, _)| number).collect()
}
