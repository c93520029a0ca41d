#![no_main]
//! Fuzzes [`clock_fuzz::messages::VECTOR_BINARY`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::messages::VECTOR_BINARY.run(data);
});
