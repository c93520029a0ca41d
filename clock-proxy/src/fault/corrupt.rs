//! Damage: which bits of a frame flip, how a frame is shortened, and which bytes of a raw lane go wrong.
//!
//! On lanes without frames each byte is damaged with a probability of its own. Asking about every byte would cost a
//! hash each; the distance to the next damaged byte is geometric, so one hash per *damaged* byte is enough. The
//! distance is keyed by the offset of the damage before it, so how the bytes were cut into reads cannot matter.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};

use crate::frame::Framing;
use crate::rule::Target;
use crate::rule::decision::{Purpose, Question};

/// The bits to flip, counted from the start of the frame: as many as asked for, or as there are.
pub(crate) fn bits_to_flip(
    question: Question,
    bits: u32,
    target: Target,
    header_bytes: usize,
    frame_bytes: usize,
) -> Vec<usize> {
    let (from, to_exclusive) = match target {
        Target::Payload => (header_bytes, frame_bytes),
        Target::Header => (0, header_bytes),
        Target::Any => (0, frame_bytes),
        Target::Range { from, to_exclusive } => (from, to_exclusive),
    };
    let to_exclusive = to_exclusive.min(frame_bytes);
    let room = to_exclusive.saturating_sub(from).saturating_mul(8);
    let count = usize::try_from(bits).unwrap_or(usize::MAX).min(room);
    // R. Floyd's sample without repetition (1987): each bit at most once, since twice would be not at all.
    let mut chosen = BTreeSet::new();
    for (number, end) in (0_u32..).zip(room - count..room) {
        let bit = question.below(end + 1, Purpose::Bit(number));
        if !chosen.insert(bit) {
            chosen.insert(end);
        }
    }
    chosen.into_iter().map(|bit| from * 8 + bit).collect()
}

/// The bytes with these bits flipped. Bits behind the end are passed over.
pub(crate) fn flipped(bytes: &Bytes, bits: &[usize]) -> Bytes {
    let mut damaged = BytesMut::from(&bytes[..]);
    for bit in bits {
        if let Some(byte) = damaged.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
    damaged.freeze()
}

/// The frame without its last bytes, its length field set to what is left of the payload.
pub(crate) fn truncated(framing: Framing, frame: &Bytes, bytes: usize) -> Bytes {
    let left = frame.len().saturating_sub(bytes).max(framing.header_bytes());
    let mut shorter = BytesMut::from(&frame[..left.min(frame.len())]);
    if framing.write_length(&mut shorter) { shorter.freeze() } else { frame.clone() }
}

/// The offset of the first damaged byte behind `offset`, or at it if `is_included`.
pub(crate) fn next_damage(question: Question, probability: f64, offset: u64, is_included: bool) -> u64 {
    if probability <= 0.0 {
        return u64::MAX;
    }
    let start = if is_included { offset } else { offset.saturating_add(1) };
    let unit = question.unit(Purpose::Gap);
    // Whole numbers below 2^53 are exact, and beyond them nobody will look.
    let gap = if probability >= 1.0 { 0.0 } else { ((1.0 - unit).ln() / (-probability).ln_1p()).floor() };
    start.saturating_add(whole(gap))
}

/// What a damaged byte is combined with: never zero, since that would change nothing.
pub(crate) fn damage(question: Question) -> u8 {
    u8::try_from(1 + question.below(255, Purpose::Damage)).unwrap_or(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded in the line before")]
fn whole(number: f64) -> u64 {
    number.clamp(0.0, 9e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleId;
    use crate::rule::decision::LaneKey;

    fn question(index: u64) -> Question {
        Question { seed: 5, rule: RuleId(1), lane: LaneKey::new("a->b", 0, true), index }
    }

    #[test]
    fn exactly_the_bits_asked_for_flip_and_only_in_the_target() {
        let frame = Bytes::from([&[0, 0, 0, 60][..], &[0; 60]].concat());
        for index in 0..500 {
            for (target, range) in [
                (Target::Payload, 4..64),
                (Target::Header, 0..4),
                (Target::Any, 0..64),
                (Target::Range { from: 10, to_exclusive: 12 }, 10..12),
            ] {
                let bits = bits_to_flip(question(index), 5, target, 4, frame.len());
                let damaged = flipped(&frame, &bits);
                let changed: u32 = frame.iter().zip(&damaged).map(|(a, b)| (a ^ b).count_ones()).sum();
                assert_eq!(changed, 5);
                assert!(bits.iter().all(|bit| range.contains(&(bit / 8))), "{target:?}: {bits:?}");
            }
        }
        assert_eq!(bits_to_flip(question(1), 9, Target::Payload, 4, 5).len(), 8, "no more than there are");
        assert_eq!(bits_to_flip(question(1), 9, Target::Payload, 4, 4), [0; 0]);
    }

    #[test]
    fn every_bit_is_as_likely_as_any_other() {
        let mut counts = [0_u32; 80];
        for index in 0..80_000 {
            for bit in bits_to_flip(question(index), 2, Target::Any, 4, 10) {
                counts[bit] += 1;
            }
        }
        // Each is met with probability 2/80.
        let (mean, sigma) = (2000.0, (80_000.0_f64 * 0.025 * 0.975).sqrt());
        // Eighty counts at once: the largest of them may come near four sigma.
        assert!(counts.iter().all(|count| (f64::from(*count) - mean).abs() < 4.5 * sigma), "{counts:?}");
    }

    #[test]
    fn a_truncated_frame_is_a_frame() {
        let frame = Bytes::from_static(b"\0\0\0\x05hello");
        assert_eq!(&truncated(Framing::U32BE, &frame, 2)[..], b"\0\0\0\x03hel");
        assert_eq!(&truncated(Framing::U32BE, &frame, 99)[..], b"\0\0\0\0");
    }

    #[test]
    fn damage_per_byte_meets_its_share_within_four_sigma() {
        let (bytes, probability) = (1_000_000_u64, 0.003);
        let mut at = next_damage(question(0), probability, 0, true);
        let mut count = 0.0_f64;
        while at < bytes {
            count += 1.0;
            at = next_damage(question(at), probability, at, false);
        }
        let (mean, sigma) = (3000.0, (3000.0_f64 * 0.997).sqrt());
        assert!((count - mean).abs() < 4.0 * sigma, "{count}");
        assert_eq!(next_damage(question(7), 1.0, 7, false), 8);
        assert_eq!(next_damage(question(7), 0.0, 7, false), u64::MAX);
        assert!((0..10_000).all(|index| damage(question(index)) != 0));
    }
}
