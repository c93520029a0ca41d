#![no_main]
//! Fuzzes [`clock_fuzz::records::ATTITUDE_TEXT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::records::ATTITUDE_TEXT.run(data);
});
