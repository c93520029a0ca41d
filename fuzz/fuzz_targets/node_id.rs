#![no_main]
//! Fuzzes [`clock_fuzz::text::NODE_ID`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::NODE_ID.run(data);
});
