//! Pairs of element sets by two writers that disagree about the same satellite.
//!
//! Where the folder with the real data exists, there are 1,000 genuine pairs. It is not a part of the project: what every
//! checkout has are pairs made from the element sets that the demo carries.

use std::path::{Path, PathBuf};
use std::process::Command;

use clock_core::Key;
use clock_core::record::Tle;

/// The file of the genuine pairs: number, name, two lines of one writer, two of the other.
const FILE: &str = "starlink_gp_vs_supgp.tsv.gz";
/// What the demo carries, one satellite after the other.
const CARRIED: &str = include_str!("../../clock-node/data/elements.tle");
/// How much later the second writer of a made pair measured, in days, and how far along the orbit it saw the satellite,
/// in degrees.
const LATER_DAYS: f64 = 0.01;
const ALONG_DEGREES: f64 = 0.01;

/// The distances in kilometres of the made pairs by the C++ of the algorithm's authors, as PyPI `sgp4` 2.27 compiles it:
/// WGS-72, mode `a`, at the first writer's epoch cut to milliseconds.
pub const MADE_PAIRS_KM: [(&str, f64); 31] = [
    ("NORAD-5", 1.789484),
    ("NORAD-4632", 5.664297),
    ("NORAD-6251", 4.712044),
    ("NORAD-8195", 7.495403),
    ("NORAD-9880", 8.158402),
    ("NORAD-9998", 6.826279),
    ("NORAD-11801", 9.980018),
    ("NORAD-14128", 7.381197),
    ("NORAD-16925", 5.124914),
    ("NORAD-20413", 50.629453),
    ("NORAD-21897", 7.289919),
    ("NORAD-22312", 21.824252),
    ("NORAD-22674", 7.795503),
    ("NORAD-23177", 8.611542),
    ("NORAD-23333", 364.410540),
    ("NORAD-23599", 3.971505),
    ("NORAD-24208", 7.284525),
    ("NORAD-25954", 7.330238),
    ("NORAD-26900", 7.331108),
    ("NORAD-26975", 4.730508),
    ("NORAD-28057", 1.248976),
    ("NORAD-28129", 4.665501),
    ("NORAD-28350", 6.231792),
    ("NORAD-28623", 2.015427),
    ("NORAD-28626", 7.284047),
    ("NORAD-28872", 1.127105),
    ("NORAD-29141", 5.291175),
    ("NORAD-29238", 4.753892),
    ("NORAD-88888", 5.605112),
    ("NORAD-33335", 7.283908),
    ("NORAD-33333", 1.002250),
];

/// What two writers say of one satellite.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The satellite's key in the catalog.
    pub key: Key,
    /// The two lines of each writer, joined by a line feed.
    pub writers: [String; 2],
}

/// The genuine pairs; `None` where the folder does not exist.
///
/// # Panics
/// If the file is there and does not read.
pub fn genuine_pairs() -> Option<Vec<Pair>> {
    let file = folder().join(FILE);
    if !file.exists() {
        println!("no {FILE} beside the project: the genuine pairs are not used");
        return None;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output().expect("gzip runs");
    assert!(unpacked.status.success(), "{FILE}: {}", String::from_utf8_lossy(&unpacked.stderr));
    let text = String::from_utf8(unpacked.stdout).expect("the file is text");
    Some(text.lines().map(genuine_pair).collect())
}

/// The folder of real data: `CLOCK_DATA`, or the one beside the project.
fn folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    std::env::var_os("CLOCK_DATA").map_or_else(beside, PathBuf::from)
}

fn genuine_pair(line: &str) -> Pair {
    let fields: Vec<&str> = line.split('\t').collect();
    let [number, _, one_1, one_2, other_1, other_2] = fields.as_slice() else {
        panic!("expected six columns, got {line:?}")
    };
    let writers = [format!("{one_1}\n{one_2}"), format!("{other_1}\n{other_2}")];
    Pair { key: key(number), writers }
}

/// Pairs made from the element sets the demo carries, those left out that give no position at their own epoch. The second
/// writer is a hundredth of a day and of a degree away; of every fifth satellite it gives the same epoch.
///
/// # Panics
/// If an element set does not read.
pub fn made_pairs() -> Vec<Pair> {
    let lines: Vec<&str> = CARRIED.lines().collect();
    let (sets, _) = lines.as_chunks::<2>();
    let sets = sets.iter().filter(|set| has_position_at_its_epoch(set));
    sets.enumerate().map(|(n, [line_1, line_2])| made_pair(n, line_1, line_2)).collect()
}

fn has_position_at_its_epoch([line_1, line_2]: &[&str; 2]) -> bool {
    let tle = parsed(&format!("{line_1}\n{line_2}"));
    tle.position_km(epoch_ms(&tle)).is_ok()
}

fn made_pair(n: usize, line_1: &str, line_2: &str) -> Pair {
    let number = |line: &str, from: usize, upto: usize| {
        let text = line.get(from..upto).unwrap_or_default().trim();
        text.parse::<f64>()
            .unwrap_or_else(|_| panic!("expected a number in columns {from} to {upto} of {line:?}"))
    };
    let later_days = if n.is_multiple_of(5) { 0.0 } else { LATER_DAYS };
    let day = number(line_1, 20, 32) + later_days;
    let turned = number(line_2, 52, 63) * 360.0 * later_days;
    let anomaly = (number(line_2, 43, 51) + turned + ALONG_DEGREES) % 360.0;
    let other_1 = with_checksum(&format!("{}{day:012.8}{}", &line_1[..20], &line_1[32..68]));
    let other_2 = with_checksum(&format!("{}{anomaly:8.4}{}", &line_2[..43], &line_2[51..68]));
    let writers = [format!("{line_1}\n{line_2}"), format!("{other_1}\n{other_2}")];
    Pair { key: key(line_1[2..7].trim_start_matches('0')), writers }
}

/// The line with its last column: the sum of its digits, a minus counting 1, modulo ten.
fn with_checksum(line: &str) -> String {
    let sum: u32 = line.chars().map(|char| char.to_digit(10).unwrap_or(u32::from(char == '-'))).sum();
    format!("{line}{}", sum % 10)
}

fn key(number: &str) -> Key {
    Key::new(&format!("NORAD-{number}")).expect("a number makes a valid key")
}

/// Reads an element set of a pair.
///
/// # Panics
/// If it is none.
pub fn parsed(text: &str) -> Tle {
    Tle::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The epoch of an element set, in milliseconds since 1970.
///
/// # Panics
/// If it is before 1970.
pub fn epoch_ms(tle: &Tle) -> u64 {
    u64::try_from(tle.epoch_us() / 1000).expect("an epoch after 1970")
}
