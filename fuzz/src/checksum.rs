//! CRC-32C bit by bit: slow, and independent of the one under test.

/// The checksum of all parts, one behind the other (reflected, polynomial 0x1EDC6F41, as in iSCSI).
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), step);
    !parts.iter().copied().flatten().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(super::crc32c(&[b"1234", b"56789"]), 0xE306_9283);
    }
}
