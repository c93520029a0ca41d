//! What the fault proxy reads from strangers: commands, scenarios, and frames of any framing.

use clock_proxy::frame::{Endian, Framing, Front, Prefix, Width};
use clock_proxy::{grammar, scenario};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input::{self, Input};

/// The stations that commands may name.
const STATIONS: [&str; 4] = ["a", "b", "c", "indian_ocean"];

/// Words with their places, flows of four stations, and the directory of these. A scenario also repeats steps, at most
/// a fixed number of them.
const LINE: Limit = Limit { constant_bytes: 256 << 10, bytes_per_byte: 1024 };
const STORY: Limit = Limit { constant_bytes: 64 << 20, bytes_per_byte: 16 << 10 };
/// A word of options, quoted in the error.
const WORD: Limit = Limit { constant_bytes: 1024, bytes_per_byte: 4 };
/// Looking for the ends of frames takes nothing.
const SCAN: Limit = Limit { constant_bytes: 0, bytes_per_byte: 0 };

/// A line of the command grammar.
pub static PROXY_LINE: Decoder =
    Decoder { name: "proxy_line", check: line, limit: LINE, input_bytes_max: 4200 };
/// A scenario file.
pub static PROXY_SCENARIO: Decoder =
    Decoder { name: "proxy_scenario", check: story, limit: STORY, input_bytes_max: 1024 };
/// The name of a framing.
pub static PROXY_FRAMING: Decoder =
    Decoder { name: "proxy_framing", check: framing, limit: WORD, input_bytes_max: 256 };
/// The scanner that looks for the ends of frames.
pub static PROXY_SCAN: Decoder =
    Decoder { name: "proxy_scan", check: scan, limit: SCAN, input_bytes_max: 4096 };

/// An answer is one line, or nothing was asked.
fn line(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    match meter.decode(data.len(), || grammar::check(text, &STATIONS)) {
        Ok(commands) => {
            let is_blank = text.split('#').next().unwrap_or_default().trim().is_empty();
            assert!(commands.is_some() || is_blank, "{text:?} is not answered");
            Outcome::of(commands.is_some_and(|count| count > 0))
        }
        Err(error) => {
            assert!(!error.is_empty() && !error.contains('\n'), "{error:?} is no line");
            Outcome::Refused
        }
    }
}

fn story(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    match meter.decode(data.len(), || scenario::check(text, &STATIONS)) {
        Ok(steps) => Outcome::of(steps > 0),
        Err(error) => {
            assert!(!error.is_empty() && !error.contains('\n'), "{error:?} is no line");
            Outcome::Refused
        }
    }
}

/// A framing has one name, which means itself.
fn framing(meter: &Meter, data: &[u8]) -> Outcome {
    let text = input::text(data);
    match meter.decode(data.len(), || text.parse::<Framing>()) {
        Ok(framing) => {
            assert_eq!(framing.to_string().parse(), Ok(framing), "{framing} means something else");
            Outcome::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            Outcome::Refused
        }
    }
}

/// The input: a byte of width, order and inclusiveness, an offset, a gap, a maximum, then the stream.
fn scan(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let flags = input.byte();
    let width = [Width::One, Width::Two, Width::Four, Width::Eight][usize::from(flags & 3)];
    let endian = if flags & 4 == 0 { Endian::Big } else { Endian::Little };
    let prefix = Prefix {
        offset: u16::from(input.byte() % 8),
        extra: u16::from(input.byte() % 8),
        is_inclusive: flags & 8 != 0,
        ..Prefix::new(width, endian)
    };
    let max = u32::from(input.u16());
    let stream = input.rest();
    let framing = Framing::Prefixed(prefix);
    let found = meter.decode(stream.len(), || framing.whole_run(stream, max));
    assert_eq!(found, judged(prefix, stream, max), "{framing} up to {max} finds other frames in {stream:?}");
    let behind = framing.front(&stream[found.0..], max);
    assert!(!matches!(behind, Front::Whole(_)), "a whole frame is left behind: {behind:?}");
    Outcome::of(found.1 > 0)
}

/// The same by plain arithmetic: the bytes of the whole frames, and their count.
fn judged(prefix: Prefix, stream: &[u8], max: u32) -> (usize, u64) {
    let header = prefix.header_bytes();
    let (mut bytes, mut frames) = (0, 0);
    loop {
        let rest = &stream[bytes..];
        let Some(field) =
            rest.get(usize::from(prefix.offset)..).and_then(|rest| rest.get(..prefix.width.bytes()))
        else {
            return (bytes, frames);
        };
        let digits: Vec<u8> = match prefix.endian {
            Endian::Big => field.to_vec(),
            Endian::Little => field.iter().rev().copied().collect(),
        };
        let claimed = digits.iter().fold(0_i128, |value, digit| value * 256 + i128::from(*digit));
        let payload = if prefix.is_inclusive { claimed - header as i128 } else { claimed };
        if payload < 0 || payload > i128::from(max) || (rest.len() as i128) < payload + header as i128 {
            return (bytes, frames);
        }
        bytes += header + usize::try_from(payload).expect("not more than the stream");
        frames += 1;
    }
}
