#![no_main]
//! Fuzzes [`clock_fuzz::dots::DOT_SET_JSON`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::dots::DOT_SET_JSON.run(data);
});
