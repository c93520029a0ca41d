//! The formats of those who serialise by serde: JSON, MessagePack, and postcard for the shortest.

use clock_bench::case::{Cases, Format, Who};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;
use crate::vector::{Buffer, Vector, add_wire};

/// All three, by what of the contestant is sent and how it is made of what was received. Of ids that are no names, the
/// times count in the binary form alone: its rows are about the shortest form, the others about names on the wire.
pub(crate) fn add<V: Vector, S: Serialize + DeserializeOwned>(
    cases: &mut Cases,
    who: (Who, &str),
    is_named: bool,
    data: &'static Data,
    sent: impl Fn(&V) -> &S + Copy + 'static,
    received: impl Fn(S) -> V + Copy + 'static,
) {
    let encode = move |vector: &V, out: &mut Buffer| {
        serde_json::to_writer(&mut out.bytes, sent(vector)).expect("a map of numbers is JSON");
    };
    let decode = move |message: &Buffer| {
        received(serde_json::from_slice(&message.bytes).expect("it was encoded here"))
    };
    add_or_size(cases, who, is_named, data, Format::Text, encode, decode);

    let encode = move |vector: &V, out: &mut Buffer| {
        rmp_serde::encode::write(&mut out.bytes, sent(vector)).expect("a vector takes what is written");
    };
    let decode =
        move |message: &Buffer| received(rmp_serde::from_slice(&message.bytes).expect("it was encoded here"));
    add_or_size(cases, who, is_named, data, Format::MsgPack, encode, decode);

    let encode = move |vector: &V, out: &mut Buffer| {
        let bytes = std::mem::take(&mut out.bytes);
        out.bytes = postcard::to_extend(sent(vector), bytes).expect("a vector takes what is written");
    };
    let decode =
        move |message: &Buffer| received(postcard::from_bytes(&message.bytes).expect("it was encoded here"));
    add_wire(cases, who, data, Format::Binary, encode, decode);
}

fn add_or_size<V: Vector>(
    cases: &mut Cases,
    who: (Who, &str),
    is_named: bool,
    data: &'static Data,
    format: Format,
    encode: impl Fn(&V, &mut Buffer) + Copy + 'static,
    decode: impl Fn(&Buffer) -> V + Copy + 'static,
) {
    if is_named {
        return add_wire(cases, who, data, format, encode, decode);
    }
    let mut message = Buffer::default();
    encode(&V::of(data, &data.half_raised(3)), &mut message);
    cases.add_size(format, data.entries(), who, message.len());
}
