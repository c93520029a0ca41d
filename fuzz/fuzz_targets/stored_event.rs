#![no_main]
//! Fuzzes [`clock_fuzz::events::STORED_EVENT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::events::STORED_EVENT.run(data);
});
