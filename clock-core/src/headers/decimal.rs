//! Decimal numbers, eight digits at a time.
//!
//! A counter has some six digits, and a loop over them takes longer than all else that is done with an entry. Eight
//! digits fit a word, so they are taken apart and put together by halves: three steps instead of eight. The method is
//! that of Lemire, "Quickly parsing eight digits", 2018, and of Mula, "SSE: conversion integers to decimal
//! representation", 2011, in plain 64-bit arithmetic.

use alloc::vec::Vec;

/// Longest spelling of a number.
pub(super) const DIGITS_MAX: usize = 20;

/// Digits in a word.
const WORD_DIGITS: usize = 8;

/// The first number that does not fit a word: 10^8.
const WORD_LIMIT: u64 = 100_000_000;

const ZEROS: u64 = 0x3030_3030_3030_3030;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The number whose digits begin these bytes, and how many there are; `None` if there are none, more than seven, or a
/// zero in front of others.
#[inline]
pub(super) fn short_number(bytes: &[u8; WORD_DIGITS]) -> Option<(u64, usize)> {
    let digits = u64::from_le_bytes(*bytes) ^ ZEROS;
    // A byte above 9 carries into its top bit. What carries on from there is behind the first one, where nobody looks.
    let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & TOPS;
    let count = others.trailing_zeros() / 8;
    if !(1..8).contains(&count) || (digits.to_le_bytes()[0] == 0 && count > 1) {
        return None;
    }
    Some((joined(digits << (u64::BITS - 8 * count)), count as usize))
}

/// The number of eight digits, the first in the lowest byte.
#[inline]
fn joined(digits: u64) -> u64 {
    const PAIRS: u64 = 0x0000_00FF_0000_00FF;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = (pairs >> 16 & PAIRS).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

/// Spells a number by words of up to eight digits, each with the count of them, the first digit in the lowest byte.
#[inline]
pub(super) fn spell(number: u64, mut put: impl FnMut(u64, usize)) {
    if number < WORD_LIMIT {
        let (word, count) = trimmed(number);
        return put(word, count);
    }
    let (upper, lowest) = (number / WORD_LIMIT, number % WORD_LIMIT);
    if upper >= WORD_LIMIT {
        let (word, count) = trimmed(upper / WORD_LIMIT);
        put(word, count);
        put(digits(upper % WORD_LIMIT) | ZEROS, WORD_DIGITS);
    } else {
        let (word, count) = trimmed(upper);
        put(word, count);
    }
    put(digits(lowest) | ZEROS, WORD_DIGITS);
}

/// Appends a number.
#[inline]
pub(super) fn push(number: u64, out: &mut Vec<u8>) {
    spell(number, |word, count| out.extend_from_slice(&word.to_le_bytes()[..count]));
}

/// Without the zeros in front.
#[inline]
fn trimmed(number: u64) -> (u64, usize) {
    let digits = digits(number);
    // The last digit counts even if it is a zero.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    ((digits | ZEROS) >> (8 * zeros), WORD_DIGITS - zeros as usize)
}

/// The eight digits of a number below [`WORD_LIMIT`]. Each step takes apart what is in each lane, and puts the upper half
/// into the lower one, which comes first.
#[inline]
fn digits(number: u64) -> u64 {
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = (halves * 10_486) >> 20 & 0x0000_007F_0000_007F;
    let pairs = hundreds | (halves - hundreds * 100) << 16;
    let tens = (pairs * 103) >> 10 & 0x000F_000F_000F_000F;
    tens | (pairs - tens * 10) << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn check(number: u64) {
        let mut text = Vec::new();
        push(number, &mut text);
        assert_eq!(text, number.to_string().as_bytes());
        let count = text.len();
        for behind in [b",", b"/", b":", b" ", b"\0", b"\xff"] {
            let mut bytes = text.clone();
            bytes.extend_from_slice(behind);
            bytes.extend_from_slice(b"12345678");
            let expected = (count < WORD_DIGITS).then_some((number, count));
            assert_eq!(short_number(bytes.first_chunk().unwrap()), expected, "{number} and {behind:?}");
        }
    }

    #[test]
    fn numbers_read_back_from_their_digits() {
        for number in (0..20).map(|power| 10_u64.pow(power)).flat_map(|power| [power - 1, power, power + 1]) {
            check(number);
        }
        (0..12_000).for_each(check);
        check(u64::MAX);
    }

    proptest! {
        #[test]
        fn any_number_reads_back(number in any::<u64>(), shift in 0u32..64) {
            check(number >> shift);
        }

        /// Disproved by bytes that a loop over them reads differently.
        #[test]
        fn what_is_no_short_number_is_refused(bytes in prop::array::uniform8(prop_oneof![Just(b'0'), b'0'..=b'9', any::<u8>()])) {
            let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let digits = core::str::from_utf8(&bytes[..count]).unwrap();
            let is_good = (1..8).contains(&count) && (count == 1 || bytes[0] != b'0');
            let expected = is_good.then(|| (digits.parse().unwrap(), count));
            prop_assert_eq!(short_number(&bytes), expected);
        }
    }
}
