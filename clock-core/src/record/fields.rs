//! A value as named fields, so that people can compare two of them line by line.
//!
//! The fields of an element set end with its two lines to the letter: two sets that differ anywhere differ in a field.

use sgp4::chrono::SubsecRound;

use super::{Attitude, Tle, kind_name};
use crate::event::{Body, BodyKind};

/// Longest text of a field, in characters; what is cut off ends in `…`.
const VALUE_CHARS_MAX: usize = 256;

/// One named part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub name: &'static str,
    /// Its unit; empty where there is none.
    pub unit: &'static str,
    /// The value as text, of bounded length.
    pub value: String,
}

/// One line of a table that shows several values side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRow {
    /// What the field is.
    pub name: &'static str,
    /// Its unit; empty where there is none.
    pub unit: &'static str,
    /// What each value has there; `None` for one that has no such field.
    pub values: Vec<Option<String>>,
    /// Whether the values do not all have the same.
    pub differs: bool,
}

/// The fields of a value, in the order people read them. A body that does not read as its kind says is shown as bytes:
/// total, and never an error.
pub fn fields(body: &Body) -> Vec<Field> {
    let typed = match body.kind {
        BodyKind::TLE => Tle::parse(&body.bytes).ok().map(|tle| tle_fields(&tle)),
        BodyKind::ATTITUDE => Attitude::from_bytes(&body.bytes).ok().map(attitude_fields),
        _ => None,
    };
    let mut all = vec![field("kind", "", &kind_text(body.kind))];
    if !body.is_tombstone() {
        all.extend(typed.unwrap_or_else(|| byte_fields(body)));
    }
    all
}

/// The fields of several values beside each other: every field that any of them has, in the order it first appears.
pub fn side_by_side(bodies: &[&Body]) -> Vec<FieldRow> {
    let columns: Vec<Vec<Field>> = bodies.iter().map(|body| fields(body)).collect();
    let mut names: Vec<(&'static str, &'static str)> = Vec::new();
    for field in columns.iter().flatten() {
        if !names.iter().any(|(name, _)| *name == field.name) {
            names.push((field.name, field.unit));
        }
    }
    names.into_iter().map(|(name, unit)| row(name, unit, &columns)).collect()
}

fn row(name: &'static str, unit: &'static str, columns: &[Vec<Field>]) -> FieldRow {
    let value = |column: &Vec<Field>| {
        let found = column.iter().find(|field| field.name == name);
        found.map(|field| field.value.clone())
    };
    let values: Vec<Option<String>> = columns.iter().map(value).collect();
    let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
    FieldRow { name, unit, values, differs }
}

fn field(name: &'static str, unit: &'static str, value: &dyn ToString) -> Field {
    Field { name, unit, value: shortened(&value.to_string()) }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(VALUE_CHARS_MAX - 1).chain(['…']).collect()
}

fn kind_text(kind: BodyKind) -> String {
    match kind_name(kind) {
        "unknown" => format!("unknown ({})", kind.0),
        name => name.to_owned(),
    }
}

fn tle_fields(tle: &Tle) -> Vec<Field> {
    let elements = tle.elements();
    let [line_1, line_2] = tle.lines();
    vec![
        field("NORAD id", "", &elements.norad_id),
        field("name", "", &tle.name().unwrap_or_default()),
        field("designator", "", &elements.international_designator.as_deref().unwrap_or_default()),
        field("epoch", "UTC", &elements.datetime.round_subsecs(6).format("%Y-%m-%dT%H:%M:%S%.6fZ")),
        field("mean motion", "rev/day", &elements.mean_motion),
        field("mean motion change / 2", "rev/day²", &elements.mean_motion_dot),
        field("eccentricity", "", &elements.eccentricity),
        field("inclination", "°", &elements.inclination),
        field("right ascension", "°", &elements.right_ascension),
        field("argument of perigee", "°", &elements.argument_of_perigee),
        field("mean anomaly", "°", &elements.mean_anomaly),
        field("B*", "1/earth radius", &elements.drag_term),
        field("element set", "", &elements.element_set_number),
        field("revolution", "", &elements.revolution_number),
        field("line 1", "", &line_1),
        field("line 2", "", &line_2),
    ]
}

fn attitude_fields(attitude: Attitude) -> Vec<Field> {
    let [w, x, y, z] = attitude.components();
    vec![field("w", "", &w), field("x", "", &x), field("y", "", &y), field("z", "", &z)]
}

/// Text where it is text, else the first bytes in hex.
fn byte_fields(body: &Body) -> Vec<Field> {
    let start = &body.bytes[..body.bytes.len().min(VALUE_CHARS_MAX)];
    let shown = match std::str::from_utf8(&body.bytes) {
        Ok(text) if body.kind == BodyKind::OPAQUE || body.kind == BodyKind::TLE => field("text", "", &text),
        _ => field("hex", "", &start.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    };
    vec![field("size", "bytes", &body.bytes.len()), shown]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const ONE: &str = "VANGUARD 1\n\
                       1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                       2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";
    /// The same elements; the exponent of a zero is written with another sign.
    const OTHER: &str = "VANGUARD 1\n\
                         1 00005U 58002B   00179.78495062  .00000023  00000+0  28098-4 0  4752\n\
                         2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";

    fn body(kind: BodyKind, text: &str) -> Body {
        super::super::validate(kind, &Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn value(body: &Body, name: &str) -> String {
        let all = fields(body);
        let found = all.iter().find(|field| field.name == name);
        found.unwrap_or_else(|| panic!("expected a field {name}, got {all:?}")).value.clone()
    }

    #[test]
    fn an_element_set_is_shown_field_by_field() {
        let body = body(BodyKind::TLE, ONE);
        for (name, expected) in [
            ("kind", "tle"),
            ("NORAD id", "5"),
            ("name", "VANGUARD 1"),
            ("designator", "1958-002B"),
            ("epoch", "2000-06-27T18:50:19.733568Z"),
            ("mean motion", "10.82419157"),
            ("eccentricity", "0.1859667"),
            ("inclination", "34.2682"),
            ("right ascension", "348.7242"),
            ("argument of perigee", "331.7664"),
            ("mean anomaly", "19.3264"),
            ("B*", "0.000028098"),
            ("element set", "475"),
            ("revolution", "41366"),
        ] {
            assert_eq!(value(&body, name), expected, "{name}");
        }
    }

    #[test]
    fn sets_that_differ_anywhere_differ_in_a_field() {
        let (one, other) = (body(BodyKind::TLE, ONE), body(BodyKind::TLE, OTHER));
        let rows = side_by_side(&[&one, &other]);
        let differing: Vec<&str> = rows.iter().filter(|row| row.differs).map(|row| row.name).collect();
        assert_eq!(differing, ["line 1"]);
        assert!(side_by_side(&[&one, &one]).iter().all(|row| !row.differs));
    }

    #[test]
    fn versions_of_different_kinds_and_deletions_stand_side_by_side() {
        let (attitude, text) = (body(BodyKind::ATTITUDE, "1,0,0,0"), body(BodyKind::OPAQUE, "a note"));
        let rows = side_by_side(&[&attitude, &Body::TOMBSTONE, &text]);
        let row = |name: &str| rows.iter().find(|row| row.name == name).expect("a row");
        let kinds = ["attitude", "deleted", "opaque"].map(|kind| Some(kind.to_owned()));
        assert_eq!(row("kind").values, kinds);
        assert_eq!(row("w").values, [Some("1".to_owned()), None, None]);
        assert_eq!(row("text").values, [None, None, Some("a note".to_owned())]);
        assert!(rows.iter().all(|row| row.differs));
        assert_eq!(side_by_side(&[]), []);
    }

    #[test]
    fn whatever_the_bytes_the_text_is_bounded() {
        let stranger = Body { kind: BodyKind(77), bytes: Bytes::from(vec![0xff; 100_000]) };
        assert_eq!(value(&stranger, "kind"), "unknown (77)");
        assert_eq!(value(&stranger, "size"), "100000");
        let hex = value(&stranger, "hex");
        assert!(hex.starts_with("ffff") && hex.chars().count() == VALUE_CHARS_MAX, "{hex}");
        let broken = Body { kind: BodyKind::ATTITUDE, bytes: Bytes::from_static(&[1; 31]) };
        assert_eq!(value(&broken, "hex"), "01".repeat(31));
        let long = body(BodyKind::OPAQUE, &"é".repeat(1000));
        assert_eq!(value(&long, "text").chars().count(), VALUE_CHARS_MAX);
    }
}
