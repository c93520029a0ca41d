#![no_main]
//! Fuzzes [`clock_fuzz::proxy::PROXY_LINE`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::proxy::PROXY_LINE.run(data);
});
