//! The formats of those who serialise by serde: JSON, MessagePack, and postcard for the shortest.

use clock_bench::case::{Cases, Format, Who};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::data::Data;
use crate::vector::{Buffer, Vector, add_wire};

/// All three, by what of the contestant is sent and how it is made of what was received.
pub(crate) fn add<V: Vector, S: Serialize + DeserializeOwned>(
    cases: &mut Cases,
    who: (Who, &str),
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
    add_wire(cases, who, data, Format::Text, encode, decode);

    let encode = move |vector: &V, out: &mut Buffer| {
        rmp_serde::encode::write(&mut out.bytes, sent(vector)).expect("a vector takes what is written");
    };
    let decode =
        move |message: &Buffer| received(rmp_serde::from_slice(&message.bytes).expect("it was encoded here"));
    add_wire(cases, who, data, Format::MsgPack, encode, decode);

    let encode = move |vector: &V, out: &mut Buffer| {
        let bytes = std::mem::take(&mut out.bytes);
        out.bytes = postcard::to_extend(sent(vector), bytes).expect("a vector takes what is written");
    };
    let decode =
        move |message: &Buffer| received(postcard::from_bytes(&message.bytes).expect("it was encoded here"));
    add_wire(cases, who, data, Format::Binary, encode, decode);
}
