//! What a power cut leaves: everything that was synced, and of the rest whatever the disk got to.

use super::disk::Step;

const SECTOR: usize = 512;

/// What the disk did with the changes that no sync had confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// None of them arrived.
    Lost,
    /// All of them arrived.
    Kept,
    /// All up to one, which is torn.
    Torn,
    /// Some of them, in any order, each whole or torn.
    Scattered,
}

/// The file after the power was cut behind `steps`.
pub fn after_cut(before: &[u8], steps: &[Step], tail: Tail, rng: &mut fastrand::Rng) -> Vec<u8> {
    let synced = steps.iter().rposition(|step| *step == Step::Synced).unwrap_or(0);
    let mut image = before.to_vec();
    steps[..synced].iter().for_each(|step| apply(&mut image, step));
    let mut rest: Vec<Step> = steps[synced..].to_vec();
    match tail {
        Tail::Lost => rest.clear(),
        Tail::Kept => {}
        Tail::Torn => {
            rest.truncate(rng.usize(..=rest.len()));
            rest.last_mut().into_iter().for_each(|last| tear(last, rng));
        }
        Tail::Scattered => {
            rest.retain(|_| rng.bool());
            rng.shuffle(&mut rest);
            for step in &mut rest {
                if rng.u8(..4) == 0 {
                    tear(step, rng);
                }
            }
        }
    }
    rest.iter().for_each(|step| apply(&mut image, step));
    image
}

fn apply(image: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Write { offset, bytes } => {
            // What lies behind the end of the file cannot be found again: the new length did not arrive.
            let start = usize::try_from(*offset).expect("small").min(image.len());
            let end = (start + bytes.len()).min(image.len());
            image[start..end].copy_from_slice(&bytes[..end - start]);
        }
        Step::SetLen(len) => image.resize(usize::try_from(*len).expect("small"), 0),
        Step::Opened | Step::Synced | Step::Begun(_) | Step::Acknowledged(_) => {}
    }
}

/// Leaves a part of a write: up to a byte, or up to a sector, or single sectors.
fn tear(step: &mut Step, rng: &mut fastrand::Rng) {
    let Step::Write { offset, bytes } = step else { return };
    match rng.u8(..3) {
        0 => bytes.truncate(rng.usize(..=bytes.len())),
        1 => bytes.truncate(rng.usize(..=bytes.len() / SECTOR) * SECTOR),
        _ => {
            // One run of sectors out of the middle.
            let from = rng.usize(..=bytes.len() / SECTOR) * SECTOR;
            let upto = (from + rng.usize(1..=8) * SECTOR).min(bytes.len());
            *bytes = bytes[from..upto].to_vec();
            *offset += from as u64;
        }
    }
}
