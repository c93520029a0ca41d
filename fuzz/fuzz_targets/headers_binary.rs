#![no_main]
//! Fuzzes [`clock_fuzz::headers::carriers::HEADERS_BINARY`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::carriers::HEADERS_BINARY.run(data);
});
