#![no_main]
//! Fuzzes [`clock_fuzz::text::CONFLICT_ID`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::CONFLICT_ID.run(data);
});
