#![no_main]
//! Fuzzes [`clock_fuzz::headers::text::LAMPORT_TEXT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::headers::text::LAMPORT_TEXT.run(data);
});
