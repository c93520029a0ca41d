#![no_main]
//! Fuzzes [`clock_fuzz::headers::msgpack::VECTOR_MSGPACK`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::msgpack::VECTOR_MSGPACK.run(data);
});
