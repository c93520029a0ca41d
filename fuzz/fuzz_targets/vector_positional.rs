#![no_main]
//! Fuzzes [`clock_fuzz::headers::msgpack::VECTOR_POSITIONAL`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::msgpack::VECTOR_POSITIONAL.run(data);
});
