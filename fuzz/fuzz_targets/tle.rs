#![no_main]
//! Fuzzes [`clock_fuzz::records::TLE`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::records::TLE.run(data);
});
