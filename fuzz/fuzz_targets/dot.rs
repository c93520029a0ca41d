#![no_main]
//! Fuzzes [`clock_fuzz::text::DOT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::DOT.run(data);
});
