//! Every decoder of Constellation Clock against bytes from strangers.
//!
//! A [`Decoder`] is a function that decodes its input and then holds what came out to its promises: accepted exactly
//! if a naive judge accepts it, where one can be written; the same bytes again, where the format has one encoding for
//! each value; every value within its range; a receiver that is unchanged where it refused. It panics where a promise
//! is broken, and where decoding allocated beyond the decoder's stated [`Limit`].
//!
//! The same functions run under a fuzzer (`fuzz/run`, nightly) and in `cargo test` on stable, over the committed seeds,
//! the committed corpus, and seeded mutations of both.
//!
//! | module | decoders |
//! |---|---|
//! | [`text`] | ids, dots, keys as text |
//! | [`json`] | ids, dots, vectors in JSON |
//! | [`vectors`] | vectors on a stream, by slot |
//! | [`frames`] | frames cut out of a byte stream |
//! | [`hello`] | the first frame of a stranger |
//! | [`messages`] | what frames say, between stations and with clients |
//! | [`events`] | writes as bytes, as they travel and as they are stored |
//! | [`replica`] | sequences of inputs to a whole replica |
//! | [`records`] | element sets and attitudes |
//! | [`dots`] | context tokens, dot sets, siblings |
//! | [`headers`] | causality in text, binary and JSON headers |
//! | [`proxy`] | commands, scenarios and frames of the fault proxy |

mod allocation;
mod checksum;
pub mod corpus;
mod decoder;
pub mod dots;
pub mod events;
pub mod frames;
pub mod group;
pub mod headers;
pub mod hello;
mod input;
pub mod json;
mod message_seeds;
pub mod messages;
mod promises;
pub mod proxy;
mod proxy_seeds;
pub mod records;
pub mod replica;
pub mod seeds;
pub mod text;
mod varint;
pub mod vectors;

pub use allocation::{Limit, Meter, Usage};
pub use decoder::{Decoder, Execution, Outcome};

/// All decoders, each with a fuzz target and a folder of seeds of its name.
pub static DECODERS: &[&Decoder] = &[
    &text::NODE_ID,
    &text::REPLICA_ID,
    &text::DOT,
    &text::KEY,
    &text::REQUEST_ID,
    &text::CONFLICT_ID,
    &json::DOT_JSON,
    &json::VECTOR_JSON,
    &vectors::VECTOR_MESSAGE,
    &vectors::VECTOR_STREAM,
    &frames::FRAME,
    &hello::HELLO,
    &messages::VECTOR_BINARY,
    &messages::MESSAGE_PEER,
    &messages::MESSAGE_CLIENT,
    &events::EVENT,
    &events::EVENT_HEADER,
    &events::STORED_EVENT,
    &replica::REPLICA_INPUTS,
    &records::TLE,
    &records::TLE_COLUMNS,
    &records::ATTITUDE_TEXT,
    &records::ATTITUDE_BYTES,
    &dots::CONTEXT,
    &dots::DOT_SET_JSON,
    &dots::SIBLINGS_JSON,
    &headers::text::LAMPORT_TEXT,
    &headers::text::VECTOR_TEXT,
    &headers::msgpack::VECTOR_MSGPACK,
    &headers::codec::VECTOR_CODEC,
    &headers::msgpack::VECTOR_POSITIONAL,
    &headers::msgpack::EVENT_POSITIONAL,
    &headers::carriers::HEADERS_TEXT,
    &headers::carriers::HEADERS_BINARY,
    &headers::json::DOCUMENT_JSON,
    &headers::json::EVENT_JSON,
    &proxy::PROXY_LINE,
    &proxy::PROXY_SCENARIO,
    &proxy::PROXY_FRAMING,
    &proxy::PROXY_SCAN,
];
