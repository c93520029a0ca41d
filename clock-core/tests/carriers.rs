//! Every carrier behaves alike: found in any case, repeated values told apart, nothing of the user's touched.
#![cfg(all(feature = "headers", feature = "std"))]

use clock_core::VectorTimestamp;
use clock_core::headers::{
    EncodeError, EventId, EventType, Expected, ExtractError, HEADER_BYTES_MAX, HeaderCarrier, Trace,
    binary_headers, text, text_headers,
};
use std::collections::{BTreeMap, HashMap};

fn vector(entries: &[(&str, u64)]) -> VectorTimestamp {
    VectorTimestamp::from_entries(entries.iter().copied()).expect("small counters")
}

fn trace() -> Trace {
    Trace {
        event_id: EventId::new("ev-1").expect("legal"),
        event_type: EventType::new("order.created").expect("legal"),
        causality: vector(&[("svc-a", 3)]),
    }
}

/// What a carrier of text has to do. `with` makes one of these headers, as a framework would.
fn conforms_in_text<C: HeaderCarrier<Value = str> + Default>(with: fn(&[(&str, &str)]) -> C) {
    let mut carrier = with(&[("Accept", "text/plain"), ("x-causality-vector", "old=1")]);
    text_headers::inject(&trace(), &mut carrier).expect("an ASCII event");
    assert_eq!(text_headers::extract(&carrier), Ok(Some(trace())));
    assert_eq!(carrier.values("accept").collect::<Vec<_>>(), [b"text/plain"]);
    assert_eq!(carrier.values("X-CAUSALITY-VECTOR").collect::<Vec<_>>(), [b"svc-a=3"], "one value is left");

    let lower = with(&[
        ("x-causality-eventid", "ev-1"),
        ("x-causality-eventtype", "order.created"),
        ("x-causality-vector", "svc-a=3"),
        ("x-causality-lamport", "order-svc:42"),
    ]);
    assert_eq!(text_headers::extract(&lower), Ok(Some(trace())));
    let lamport = text_headers::extract_lamport(&lower).expect("legal").expect("there");
    assert_eq!(lamport.to_string(), "order-svc:42");

    assert_eq!(text_headers::extract(&C::default()), Ok(None));
    let partial = with(&[("X-Causality-EventId", "ev-1"), ("X-Causality-Vector", "a=1")]);
    let missing = ExtractError::Missing { name: "X-Causality-EventType" };
    assert_eq!(text_headers::extract(&partial), Err(missing));
    refuses_illegal_text(with);
}

fn refuses_illegal_text<C: HeaderCarrier<Value = str>>(with: fn(&[(&str, &str)]) -> C) {
    for (name, value, expected) in [
        ("X-Causality-EventType", "", Expected::EventType),
        ("X-Causality-EventId", "", Expected::EventId),
        ("X-Causality-EventId", "a b", Expected::EventId),
        ("X-Causality-Vector", "a=5,a=1", Expected::DistinctNames),
        ("X-Causality-Vector", "", Expected::SomeEntry),
    ] {
        let all = ["X-Causality-EventType", "X-Causality-EventId", "X-Causality-Vector"];
        let headers = all.map(|header| (header, if header == name { value } else { "a=1" }));
        let extracted = text_headers::extract(&with(&headers));
        assert_eq!(place_of(&extracted), Some((name, expected)), "{value:?}");
    }
}

fn place_of<T>(extracted: &Result<T, ExtractError>) -> Option<(&'static str, Expected)> {
    match extracted {
        Err(ExtractError::Malformed(malformed)) => Some((malformed.name, malformed.expected)),
        _ => None,
    }
}

type BinaryHeader<'a> = (&'a str, &'a [u8]);

/// What a carrier of bytes has to do.
fn conforms_in_binary<C: HeaderCarrier<Value = [u8]> + Default>(with: fn(&[BinaryHeader<'_>]) -> C) {
    let mut carrier = with(&[("other", b"\xff"), ("CAUSALITY-VC", b"\x80")]);
    binary_headers::inject(&trace(), &mut carrier).expect("a legal event");
    let lamport = text::decode_lamport("order-svc:1").expect("legal");
    binary_headers::inject_lamport(&lamport, &mut carrier).expect("a map takes any header");
    for (name, value) in [
        ("causality-eid", b"ev-1".as_slice()),
        ("causality-etype", b"order.created"),
        ("causality-vc", b"\x81\xa5svc-a\x03"),
        ("causality-lc", b"order-svc:1"),
        ("other", b"\xff"),
    ] {
        assert_eq!(carrier.values(name).collect::<Vec<_>>(), [value], "{name}");
    }
    assert_eq!(binary_headers::extract(&carrier), Ok(Some(trace())));
    assert_eq!(binary_headers::extract_lamport(&carrier), Ok(Some(lamport)));
    assert_eq!(binary_headers::extract(&C::default()), Ok(None));

    let broken = with(&[("causality-eid", b"\xff"), ("causality-vc", b"\x80"), ("causality-etype", b"t")]);
    assert_eq!(place_of(&binary_headers::extract(&broken)), Some(("causality-eid", Expected::Utf8)));
    let empty_type = with(&[("causality-eid", b"e"), ("causality-vc", b"\x80"), ("causality-etype", b"")]);
    assert!(binary_headers::extract(&empty_type).is_err());
}

fn texts<C: FromIterator<(String, String)>>(headers: &[(&str, &str)]) -> C {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn binaries<C: FromIterator<(String, Vec<u8>)>>(headers: &[BinaryHeader<'_>]) -> C {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

#[test]
fn maps_and_lists_of_strings_carry_text() {
    conforms_in_text::<HashMap<String, String>>(texts);
    conforms_in_text::<BTreeMap<String, String>>(texts);
    conforms_in_text::<Vec<(String, String)>>(texts);
}

#[test]
fn maps_and_lists_of_bytes_carry_binary() {
    conforms_in_binary::<HashMap<String, Vec<u8>>>(binaries);
    conforms_in_binary::<BTreeMap<String, Vec<u8>>>(binaries);
    conforms_in_binary::<Vec<(String, Vec<u8>)>>(binaries);
}

#[cfg(feature = "http")]
fn http_headers(headers: &[(&str, &str)]) -> http::HeaderMap {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        map.append(name, value.parse().expect("a header value"));
    }
    map
}

#[cfg(feature = "http")]
#[test]
fn the_header_map_of_http_carries_text() {
    conforms_in_text::<http::HeaderMap>(http_headers);
    let repeated = http_headers(&[("x-causality-vector", "a=1"), ("x-causality-vector", "b=2")]);
    assert_eq!(text_headers::extract_vector(&repeated), Ok(Some(vector(&[("a", 1), ("b", 2)]))));
}

#[test]
fn repeated_vectors_are_one_list() {
    let headers = |values: &[&str]| -> Vec<(String, String)> {
        values.iter().map(|value| ("x-causality-vector".to_owned(), (*value).to_owned())).collect()
    };
    let both = vector(&[("a", 1), ("b", 2)]);
    assert_eq!(text_headers::extract_vector(&headers(&["a=1", "b=2"])), Ok(Some(both.clone())));
    assert_eq!(text_headers::extract_vector(&headers(&["b=2", "a=1"])), Ok(Some(both.clone())));
    assert_eq!(text_headers::extract_vector(&headers(&["a=1,b=2", "a=1,b=2"])), Ok(Some(both.clone())));
    let copied: [&[&str]; 3] =
        [&["a=1", "b=2", "b=2"], &["a=1", "b=2", "a=1", "b=2"], &["b=2", "a=1", "b=2"]];
    for values in copied {
        assert_eq!(text_headers::extract_vector(&headers(values)), Ok(Some(both.clone())), "{values:?}");
    }
    let many: Vec<String> = (0..33).map(|n| format!("n{n}=1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(text_headers::extract_vector(&headers(&many[..32])).is_ok());
    let refusal = text_headers::extract_vector(&headers(&many));
    assert_eq!(place_of(&refusal), Some(("X-Causality-Vector", Expected::FewerEntries)));
    for refused in [&["a=1", "a=2"], &["a=1", ""], &["", "a=1"]] {
        assert!(text_headers::extract_vector(&headers(refused)).is_err(), "{refused:?}");
    }
    let half = format!("a={}", "1".repeat(HEADER_BYTES_MAX / 2));
    let refusal = text_headers::extract_vector(&headers(&[&half, &format!("{half}1")])).unwrap_err();
    assert!(
        matches!(refusal, ExtractError::Malformed(malformed) if malformed.expected == Expected::FewerBytes)
    );
}

#[test]
fn repeated_ids_that_differ_are_refused() {
    let mut headers: Vec<(String, String)> =
        texts(&[("X-Causality-Lamport", "a:1"), ("x-causality-lamport", "a:1")]);
    assert!(text_headers::extract_lamport(&headers).is_ok_and(|lamport| lamport.is_some()));
    headers.push(("x-causality-lamport".to_owned(), "a:2".to_owned()));
    let refusal = ExtractError::Conflicting { name: "X-Causality-Lamport" };
    assert_eq!(text_headers::extract_lamport(&headers), Err(refusal));
}

#[test]
fn what_text_cannot_carry_leaves_the_carrier_alone() {
    let mut headers = BTreeMap::<String, String>::new();
    let accented = Trace { event_type: EventType::new("créé").unwrap(), ..trace() };
    let refusal = EncodeError::NotAscii { event_type: "créé".to_owned() };
    assert_eq!(text_headers::inject(&accented, &mut headers), Err(refusal));
    let unsent = Trace { causality: VectorTimestamp::new(), ..trace() };
    assert_eq!(text_headers::inject(&unsent, &mut headers), Err(EncodeError::EmptyVector));
    assert!(headers.is_empty());
    let mut binary = BTreeMap::<String, Vec<u8>>::new();
    assert_eq!(binary_headers::inject(&accented, &mut binary), Ok(()));
    assert_eq!(binary_headers::extract(&binary), Ok(Some(accented)));
}
