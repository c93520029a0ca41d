#![no_main]
//! Fuzzes [`clock_fuzz::events::EVENT_HEADER`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::events::EVENT_HEADER.run(data);
});
