#![no_main]
//! Fuzzes [`clock_fuzz::headers::codec::VECTOR_CODEC`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::codec::VECTOR_CODEC.run(data);
});
