#![no_main]
//! Fuzzes [`clock_fuzz::vectors::VECTOR_MESSAGE`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::vectors::VECTOR_MESSAGE.run(data);
});
