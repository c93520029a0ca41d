#![no_main]
//! Fuzzes [`clock_fuzz::messages::MESSAGE_CLIENT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::messages::MESSAGE_CLIENT.run(data);
});
