//! Headers as frameworks hand them out: in any order and case, several of a name, and in lists and maps alike.

use clock_core::headers::{ExtractError, LamportTimestamp, Trace, binary_headers, text_headers};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::SMALL_MULTIPLE;
use crate::allocation::Meter;
use crate::decoder::{Decoder, Outcome};
use crate::input::{self, Input};
use crate::promises::{hold_node, hold_trace};

const TEXT_NAMES: [&str; 8] = [
    "X-Causality-Vector",
    "X-Causality-EventId",
    "X-Causality-EventType",
    "X-Causality-Lamport",
    "x-causality-vector",
    "x-causality-eventid",
    "x-causality-lamport",
    "content-type",
];
const BINARY_NAMES: [&str; 8] = [
    "causality-vc",
    "causality-eid",
    "causality-etype",
    "causality-lc",
    "Causality-VC",
    "causality-EID",
    "CAUSALITY-LC",
    "key",
];

/// Text headers in a list, and the same in the map of HTTP.
pub static HEADERS_TEXT: Decoder =
    Decoder { name: "headers_text", check: text, limit: SMALL_MULTIPLE, input_bytes_max: 4096 };
/// Binary headers in a list.
pub static HEADERS_BINARY: Decoder =
    Decoder { name: "headers_binary", check: binary, limit: SMALL_MULTIPLE, input_bytes_max: 4096 };

type Extracted = (Result<Option<Trace>, ExtractError>, Result<Option<LamportTimestamp>, ExtractError>);

/// The input: for each header, a byte that picks its name, the length of its value in a byte, the value.
fn headers<'a>(data: &'a [u8], names: &[&'static str; 8]) -> Vec<(&'static str, &'a [u8])> {
    let mut input = Input::new(data);
    let mut headers = Vec::new();
    while !input.is_empty() {
        headers.push((names[usize::from(input.byte()) % names.len()], input.short()));
    }
    headers
}

fn text(meter: &Meter, data: &[u8]) -> Outcome {
    let headers = headers(data, &TEXT_NAMES);
    let pair = |(name, value): &(&str, &[u8])| ((*name).to_owned(), input::text(value).to_owned());
    let list: Vec<(String, String)> = headers.iter().map(pair).collect();
    let extracted =
        meter.decode(data.len(), || (text_headers::extract(&list), text_headers::extract_lamport(&list)));
    if let Some(map) = http_map(&list) {
        let from_map =
            meter.decode(data.len(), || (text_headers::extract(&map), text_headers::extract_lamport(&map)));
        assert_eq!(from_map, extracted, "the map of HTTP says something else than the list {list:?}");
    }
    if let Ok(Some(trace)) = &extracted.0 {
        let mut again = list;
        match text_headers::inject(trace, &mut again) {
            Ok(()) => assert_eq!(text_headers::extract(&again).as_ref(), Ok(&Some(trace.clone()))),
            Err(error) => {
                assert!(trace.causality.is_empty() || !trace.event_type.as_str().is_ascii(), "{error}");
            }
        }
    }
    hold(&extracted)
}

/// The same headers in the map of HTTP, unless it takes no such value.
fn http_map(list: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in list {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(map)
}

fn binary(meter: &Meter, data: &[u8]) -> Outcome {
    let headers = headers(data, &BINARY_NAMES);
    let pair = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
    let list: Vec<(String, Vec<u8>)> = headers.iter().map(pair).collect();
    let extracted =
        meter.decode(data.len(), || (binary_headers::extract(&list), binary_headers::extract_lamport(&list)));
    if let Ok(Some(trace)) = &extracted.0 {
        let mut again = list;
        binary_headers::inject(trace, &mut again).expect("what was read can be sent");
        assert_eq!(binary_headers::extract(&again).as_ref(), Ok(&Some(trace.clone())));
    }
    hold(&extracted)
}

fn hold((trace, lamport): &Extracted) -> Outcome {
    if let Ok(Some(trace)) = trace {
        hold_trace(trace);
    }
    if let Ok(Some(lamport)) = lamport {
        hold_node(lamport.node());
    }
    Outcome::of(matches!(trace, Ok(Some(_))) || matches!(lamport, Ok(Some(_))))
}
