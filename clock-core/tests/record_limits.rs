//! Values beyond their limits: refused before anything is written, by the field that is to blame and what was expected.

#![cfg(feature = "replica")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use clock_core::record::{Tle, validate};
use clock_core::{BODY_BYTES_MAX, BodyKind};

const FIRST: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753";
const SECOND: &str = "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";

/// The line with other text from this column on (from 1), and a checksum that is right.
fn with(line: &str, column: usize, text: &str) -> String {
    let mut changed = line.to_owned();
    changed.replace_range(column - 1..column - 1 + text.len(), text);
    let worth = |byte: u8| if byte == b'-' { 1 } else { u32::from(byte.wrapping_sub(b'0')) };
    let counts = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    let sum: u32 = changed.bytes().take(68).filter(counts).map(worth).sum();
    changed.replace_range(68.., &(sum % 10).to_string());
    changed
}

fn first(column: usize, text: &str) -> String {
    format!("{}\n{SECOND}", with(FIRST, column, text))
}

fn second(column: usize, text: &str) -> String {
    format!("{FIRST}\n{}", with(SECOND, column, text))
}

/// What the error has to say, for each element set that is none.
fn element_sets() -> Vec<(String, &'static str)> {
    vec![
        (String::new(), "0 lines: expected 2"),
        (FIRST.to_owned(), "1 lines: expected 2"),
        (format!("{FIRST}\n{}", &SECOND[..68]), "element line 2 has 68 characters: expected 69"),
        (format!("{FIRST}0\n{SECOND}"), "element line 1 has 70 characters: expected 69"),
        (format!("N\u{e4}me\n{FIRST}\n{SECOND}"), "byte 0xc3 at offset 1: expected ASCII"),
        (format!("A\u{7}\n{FIRST}\n{SECOND}"), "name has the control character '\\u{7}'"),
        (format!("{}\n{FIRST}\n{SECOND}", "N".repeat(65)), "name has 65 characters: expected at most 64"),
        (format!("{}4\n{SECOND}", &FIRST[..68]), "line 1, column 69 (checksum): '4': expected 3"),
        (format!("{}x\n{SECOND}", &FIRST[..68]), "line 1, column 69 (checksum): 'x': expected 3"),
        (first(1, "2"), "line 1, columns 1 to 1 (line number): \"2\": expected 1"),
        (first(3, "I0005"), "line 1, columns 3 to 7 (satellite number): \"I0005\": expected 5 digits"),
        (first(3, "00006"), "(satellite number): \"00006\" and \"00005\": expected the same"),
        (first(8, "X"), "line 1, columns 8 to 8 (classification): \"X\": expected U, C or S"),
        (first(9, "X"), "line 1, columns 9 to 9 (space between fields): \"X\""),
        (first(10, "AB"), "(international designator): \"AB002B  \": expected a launch year"),
        (first(19, "+1"), "line 1, columns 19 to 20 (epoch year): \"+1\": expected 2 digits"),
        (
            first(21, "000.78495062"),
            "line 1, columns 21 to 32 (epoch day): \"000.78495062\": expected a day from 1",
        ),
        (first(21, "367.00000000"), "(epoch day): \"367.00000000\": expected a day from 1 to below 367"),
        (first(19, "01366.500000"), "(epoch day): \"366.50000062\": expected below 366 in the year 01"),
        (
            first(34, "       nan"),
            "line 1, columns 34 to 43 (first derivative of mean motion): \"       nan\"",
        ),
        (first(45, " 00000x0"), "line 1, columns 45 to 52 (second derivative of mean motion): \" 00000x0\""),
        (first(54, "        "), "line 1, columns 54 to 61 (drag term): \"        \": expected 5 digits"),
        (first(63, " "), "line 1, columns 63 to 63 (ephemeris type): \" \": expected a digit"),
        (first(65, "  +1"), "line 1, columns 65 to 68 (element set number): \"  +1\": expected a number"),
        (second(1, "1"), "line 2, columns 1 to 1 (line number): \"1\": expected 2"),
        (
            second(9, "180.0001"),
            "line 2, columns 9 to 16 (inclination): \"180.0001\": expected degrees from 0 to 180",
        ),
        (second(9, " -0.0001"), "(inclination): \" -0.0001\": expected degrees from 0 to 180"),
        (
            second(18, "360.0001"),
            "columns 18 to 25 (right ascension): \"360.0001\": expected degrees from 0 to 360",
        ),
        (second(27, "+859667"), "columns 27 to 33 (eccentricity): \"+859667\": expected 7 digits"),
        (second(35, "     inf"), "columns 35 to 42 (argument of perigee): \"     inf\": expected degrees"),
        (
            second(44, "-19.3264"),
            "columns 44 to 51 (mean anomaly): \"-19.3264\": expected degrees from 0 to 360",
        ),
        (
            second(53, " 0.00000000"),
            "columns 53 to 63 (mean motion): \" 0.00000000\": expected revolutions a day",
        ),
        (
            second(53, "20.00000000"),
            "(mean motion): \"20.00000000\": expected revolutions a day, above 0 and below 20",
        ),
        (second(64, "     "), "columns 64 to 68 (revolution number): \"     \": expected a number"),
    ]
}

/// What the error has to say, for each attitude that is none.
fn attitudes() -> Vec<(String, &'static str)> {
    vec![
        (String::new(), "attitude has 1 numbers: expected 4, w,x,y,z"),
        ("1,0,0".to_owned(), "attitude has 3 numbers: expected 4, w,x,y,z"),
        ("1,0,0,0,0".to_owned(), "attitude has 5 numbers: expected 4, w,x,y,z"),
        ("1,0,zero,0".to_owned(), "attitude component y: \"zero\": expected a finite number"),
        ("NaN,0,0,1".to_owned(), "attitude component w: \"NaN\": expected a finite number"),
        ("0,0,0,inf".to_owned(), "attitude component z: \"inf\": expected a finite number"),
        ("1,1,0,0".to_owned(), "attitude has norm 1.414214: expected 1 within 0.001"),
        ("0,0,0,0".to_owned(), "attitude has norm 0.000000: expected 1 within 0.001"),
        ("1.0011,0,0,0".to_owned(), "attitude has norm 1.001100: expected 1 within 0.001"),
        (format!("{},0,0,0", "9".repeat(500)), "attitude component w: \"9999"),
    ]
}

fn refusal(kind: BodyKind, value: impl Into<Bytes>) -> String {
    let value = value.into();
    match validate(kind, &value) {
        Ok(body) => panic!("{value:?} was accepted as {body:?}"),
        Err(refused) => refused.to_string(),
    }
}

/// Disproved by a value beyond a limit that is accepted, or refused without its field and what was expected.
#[test]
fn a_value_beyond_a_limit_is_refused_by_its_field() {
    let typed = |kind, table: Vec<(String, &'static str)>| {
        table.into_iter().map(move |(value, expected)| (kind, value, expected))
    };
    let table = typed(BodyKind::TLE, element_sets()).chain(typed(BodyKind::ATTITUDE, attitudes()));
    for (kind, value, expected) in table {
        let said = refusal(kind, value.clone());
        assert!(said.contains(expected), "{value:?}: expected {expected:?}, it says {said:?}");
        assert!(said.len() < 200, "a refusal is one line: {said:?}");
    }
    for kind in 0..=2 {
        let said = refusal(BodyKind(kind), vec![b'1'; BODY_BYTES_MAX + 1]);
        assert_eq!(said, "the value has 131073 bytes: expected at most 131072");
    }
    assert!(validate(BodyKind::OPAQUE, &vec![b'1'; BODY_BYTES_MAX].into()).is_ok());
}

/// Disproved by a limit that refuses what lies on it.
#[test]
fn values_at_the_limits_are_accepted() {
    let accepted = [
        first(21, "001.00000000"),
        first(21, "366.99999999"),
        first(3, "Z9999").replace("2 00005  34.2682", "2 Z9999  34.2682"),
        second(9, "180.0000"),
        second(9, "  0.0000"),
        second(18, "360.0000"),
        second(53, "19.99999999"),
        second(53, " 0.00000001"),
    ];
    for text in accepted {
        let lines: Vec<&str> = text.lines().collect();
        let text = format!("{}\n{}", with(lines[0], 1, "1"), with(lines[1], 1, "2"));
        assert!(Tle::parse(text.as_bytes()).is_ok(), "{text}\n{:?}", Tle::parse(text.as_bytes()).err());
    }
}

/// The text of a packed file beside the project.
fn unpacked(file: &Path) -> String {
    let unpacked = Command::new("gzip").arg("-dc").arg(file).output().expect("gzip runs");
    assert!(unpacked.status.success(), "{}: {unpacked:?}", file.display());
    String::from_utf8(unpacked.stdout).expect("text")
}

/// Disproved by a range that real data leaves. Where the data is not beside the project there is nothing to read.
#[test]
fn real_element_sets_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !folder.exists() {
        return println!("no data at {}", folder.display());
    }
    let mut count = 0;
    for file in ["starlink_gp_vs_supgp.tsv.gz", "visual_updates.tsv.gz", "spot5.tle"] {
        let text = match file.ends_with(".gz") {
            true => unpacked(&folder.join(file)),
            false => std::fs::read_to_string(folder.join(file)).unwrap(),
        };
        let is_element_line = |field: &&str| field.len() == 69 && field.starts_with(['1', '2']);
        let lines: Vec<&str> = text.split(['\t', '\n']).filter(is_element_line).collect();
        for pair in lines.as_chunks::<2>().0 {
            let parsed = Tle::parse(pair.join("\n").as_bytes());
            assert!(parsed.is_ok(), "{file}: {pair:?}: {:?}", parsed.err());
            count += 1;
        }
    }
    println!("{count} element sets");
    assert!(count > 20_000, "only {count} element sets were found");
}
