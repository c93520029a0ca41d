#![no_main]
//! Fuzzes [`clock_fuzz::frames::FRAME`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::frames::FRAME.run(data);
});
