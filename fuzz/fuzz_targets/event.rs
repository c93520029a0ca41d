#![no_main]
//! Fuzzes [`clock_fuzz::events::EVENT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::events::EVENT.run(data);
});
