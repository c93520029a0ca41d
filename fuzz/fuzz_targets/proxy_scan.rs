#![no_main]
//! Fuzzes [`clock_fuzz::proxy::PROXY_SCAN`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::proxy::PROXY_SCAN.run(data);
});
