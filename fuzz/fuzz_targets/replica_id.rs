#![no_main]
//! Fuzzes [`clock_fuzz::text::REPLICA_ID`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::text::REPLICA_ID.run(data);
});
