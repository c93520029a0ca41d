#![no_main]
//! Fuzzes [`clock_fuzz::headers::json::EVENT_JSON`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::json::EVENT_JSON.run(data);
});
