#![no_main]
//! Fuzzes [`clock_fuzz::records::TLE_COLUMNS`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::records::TLE_COLUMNS.run(data);
});
