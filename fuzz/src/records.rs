//! Typed values: element sets and attitudes, as a client types them and as they are stored.

use bytes::Bytes;
use clock_core::BodyKind;
use clock_core::record::{self, Attitude, Tle as ElementSet};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};

const LINE_CHARS: usize = 69;
const NAME_CHARS_MAX: usize = 64;

/// The lines are listed before they are counted: 16 bytes for a line of two, in a list that grew by doubling.
const LINES: Limit = Limit { constant_bytes: 2048, bytes_per_byte: 24 };
/// Eight bytes for a number of two, likewise; a byte that is no text becomes three, likewise.
const NUMBERS: Limit = Limit { constant_bytes: 2048, bytes_per_byte: 24 };
/// An array on the stack.
const NOTHING: Limit = Limit { constant_bytes: 0, bytes_per_byte: 0 };

/// An element set, to the letter.
pub static TLE: Decoder = Decoder { name: "tle", check: tle, limit: LINES, input_bytes_max: 512 };
/// Two lines of the right length with the right digits at their ends: what a fuzzer cannot get past the checksums.
pub static TLE_COLUMNS: Decoder =
    Decoder { name: "tle_columns", check: tle_columns, limit: LINES, input_bytes_max: 2 * LINE_CHARS };
/// An attitude as text.
pub static ATTITUDE_TEXT: Decoder =
    Decoder { name: "attitude_text", check: attitude_text, limit: NUMBERS, input_bytes_max: 512 };
/// An attitude as it is stored.
pub static ATTITUDE_BYTES: Decoder =
    Decoder { name: "attitude_bytes", check: attitude_bytes, limit: NOTHING, input_bytes_max: 64 };

fn tle(meter: &Meter, data: &[u8]) -> Outcome {
    let parsed = meter.decode(data.len(), || ElementSet::parse(data));
    let recorded = record::validate(BodyKind::TLE, &Bytes::copy_from_slice(data));
    assert_eq!(recorded.is_ok(), parsed.is_ok(), "a record is valid as its kind says");
    let Ok(elements) = parsed else { return Outcome::Refused };
    let canonical = elements.to_bytes();
    hold_lines(&canonical);
    hold_elements(elements.elements());
    let again = ElementSet::parse(&canonical).expect("what is stored reads back");
    assert_eq!(again.to_bytes(), canonical, "a second canonical form");
    assert_eq!(again.elements(), elements.elements(), "the elements changed on the way");
    Outcome::Accepted
}

/// The input: the columns of both lines, one behind the other.
fn tle_columns(meter: &Meter, data: &[u8]) -> Outcome {
    let printable = |byte: &u8| if (0x20..0x7F).contains(byte) { *byte } else { b' ' };
    let mut columns: Vec<u8> = data.iter().map(printable).collect();
    columns.resize(2 * LINE_CHARS, b' ');
    let (first, second) = columns.split_at_mut(LINE_CHARS);
    for (number, line) in [(b'1', &mut *first), (b'2', &mut *second)] {
        line[0] = number;
        let sum = line[..LINE_CHARS - 1].iter().map(worth).sum::<u32>() % 10;
        line[LINE_CHARS - 1] = b"0123456789"[usize::try_from(sum).expect("a digit")];
    }
    let text = [&*first, b"\n", second].concat();
    tle(meter, &text)
}

/// What a character adds to the checksum of its line.
fn worth(byte: &u8) -> u32 {
    match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'-' => 1,
        _ => 0,
    }
}

fn hold_lines(canonical: &[u8]) {
    assert!(canonical.is_ascii(), "an element set is ASCII");
    let lines: Vec<&[u8]> = canonical.split(|byte| *byte == b'\n').collect();
    let (name, lines) = lines.split_at(lines.len() - 2);
    assert!(name.len() <= 1 && name.iter().all(|name| name.len() <= NAME_CHARS_MAX), "the name {name:?}");
    for (number, line) in (1..).zip(lines) {
        assert_eq!(line.len(), LINE_CHARS, "columns of line {number}");
        let sum = line[..LINE_CHARS - 1].iter().map(worth).sum::<u32>() % 10;
        assert_eq!(worth(&line[LINE_CHARS - 1]), sum, "checksum of line {number}");
    }
}

fn hold_elements(elements: &sgp4::Elements) {
    let numbers = [
        elements.mean_motion_dot,
        elements.mean_motion_ddot,
        elements.drag_term,
        elements.inclination,
        elements.right_ascension,
        elements.eccentricity,
        elements.argument_of_perigee,
        elements.mean_anomaly,
        elements.mean_motion,
    ];
    assert!(numbers.iter().all(|number| number.is_finite()), "not a number: {elements:?}");
    let angles = [elements.right_ascension, elements.argument_of_perigee, elements.mean_anomaly];
    assert!(angles.iter().all(|angle| (0.0..=360.0).contains(angle)), "an angle out of range: {elements:?}");
    assert!((0.0..=180.0).contains(&elements.inclination), "inclination: {elements:?}");
    assert!((0.0..1.0).contains(&elements.eccentricity), "eccentricity: {elements:?}");
    assert!(elements.mean_motion > 0.0 && elements.mean_motion < 20.0, "mean motion: {elements:?}");
}

fn attitude_text(meter: &Meter, data: &[u8]) -> Outcome {
    let Ok(attitude) = meter.decode(data.len(), || Attitude::parse(data)) else { return Outcome::Refused };
    hold_attitude(attitude);
    let shown = attitude.to_string();
    assert_eq!(Attitude::parse(shown.as_bytes()), Ok(attitude), "what is shown reads back");
    Outcome::Accepted
}

fn attitude_bytes(meter: &Meter, data: &[u8]) -> Outcome {
    let Ok(attitude) = meter.decode(data.len(), || Attitude::from_bytes(data)) else {
        return Outcome::Refused;
    };
    hold_attitude(attitude);
    assert_eq!(attitude.to_bytes(), data, "one form for each attitude");
    Outcome::Accepted
}

fn hold_attitude(attitude: Attitude) {
    let bytes = attitude.to_bytes();
    let components = bytes.as_chunks::<8>().0.iter().map(|chunk| f64::from_be_bytes(*chunk));
    let norm = components.fold(0.0, f64::hypot);
    assert!((norm - 1.0).abs() < 1.1e-3, "an attitude of norm {norm}");
    assert_eq!(Attitude::from_bytes(&bytes), Ok(attitude), "what is stored reads back");
}
