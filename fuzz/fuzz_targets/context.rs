#![no_main]
//! Fuzzes [`clock_fuzz::dots::CONTEXT`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::dots::CONTEXT.run(data);
});
