#![no_main]
//! Fuzzes [`clock_fuzz::headers::carriers::HEADERS_TEXT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::carriers::HEADERS_TEXT.run(data);
});
