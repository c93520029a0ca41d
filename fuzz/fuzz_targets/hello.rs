#![no_main]
//! Fuzzes [`clock_fuzz::hello::HELLO`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::hello::HELLO.run(data);
});
