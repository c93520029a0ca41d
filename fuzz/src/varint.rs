//! LEB128 in its shortest form, written the obvious way: a second opinion on the one under test.

/// Takes a number off the front; `None` if there is none of at most 64 bits in its shortest form.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    if length > 10 || (length > 1 && number[length - 1] == 0) {
        return None;
    }
    let digits = number.iter().enumerate();
    let value = digits.map(|(index, byte)| u128::from(byte & 0x7F) << (7 * index)).sum::<u128>();
    *bytes = rest;
    u64::try_from(value).ok()
}

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let digit = (number % 128) as u8;
        number /= 128;
        out.push(if number == 0 { digit } else { digit | 0x80 });
        if number == 0 {
            return;
        }
    }
}
