#![no_main]
//! Fuzzes [`clock_fuzz::records::ATTITUDE_BYTES`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::records::ATTITUDE_BYTES.run(data);
});
