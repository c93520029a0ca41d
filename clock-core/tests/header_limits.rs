//! The header decoders on any input at all: no panic, the limits hold, and what is emitted is read back.
#![cfg(feature = "headers")]

use clock_core::headers::{
    DisplayTime, ENTRIES_MAX, EncodeError, EventId, EventType, Expected, HEADER_BYTES_MAX, Trace,
    TracedEvent, binary_headers, json, msgpack, positional, text, text_headers,
};
use clock_core::{MAX_COUNTER, VectorTimestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn vectors() -> impl Strategy<Value = VectorTimestamp> {
    vectors_upto(MAX_COUNTER)
}

fn vectors_upto(max: u64) -> impl Strategy<Value = VectorTimestamp> {
    let counters = prop_oneof![1u64..300, 1..=max];
    prop::collection::btree_map("[A-Za-z0-9._-]{1,64}", counters, 1..40).prop_map(|entries| of(&entries))
}

fn of(entries: &BTreeMap<String, u64>) -> VectorTimestamp {
    VectorTimestamp::from_entries(entries.iter().map(|(name, counter)| (name.as_str(), *counter)))
        .expect("the test's own input is legal")
}

/// As many entries as asked for, each as long as it can be.
fn longest(entries: usize) -> VectorTimestamp {
    of(&(0..entries).map(|n| (format!("{n:0>64}"), MAX_COUNTER)).collect())
}

fn times() -> impl Strategy<Value = Option<DisplayTime>> {
    let text = "[0-9TZ:.+-]{1,64}".prop_map(|text| DisplayTime::text(&text).ok());
    prop_oneof![Just(None), any::<u64>().prop_map(|number| Some(DisplayTime::Number(number))), text]
}

fn events() -> impl Strategy<Value = TracedEvent> {
    let payloads = prop::collection::vec(any::<u8>(), 0..40);
    ("[!-+--~]{1,128}", "[!-~]([ -~]{0,200}[!-~])?", vectors_upto(json::JSON_COUNTER_MAX), payloads, times())
        .prop_map(|(id, event_type, causality, payload, time)| {
            let event_id = EventId::new(&id).expect("a legal id");
            let event_type = EventType::new(&event_type).expect("a legal type");
            TracedEvent::new(Trace { event_id, event_type, causality }, payload).with_time(time)
        })
}

/// JSON that is nearly causality: the right keys, with anything below them.
fn near_json() -> impl Strategy<Value = serde_json::Value> {
    let number = prop_oneof![any::<i64>().prop_map(Into::into), any::<u64>().prop_map(Into::into)];
    let leaf = prop_oneof![number, any::<String>().prop_map(Into::into), Just(serde_json::Value::Null)];
    let keys =
        ["_causality", "event_id", "event_type", "vector", "payload", "causality", "clocks", "a", "a b"];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let object = prop::collection::hash_map(prop::sample::select(keys.to_vec()), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Into::into),
            object
                .prop_map(|object| object.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// JSON of the right shape, of which a good part is legal.
fn shaped_json() -> impl Strategy<Value = serde_json::Value> {
    let counter = prop_oneof![0..=(1u64 << 53) + 1, 0u64..9, Just(MAX_COUNTER + 1)];
    let vectors = prop::collection::btree_map("[a-c ]", counter, 0..3);
    ("[a-c]{0,2}", "[a-c ]{1,2}", vectors, prop::collection::vec(0u16..258, 0..3)).prop_map(
        |(id, kind, vector, payload)| {
            serde_json::json!({
                "_causality": { "event_id": id, "event_type": kind, "vector": vector },
                "event_id": id, "event_type": kind, "causality": { "clocks": vector }, "payload": payload,
            })
        },
    )
}

/// Characters that mean something to the formats, so that inputs are nearly right.
fn near_texts() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(b"ab.=,: 01789\t\r\n-+_".to_vec()), 0..40)
        .prop_map(|bytes| String::from_utf8(bytes).expect("the test's own input is legal"))
}

fn near_msgpack() -> impl Strategy<Value = Vec<u8>> {
    let markers =
        vec![0x80, 0x81, 0x82, 0x83, 0xa0, 0xa1, 0xa2, 0xcc, 0xcf, 0xd0, 0xd3, 0xd9, 0xde, 0xdf, 0xc0];
    prop::collection::vec(prop_oneof![prop::sample::select(markers), 0u8..4, 0x61u8..0x64], 0..40)
}

fn reads_back_from_both_forms(vector: &VectorTimestamp) -> Result<(), TestCaseError> {
    let (mut as_text, mut as_msgpack) = (String::new(), Vec::new());
    match text::encode_vector_into(vector, &mut as_text) {
        Err(refusal) => {
            prop_assert_eq!((refusal, vector.is_empty()), (EncodeError::EmptyVector, true));
        }
        Ok(()) => prop_assert_eq!(text::decode_vector(&as_text), Ok(vector.clone())),
    }
    msgpack::encode_vector_into(vector, &mut as_msgpack).expect("what was decoded can be sent");
    prop_assert_eq!(msgpack::decode_vector(&as_msgpack), Ok(vector.clone()));
    Ok(())
}

proptest! {
    #[test]
    fn both_forms_read_back(vector in vectors()) {
        reads_back_from_both_forms(&vector)?;
    }

    #[test]
    fn an_event_reads_back_from_every_form(event in events()) {
        let trace = event.trace().clone();
        let mut headers = BTreeMap::<String, String>::new();
        text_headers::inject(&trace, &mut headers).unwrap();
        prop_assert_eq!(text_headers::extract(&headers), Ok(Some(trace.clone())));
        let mut headers = BTreeMap::<String, Vec<u8>>::new();
        binary_headers::inject(&trace, &mut headers).unwrap();
        prop_assert_eq!(binary_headers::extract(&headers), Ok(Some(trace.clone())));
        let mut bytes = Vec::new();
        positional::encode_event_into(&event, &mut bytes).unwrap();
        prop_assert_eq!(positional::decode_event(&bytes), Ok(event.clone()));
        let timeless = TracedEvent::new(trace, event.payload().to_vec());
        prop_assert_eq!(json::event_from_value(&json::event_to_value(&event).unwrap()), Ok(timeless));
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<TracedEvent>(&text).unwrap(), event);
    }

    #[test]
    fn any_json_is_decoded_or_refused(value in prop_oneof![near_json(), shaped_json()]) {
        if let Ok(event) = json::event_from_value(&value) {
            let above = |(_, counter): (&str, u64)| counter > json::JSON_COUNTER_MAX;
            let is_writable = !event.causality().entries().any(above);
            let written = json::event_to_value(&event);
            prop_assert_eq!(written.is_ok(), is_writable);
            prop_assert!(written.is_err() || json::event_from_value(&written.unwrap()) == Ok(event));
        }
        if let Ok(event) = serde_json::from_value::<TracedEvent>(value.clone())
            && let Ok(written) = serde_json::to_value(&event)
        {
            prop_assert_eq!(serde_json::from_value::<TracedEvent>(written).unwrap(), event);
        }
        let text = value.to_string();
        let parsed = value.as_object().map(json::extract).and_then(Result::ok);
        prop_assert_eq!(json::extract_str(&text).ok(), parsed, "{}", text);
    }

    /// Disproved by two inputs of one vector that are written differently.
    #[test]
    fn what_is_accepted_has_one_canonical_form(value in near_texts()) {
        if let Ok(vector) = text::decode_vector(&value) {
            reads_back_from_both_forms(&vector)?;
        }
    }

    #[test]
    fn any_text_is_decoded_or_refused(value in prop_oneof![any::<String>(), near_texts()]) {
        if let Ok(vector) = text::decode_vector(&value) {
            reads_back_from_both_forms(&vector)?;
        }
        if let Ok(lamport) = text::decode_lamport(&value) {
            prop_assert_eq!(lamport.to_string(), value.trim_matches([' ', '\t']), "one spelling");
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(value in prop_oneof![any::<Vec<u8>>(), near_msgpack()]) {
        if let Ok(vector) = msgpack::decode_vector(&value) {
            prop_assert!(vector.entries().count() <= value.len());
            reads_back_from_both_forms(&vector)?;
        }
    }

    #[test]
    fn any_bytes_are_an_event_or_refused(value in prop_oneof![any::<Vec<u8>>(), near_msgpack()]) {
        let prefixed = [b"\x95\xa1a\x90\x91".as_slice(), &value].concat();
        let suffixed = [b"\x95\xa1a\x90\x91\x81\xa1a\x01\xa1b".as_slice(), &value].concat();
        for value in [&value, &prefixed, &suffixed] {
            if let Ok(event) = positional::decode_event(value) {
                let mut written = Vec::new();
                positional::encode_event_into(&event, &mut written).unwrap();
                prop_assert_eq!(positional::decode_event(&written), Ok(event));
            }
        }
        if let Ok(vector) = positional::decode_vector(&value) {
            reads_back_from_both_forms(&vector)?;
        }
    }

    /// A refused value says where, and it is inside of the value or at its end.
    #[test]
    fn a_refusal_points_into_the_value(value in near_msgpack()) {
        if let Err(malformed) = msgpack::decode_vector(&value) {
            prop_assert!(usize::try_from(malformed.position).unwrap() <= value.len());
        }
    }

    /// Disproved by an order of the entries in which a duplicate slips through, or a distinct name does not.
    #[test]
    fn duplicates_are_found_in_any_order(names in prop::collection::vec("[a-f]{1,2}", 1..20)) {
        let value: Vec<String> = names.iter().map(|name| format!("{name}=1")).collect();
        let distinct = names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len();
        prop_assert_eq!(text::decode_vector(&value.join(",")).is_ok(), distinct);
    }
}

#[test]
fn the_largest_legal_vector_fits_both_forms() {
    let (mut as_text, mut as_msgpack) = (String::new(), Vec::new());
    let vector = longest(ENTRIES_MAX);
    text::encode_vector_into(&vector, &mut as_text).unwrap();
    msgpack::encode_vector_into(&vector, &mut as_msgpack).unwrap();
    assert!(as_text.len() <= HEADER_BYTES_MAX && as_msgpack.len() <= HEADER_BYTES_MAX);
    assert_eq!(text::decode_vector(&as_text), Ok(vector.clone()));
    assert_eq!(msgpack::decode_vector(&as_msgpack), Ok(vector));
}

#[test]
fn one_entry_more_is_refused_both_ways() {
    let vector = longest(ENTRIES_MAX + 1);
    let mut out = String::from("kept");
    let refusal = EncodeError::TooManyEntries { entries: ENTRIES_MAX + 1 };
    assert_eq!(text::encode_vector_into(&vector, &mut out), Err(refusal));
    assert_eq!(out, "kept");
    let short: Vec<String> = (0..=ENTRIES_MAX).map(|n| format!("{n:04}=1")).collect();
    assert_eq!(text::decode_vector(&short.join(",")).unwrap_err().expected, Expected::FewerEntries);
}

#[test]
fn long_values_are_refused_before_they_are_read() {
    let value = format!("a={}", "1".repeat(HEADER_BYTES_MAX));
    assert_eq!(text::decode_vector(&value).unwrap_err().expected, Expected::FewerBytes);
    let value = vec![0x80; HEADER_BYTES_MAX + 1];
    assert_eq!(msgpack::decode_vector(&value).unwrap_err().expected, Expected::FewerBytes);
}

#[test]
fn a_name_that_would_forge_an_entry_is_not_sent() {
    for name in ["a=1,b", "a\r\nSet-Cookie: x", "", "nœud", &"n".repeat(65)] {
        let vector = VectorTimestamp::from_entries([(name, 1)]).unwrap();
        let refused = |error| matches!(error, EncodeError::NodeName { .. });
        assert!(text::encode_vector_into(&vector, &mut String::new()).is_err_and(refused), "{name:?}");
        assert!(msgpack::encode_vector_into(&vector, &mut Vec::new()).is_err_and(refused), "{name:?}");
    }
}
