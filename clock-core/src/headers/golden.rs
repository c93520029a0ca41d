//! Single entries, byte for byte as `like-a-clockwork` 0.1.0 emits them, at the level that checks no name.
//!
//! The bytes were taken from running it. A row that changes here breaks services that already talk to each
//! other.

use super::{msgpack, text};
use crate::{MAX_COUNTER, VectorTimestamp};

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("the test's own input is legal");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text_of(vector: &VectorTimestamp) -> String {
    let mut out = String::new();
    text::encode_vector_into(vector, &mut out).expect("the test's own input is legal");
    out
}

fn msgpack_of(vector: &VectorTimestamp) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::encode_vector_into(vector, &mut out).expect("the test's own input is legal");
    out
}

/// One entry: its text and its msgpack.
fn single_entries() -> Vec<(String, u64, String, String)> {
    let row = |name: &str, counter: u64, text: &str, hex: &str| {
        (name.to_owned(), counter, text.to_owned(), hex.to_owned())
    };
    let (n31, n32) = ("n".repeat(31), "n".repeat(32));
    vec![
        row("a", 0, "a=0", "81a16100"),
        row("a", 127, "a=127", "81a1617f"),
        row("a", 128, "a=128", "81a161cc80"),
        row("a", 255, "a=255", "81a161ccff"),
        row("a", 256, "a=256", "81a161cd0100"),
        row("a", 65_535, "a=65535", "81a161cdffff"),
        row("a", 65_536, "a=65536", "81a161ce00010000"),
        row("a", (1 << 32) - 1, "a=4294967295", "81a161ceffffffff"),
        row("a", 1 << 32, "a=4294967296", "81a161cf0000000100000000"),
        row("a", u64::MAX, "a=18446744073709551615", "81a161cfffffffffffffffff"),
        row("order-service", 1, "order-service=1", "81ad6f726465722d7365727669636501"),
        row(&n31, 1, &format!("{n31}=1"), &format!("81bf{}01", "6e".repeat(31))),
        row(&n32, 1, &format!("{n32}=1"), &format!("81d920{}01", "6e".repeat(32))),
        row("nœud-é", 7, "nœud-é=7", "81a86ec59375642dc3a907"),
        row("svc-a", 3, "svc-a=3", "81a57376632d6103"),
    ]
}

#[test]
fn the_raw_level_writes_every_golden_row() {
    for (name, counter, expected_text, expected_hex) in single_entries() {
        let (mut as_text, mut as_msgpack) = (String::new(), Vec::new());
        text::write_entries([(name.as_str(), counter)], &mut as_text);
        msgpack::write_entries([(name.as_str(), counter)], &mut as_msgpack);
        assert_eq!(as_text, expected_text);
        assert_eq!(hex(&as_msgpack), expected_hex, "{expected_text}");
    }
}

#[test]
fn the_raw_level_reads_every_golden_row_with_a_legal_name() {
    for (name, counter, as_text, as_hex) in single_entries().iter().filter(|row| row.0.is_ascii()) {
        let entry = Ok((name.as_str(), *counter));
        assert_eq!(text::VectorEntries::new(as_text).collect::<Vec<_>>(), [entry]);
        let as_msgpack = bytes(as_hex);
        assert_eq!(msgpack::VectorEntries::new(&as_msgpack).collect::<Vec<_>>(), [entry], "{as_hex}");
    }
}

#[test]
fn what_a_clock_can_hold_is_decoded_and_written_back_alike() {
    let sendable =
        |row: &&(String, u64, String, String)| row.0.is_ascii() && (1..=MAX_COUNTER).contains(&row.1);
    for (name, counter, as_text, as_hex) in single_entries().iter().filter(sendable) {
        let expected = VectorTimestamp::from_entries([(name.as_str(), *counter)]).unwrap();
        assert_eq!(text::decode_vector(as_text), Ok(expected.clone()));
        assert_eq!(msgpack::decode_vector(&bytes(as_hex)), Ok(expected.clone()), "{as_hex}");
        assert_eq!(text_of(&expected), *as_text);
        assert_eq!(hex(&msgpack_of(&expected)), *as_hex);
    }
}
