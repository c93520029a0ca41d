#![no_main]
//! Fuzzes [`clock_fuzz::json::DOT_JSON`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::json::DOT_JSON.run(data);
});
