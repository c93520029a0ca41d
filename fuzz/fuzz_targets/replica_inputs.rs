#![no_main]
//! Fuzzes [`clock_fuzz::replica::REPLICA_INPUTS`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::replica::REPLICA_INPUTS.run(data);
});
