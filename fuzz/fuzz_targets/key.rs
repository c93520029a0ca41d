#![no_main]
//! Fuzzes [`clock_fuzz::text::KEY`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::KEY.run(data);
});
