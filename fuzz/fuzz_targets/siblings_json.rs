#![no_main]
//! Fuzzes [`clock_fuzz::dots::SIBLINGS_JSON`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::dots::SIBLINGS_JSON.run(data);
});
