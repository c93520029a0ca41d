//! Whether bytes are a node's name.
//!
//! Every name of every vector is checked on its way in and out, so the rule is a table: one load per byte,
//! and one branch per name. Judging eight bytes at a time in a word was measured to be slower for names of
//! ten.

use crate::id::{NODE_BYTES_MAX, is_name_byte};

const ILLEGAL: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = !is_name_byte(byte);
        byte += 1;
    }
    table
};

/// Whether these bytes are a node name: the rule of [`NodeId`](crate::NodeId).
#[inline]
pub(super) fn is_node_name(name: &[u8]) -> bool {
    let illegal = name.iter().fold(false, |illegal, byte| illegal | ILLEGAL[usize::from(*byte)]);
    !illegal && (1..=NODE_BYTES_MAX).contains(&name.len())
}

/// How many bytes at the start are such as names are made of.
#[inline]
pub(super) fn legal_prefix(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| ILLEGAL[usize::from(*byte)]).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NodeId;

    #[test]
    fn the_table_is_the_charset_of_node_ids() {
        for character in (0..=255u8).map(char::from) {
            let name = character.to_string();
            let is_legal = NodeId::new(&name).is_ok();
            assert_eq!(is_node_name(name.as_bytes()), is_legal, "{character:?}");
            assert_eq!(legal_prefix(name.as_bytes()), usize::from(is_legal), "{character:?}");
        }
        assert!((0x80..=0xff).all(|byte| !is_node_name(&[byte])));
    }

    #[test]
    fn names_are_neither_empty_nor_longer_than_the_limit() {
        let verdicts = [0, 1, 64, 65].map(|len| is_node_name(&vec![b'n'; len]));
        assert_eq!(verdicts, [false, true, true, false]);
    }
}
