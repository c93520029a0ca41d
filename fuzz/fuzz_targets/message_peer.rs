#![no_main]
//! Fuzzes [`clock_fuzz::messages::MESSAGE_PEER`].
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    clock_fuzz::messages::MESSAGE_PEER.run(data);
});
