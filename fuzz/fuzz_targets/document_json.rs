#![no_main]
//! Fuzzes [`clock_fuzz::headers::json::DOCUMENT_JSON`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::json::DOCUMENT_JSON.run(data);
});
