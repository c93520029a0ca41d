#![no_main]
//! Fuzzes [`clock_fuzz::text::REQUEST_ID`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::REQUEST_ID.run(data);
});
