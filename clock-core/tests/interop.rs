//! Byte for byte what `like-a-clockwork` 0.1.0 emits, and a verdict on each input that it accepts or refuses.
//!
//! The bytes were taken from running it; those of single entries are in `src/headers/golden.rs`. A row that changes here breaks services that already talk to each other.
#![cfg(feature = "headers")]

use clock_core::headers::{
    DisplayTime, EncodeError, EventId, EventType, Expected, Field, LamportTimestamp, Malformed, Trace,
    TracedEvent, binary_headers, json, msgpack, positional, text, text_headers,
};
use clock_core::{MAX_COUNTER, VectorTimestamp};
use std::collections::BTreeMap;

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("the test's own input is legal"))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn vector(entries: &[(&str, u64)]) -> VectorTimestamp {
    VectorTimestamp::from_entries(entries.iter().copied()).expect("the test's own input is legal")
}

fn to_text(vector: &VectorTimestamp) -> String {
    let mut out = String::new();
    text::encode_vector_into(vector, &mut out).expect("the test's own input is legal");
    out
}

fn to_msgpack(vector: &VectorTimestamp) -> Vec<u8> {
    let mut out = Vec::new();
    msgpack::encode_vector_into(vector, &mut out).expect("the test's own input is legal");
    out
}

#[test]
fn a_zero_is_read_and_dropped() {
    assert_eq!(text::decode_vector("a=0"), Ok(VectorTimestamp::new()));
    assert_eq!(msgpack::decode_vector(&bytes("81a16100")), Ok(VectorTimestamp::new()));
    assert_eq!(text::decode_vector("a=0,b=1"), Ok(vector(&[("b", 1)])));
}

#[test]
fn a_counter_that_no_clock_reaches_is_refused_by_name() {
    let place =
        |name: &'static str| Malformed { name, entry: 0, position: 0, expected: Expected::CounterInRange };
    for counter in [u64::MAX, MAX_COUNTER + 1] {
        let as_msgpack = [b"\x81\xa1a\xcf".as_slice(), &counter.to_be_bytes()].concat();
        assert_eq!(text::decode_vector(&format!("a={counter}")), Err(place("X-Causality-Vector")));
        assert_eq!(
            msgpack::decode_vector(&as_msgpack),
            Err(Malformed { position: 1, ..place("causality-vc") })
        );
    }
}

#[test]
fn an_empty_vector_is_a_map_in_binary_and_no_header_in_text() {
    assert_eq!(msgpack::decode_vector(&bytes("80")), Ok(VectorTimestamp::new()));
    assert_eq!(hex(&to_msgpack(&VectorTimestamp::new())), "80");
    let mut raw = String::new();
    assert_eq!(text::decode_vector("").unwrap_err().expected, Expected::SomeEntry);
    assert_eq!(text::encode_vector_into(&VectorTimestamp::new(), &mut raw), Err(EncodeError::EmptyVector));
    assert_eq!(raw, "");
}

#[test]
fn two_entries_are_written_ascending_and_read_in_any_order() {
    let both = vector(&[("svc-b", 1), ("svc-a", 3)]);
    assert_eq!(to_text(&both), "svc-a=3,svc-b=1");
    assert_eq!(hex(&to_msgpack(&both)), "82a57376632d6103a57376632d6201");
    for as_hex in ["82a57376632d6201a57376632d6103", "82a57376632d6103a57376632d6201"] {
        assert_eq!(msgpack::decode_vector(&bytes(as_hex)), Ok(both.clone()));
    }
    for as_text in ["svc-a=3,svc-b=1", "svc-b=1,svc-a=3"] {
        assert_eq!(text::decode_vector(as_text), Ok(both.clone()));
    }
}

#[test]
fn sixteen_entries_take_a_wide_map() {
    let names: Vec<String> = (0..16).map(|n| format!("svc-{n:02}")).collect();
    let sixteen = VectorTimestamp::from_entries(names.iter().map(|name| (name.as_str(), 1))).unwrap();
    let written = to_msgpack(&sixteen);
    assert_eq!(hex(&written[..3]), "de0010");
    assert_eq!(msgpack::decode_vector(&written), Ok(sixteen));
}

#[test]
fn a_lamport_time_is_the_same_text_in_both_kinds_of_header() {
    let order = text::decode_lamport("order-svc:1").unwrap();
    assert_eq!((order.node().as_str(), order.time()), ("order-svc", 1));
    let mut out = String::new();
    text::encode_lamport_into(&order, &mut out);
    assert_eq!(hex(out.as_bytes()), "6f726465722d7376633a31");
    assert_eq!(text::decode_lamport("order-svc:42").unwrap().to_string(), "order-svc:42");
}

fn refusal_of_text(value: &str) -> Option<Expected> {
    text::decode_vector(value).err().map(|malformed| malformed.expected)
}

/// Each row of the table of parser behaviour that concerns a text vector.
#[test]
fn texts_that_would_corrupt_a_clock_are_refused() {
    let huge = "a=18446744073709551616";
    for (value, expected) in [
        ("a=+5", Expected::Counter),
        ("a=007", Expected::Counter),
        ("a=00", Expected::Counter),
        ("a=5,a=1", Expected::DistinctNames),
        ("a=0,a=1", Expected::DistinctNames),
        ("b=1,a=5,b=1", Expected::DistinctNames),
        ("b=1,a=5,a=1", Expected::DistinctNames),
        ("a\r\nSet-Cookie: x=1", Expected::Separator),
        ("", Expected::SomeEntry),
        ("a", Expected::Separator),
        ("=5", Expected::NodeName),
        ("a=", Expected::Counter),
        ("a=x", Expected::Counter),
        ("a=-1", Expected::Counter),
        ("a=1,", Expected::NodeName),
        (",a=1", Expected::NodeName),
        ("a=1,,b=1", Expected::NodeName),
        ("a=1=2", Expected::CommaOrEnd),
        ("a=1;b=2", Expected::CommaOrEnd),
        ("a =1", Expected::Separator),
        ("a= 1", Expected::Counter),
        (huge, Expected::Counter),
        ("nœud-é=7", Expected::Separator),
        (" ", Expected::NodeName),
    ] {
        assert_eq!(refusal_of_text(value), Some(expected), "{value:?}");
    }
    let too_long = format!("{}=1", "n".repeat(65));
    assert_eq!(refusal_of_text(&too_long), Some(Expected::NodeName));
}

#[test]
fn blanks_round_commas_belong_to_no_name() {
    for value in ["a=1,b=2", "a=1, b=2", " a=1 ,\tb=2 ", "a=1 , b=2"] {
        assert_eq!(text::decode_vector(value), Ok(vector(&[("a", 1), ("b", 2)])), "{value:?}");
    }
}

#[test]
fn one_charset_rules_lamport_times_too() {
    for (value, expected) in [
        ("a:b:7", Expected::Counter),
        ("a", Expected::Separator),
        (":7", Expected::NodeName),
        ("a:", Expected::Counter),
        ("a:+7", Expected::Counter),
        ("a:07", Expected::Counter),
        ("a:7,b:8", Expected::End),
        ("a:9223372036854775808", Expected::CounterInRange),
        ("", Expected::SomeEntry),
    ] {
        assert_eq!(text::decode_lamport(value).unwrap_err().expected, expected, "{value:?}");
    }
}

fn refusal_of_msgpack(as_hex: &str) -> Option<Expected> {
    msgpack::decode_vector(&bytes(as_hex)).err().map(|malformed| malformed.expected)
}

/// Each row of the table of parser behaviour that concerns a msgpack vector.
#[test]
fn msgpack_that_would_corrupt_a_clock_is_refused() {
    for (as_hex, expected) in [
        ("82a16105a16101", Expected::DistinctNames),
        ("82a16100a16101", Expected::DistinctNames),
        ("81a16101ffffde", Expected::End),
        ("8000", Expected::End),
        ("81c4016101", Expected::Text),
        ("81a001", Expected::NodeName),
        ("81a5613d392c6201", Expected::NodeName),
        ("81a86ec59375642dc3a907", Expected::NodeName),
        ("81a161c0", Expected::Counter),
        ("c0", Expected::Map),
        ("91a161", Expected::Map),
        ("9181a57376632d6103", Expected::Map),
        ("81a161ca3f800000", Expected::Counter),
        ("81a161cb3ff0000000000000", Expected::Counter),
        ("81a161ff", Expected::Counter),
        ("81a161d0ff", Expected::Counter),
        ("81a161d3ffffffffffffffff", Expected::Counter),
        ("81a161c3", Expected::Counter),
        ("", Expected::MoreBytes),
        ("81", Expected::MoreBytes),
        ("81a1", Expected::MoreBytes),
        ("81a161", Expected::MoreBytes),
        ("81a161cd01", Expected::MoreBytes),
        ("82a16101", Expected::MoreBytes),
        ("de00", Expected::MoreBytes),
        ("81a1ff01", Expected::NodeName),
        ("81d94161", Expected::NodeName),
        ("81dbffffffff61", Expected::NodeName),
        ("dfffffffff", Expected::FewerEntries),
        ("dfffffffffa16101", Expected::FewerEntries),
        ("de0401", Expected::FewerEntries),
        ("de0400", Expected::MoreBytes),
    ] {
        assert_eq!(refusal_of_msgpack(as_hex), Some(expected), "{as_hex}");
    }
}

#[test]
fn wide_and_signed_integers_are_read() {
    for as_hex in [
        "81a161cf0000000000000001",
        "81a161d30000000000000001",
        "81a161d001",
        "81a161d10001",
        "81a161d200000001",
        "81a161cc01",
        "81d9016101",
        "81da00016101",
        "81db000000016101",
        "de0001a16101",
        "df00000001a16101",
    ] {
        assert_eq!(msgpack::decode_vector(&bytes(as_hex)), Ok(vector(&[("a", 1)])), "{as_hex}");
    }
}

#[test]
fn each_field_has_its_two_names() {
    let names = |field: Field| (field.text_name(), field.binary_name());
    assert_eq!(names(Field::Lamport), ("X-Causality-Lamport", "causality-lc"));
    assert_eq!(names(Field::Vector), ("X-Causality-Vector", "causality-vc"));
    assert_eq!(names(Field::EventId), ("X-Causality-EventId", "causality-eid"));
    assert_eq!(names(Field::EventType), ("X-Causality-EventType", "causality-etype"));
}

fn order_created() -> TracedEvent {
    let trace = Trace {
        event_id: EventId::new("ev-1").expect("the test's own input is legal"),
        event_type: EventType::new("order.created").expect("the test's own input is legal"),
        causality: vector(&[("svc-a", 3)]),
    };
    TracedEvent::new(trace, b"data".to_vec())
}

#[test]
fn an_event_is_three_headers() {
    let mut as_text = BTreeMap::<String, String>::new();
    text_headers::inject(order_created().trace(), &mut as_text).unwrap();
    let golden = [
        ("X-Causality-EventId", "ev-1"),
        ("X-Causality-EventType", "order.created"),
        ("X-Causality-Vector", "svc-a=3"),
    ];
    assert!(as_text.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(golden), "{as_text:?}");
    let mut as_binary = BTreeMap::<String, Vec<u8>>::new();
    binary_headers::inject(order_created().trace(), &mut as_binary).unwrap();
    let golden = [
        ("causality-eid", "65762d31"),
        ("causality-etype", "6f726465722e63726561746564"),
        ("causality-vc", "81a57376632d6103"),
    ];
    let golden = golden.map(|(name, value)| (name.to_owned(), bytes(value)));
    assert_eq!(as_binary, BTreeMap::from(golden));
}

#[test]
fn whole_values_in_msgpack_are_positional() {
    let event_hex = "95ad6f726465722e6372656174656494646174619181a57376632d6103a465762d31c0";
    let (mut event, mut alone) = (Vec::new(), Vec::new());
    positional::encode_event_into(&order_created(), &mut event).unwrap();
    assert_eq!(hex(&event), event_hex);
    assert_eq!(positional::decode_event(&event), Ok(order_created()));
    positional::encode_vector_into(order_created().causality(), &mut alone).unwrap();
    assert_eq!(hex(&alone), "9181a57376632d6103");
    assert_eq!(positional::decode_vector(&alone), Ok(vector(&[("svc-a", 3)])));
}

#[test]
fn a_positional_event_keeps_its_time_and_its_bytes() {
    let times =
        [None, Some(DisplayTime::Number(1_700_000_000_000)), DisplayTime::text("2026-11-20T10:00:00Z").ok()];
    for time in times {
        let event = TracedEvent::new(order_created().trace().clone(), (0..=255).collect()).with_time(time);
        let mut bytes = Vec::new();
        positional::encode_event_into(&event, &mut bytes).unwrap();
        assert_eq!(positional::decode_event(&bytes), Ok(event));
    }
}

#[test]
fn positional_events_are_held_to_the_same_rules() {
    for (as_hex, expected) in [
        ("", Expected::MoreBytes),
        ("94ad6f726465722e63726561746564", Expected::ArrayOf(5)),
        ("80", Expected::ArrayOf(5)),
        ("95a0", Expected::EventType),
        ("95c0", Expected::Text),
        ("95a1ff", Expected::Utf8),
        ("95a16192cd010000", Expected::Byte),
        ("95a16191c0", Expected::Byte),
        ("95a161ddffffffff00", Expected::MoreBytes),
        ("95a1619081a57376632d6103", Expected::ArrayOf(1)),
        ("95a161909181a16101a0", Expected::EventId),
        ("95a161909181a16101a120c0", Expected::EventId),
        ("95a161909181a16101a178", Expected::MoreBytes),
        ("95a161909181a16101a17890", Expected::Text),
        ("95a161909181a16101a178c000", Expected::End),
        ("95a161909181a16101a178cd01", Expected::MoreBytes),
        ("95a161909181a16101a178cf", Expected::MoreBytes),
        ("95a161909181a16101a178a2", Expected::MoreBytes),
        ("95a161909181a16101a178ca", Expected::Text),
        ("95a161909182a16101a16102a178c0", Expected::DistinctNames),
    ] {
        assert_eq!(positional::decode_event(&bytes(as_hex)).unwrap_err().expected, expected, "{as_hex}");
    }
    assert_eq!(positional::decode_vector(&bytes("81a16101")).unwrap_err().expected, Expected::ArrayOf(1));
    assert_eq!(positional::decode_vector(&bytes("9181a1610100")).unwrap_err().expected, Expected::End);
}

#[test]
fn serde_gives_an_event_the_golden_json() {
    let golden = concat!(
        r#"{"event_type":"order.created","payload":[100,97,116,97],"causality":{"clocks":{"svc-a":3}},"#,
        r#""event_id":"ev-1","timestamp_utc":null}"#
    );
    assert_eq!(serde_json::to_string(&order_created()).unwrap(), golden);
    assert_eq!(serde_json::from_str::<TracedEvent>(golden).unwrap(), order_created());
}

#[test]
fn serde_refuses_what_would_corrupt_a_clock() {
    let event = |event_type: &str, clocks: &str, id: &str| {
        format!(
            r#"{{"event_type":"{event_type}","payload":[],"causality":{{"clocks":{clocks}}},"event_id":"{id}"}}"#
        )
    };
    assert!(serde_json::from_str::<TracedEvent>(&event("t", r#"{"a":1}"#, "ev-1")).is_ok());
    for (event_type, clocks, id) in [
        ("", r#"{"a":1}"#, "ev-1"),
        ("t", r#"{"a":1}"#, ""),
        ("t", r#"{"a":5,"a":1}"#, "ev-1"),
        ("t", r#"{"a":-1}"#, "ev-1"),
        ("t", r#"{"a":1.0}"#, "ev-1"),
        ("t", r#"{"a":9223372036854775808}"#, "ev-1"),
        ("t", r#"{"":1}"#, "ev-1"),
        ("t", r#"{"a=9,b":1}"#, "ev-1"),
        ("t", "[]", "ev-1"),
    ] {
        let text = event(event_type, clocks, id);
        assert!(serde_json::from_str::<TracedEvent>(&text).is_err(), "{text}");
    }
}

fn document(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).expect("the test's own input is legal")
}

#[test]
fn causality_lies_beside_the_users_own_fields() {
    let trace = Trace {
        event_id: EventId::new("event-123").unwrap(),
        event_type: EventType::new("order.created").unwrap(),
        causality: vector(&[("order-service", 1)]),
    };
    let mut order = document(r#"{"order_id":42,"status":"created"}"#);
    json::inject(&trace, &mut order).unwrap();
    assert_eq!(
        serde_json::to_string(&order).unwrap(),
        concat!(
            r#"{"_causality":{"event_id":"event-123","event_type":"order.created","#,
            r#""vector":{"order-service":1}},"order_id":42,"status":"created"}"#
        )
    );
    assert_eq!(json::extract(&order), Ok(trace.clone()));
    assert_eq!(json::inject(&trace, &mut order), Err(json::InjectError::KeyTaken));
    assert!(json::replace(&trace, &mut order).unwrap().is_some());
}

#[test]
fn a_users_own_field_is_not_replaced_unasked() {
    let mut order = document(r#"{"_causality":"mine"}"#);
    assert_eq!(json::inject(order_created().trace(), &mut order), Err(json::InjectError::KeyTaken));
    assert_eq!(order, document(r#"{"_causality":"mine"}"#));
    assert_eq!(json::replace(order_created().trace(), &mut order), Ok(Some("mine".into())));
}

#[test]
fn a_whole_event_is_a_document_with_a_number_array() {
    let value = json::event_to_value(&order_created()).unwrap();
    assert_eq!(
        value.to_string(),
        concat!(
            r#"{"_causality":{"event_id":"ev-1","event_type":"order.created","vector":{"svc-a":3}},"#,
            r#""payload":[100,97,116,97]}"#
        )
    );
    assert_eq!(json::event_from_value(&value), Ok(order_created()));
}

#[test]
fn documents_with_broken_causality_are_refused_with_the_path() {
    let whole = |id: &str, kind: &str, vector: &str| {
        format!(r#"{{"_causality":{{"event_id":{id},"event_type":{kind},"vector":{vector}}}}}"#)
    };
    for (text, expected) in [
        ("{}".to_owned(), "the document has no _causality"),
        (r#"{"_causality":7}"#.to_owned(), "_causality: expected an object"),
        (whole("7", r#""t""#, "{}"), "_causality.event_id: expected a string"),
        (r#"{"_causality":{}}"#.to_owned(), "_causality.event_id: expected a string"),
        (whole(r#""e""#, "null", "{}"), "_causality.event_type: expected a string"),
        (whole(r#""e""#, r#""t""#, "[]"), "_causality.vector: expected an object"),
    ] {
        assert_eq!(json::extract(&document(&text)).unwrap_err().to_string(), expected);
    }
    for (kind, vector, expected) in [
        (r#""""#, "{}", Expected::EventType),
        (r#""t""#, r#"{"a":-1}"#, Expected::Counter),
        (r#""t""#, r#"{"a":1.0}"#, Expected::Counter),
        (r#""t""#, r#"{"a":9223372036854775808}"#, Expected::CounterInRange),
        (r#""t""#, r#"{"a b":1}"#, Expected::NodeName),
    ] {
        let refusal = json::extract(&document(&whole(r#""e""#, kind, vector))).unwrap_err();
        assert!(matches!(refusal, json::JsonError::Malformed(malformed) if malformed.expected == expected));
    }
}

#[test]
fn the_text_of_a_document_hides_no_duplicate() {
    let whole = |vector: &str| {
        format!(
            r#"{{"a":1,"a":[2],"_causality":{{"event_id":"ev-1","event_type":"t","vector":{vector},"x":0}}}}"#
        )
    };
    let trace = json::extract_str(&whole(r#"{"b":0,"a":3}"#)).unwrap();
    assert_eq!(trace.causality, vector(&[("a", 3)]));
    assert_eq!(json::extract_str(r#"{"order_id":42}"#), Err(json::JsonError::Absent));
    let twice = whole(r#"{"a":5,"a":1}"#);
    assert!(json::extract(&document(&twice)).is_ok(), "the parser has dropped one already");
    let array = r#"{"_causality":["ev-1","t",{"a":1}]}"#.to_owned();
    let both = r#"{"_causality":{"event_id":"e","event_type":"t","vector":{}},"_causality":{}}"#.to_owned();
    for text in [
        twice,
        whole(r#"{"a":-1}"#),
        whole(r#"{"a":9223372036854775808}"#),
        whole(r#"{"a b":1}"#),
        whole("[]"),
        array,
        both,
        r#"{"_causality":null}"#.to_owned(),
        r#"{"_causality":{}}"#.to_owned(),
        whole("{}") + "!",
        "[]".to_owned(),
        String::new(),
    ] {
        let refused = json::extract_str(&text);
        assert!(matches!(refused, Err(json::JsonError::Unreadable { .. })), "{text}: {refused:?}");
    }
}

/// Disproved by a number in JSON that a reader with floating-point numbers takes for another.
#[test]
fn counters_that_json_would_round_are_not_written() {
    let at = |counter| Trace { causality: vector(&[("a", counter)]), ..order_created().trace().clone() };
    let refused = EncodeError::AboveJson { node: "a".to_owned(), counter: json::JSON_COUNTER_MAX + 1 };
    let mut order = document("{}");
    let above = at(json::JSON_COUNTER_MAX + 1);
    assert_eq!(json::inject(&above, &mut order), Err(refused.clone().into()));
    assert_eq!(json::replace(&above, &mut order), Err(refused.clone()));
    assert!(order.is_empty());
    let event = TracedEvent::new(above, Vec::new());
    assert_eq!(json::event_to_value(&event), Err(refused.clone()));
    assert!(serde_json::to_string(&event).is_err());
    let lamport: LamportTimestamp = "a:9007199254740993".parse().unwrap();
    assert_eq!(json::lamport_to_value(&lamport), Err(refused));
    assert!(serde_json::to_string(&lamport).is_err());
    assert_eq!(json::inject(&at(json::JSON_COUNTER_MAX), &mut order), Ok(()));
}

#[test]
fn vectors_and_lamport_times_have_a_serde_form() {
    let both = vector(&[("svc-b", 1), ("svc-a", 3)]);
    assert_eq!(serde_json::to_string(&both).unwrap(), r#"{"svc-a":3,"svc-b":1}"#);
    let read = |text: &str| serde_json::from_str::<VectorTimestamp>(text);
    assert_eq!(read(r#"{"svc-b":1,"c":0,"svc-a":3}"#).unwrap(), both);
    for broken in [r#"{"a":1,"a":1}"#, r#"{"a b":1}"#, r#"{"a":9223372036854775808}"#, "[]"] {
        assert!(read(broken).is_err(), "{broken}");
    }
    let golden = r#"{"node_id":"order-svc","time":42}"#;
    let order: LamportTimestamp = serde_json::from_str(golden).unwrap();
    assert_eq!(order, "order-svc:42".parse().unwrap());
    assert_eq!(serde_json::to_string(&order).unwrap(), golden);
    let beyond = r#"{"node_id":"a","time":9223372036854775808}"#;
    assert!(serde_json::from_str::<LamportTimestamp>(beyond).is_err());
}

#[test]
fn a_lamport_time_has_a_json_form() {
    let value = json::lamport_to_value(&text::decode_lamport("order-svc:42").unwrap()).unwrap();
    assert_eq!(value.to_string(), r#"{"node_id":"order-svc","time":42}"#);
    assert_eq!(json::lamport_from_value(&value).unwrap().to_string(), "order-svc:42");
    for broken in [r#"{"node_id":"a:b","time":1}"#, r#"{"node_id":"a","time":-1}"#, r#"{"time":1}"#, "[]"] {
        assert!(json::lamport_from_value(&serde_json::from_str(broken).unwrap()).is_err(), "{broken}");
    }
}
