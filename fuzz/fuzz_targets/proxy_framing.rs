#![no_main]
//! Fuzzes [`clock_fuzz::proxy::PROXY_FRAMING`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::proxy::PROXY_FRAMING.run(data);
});
