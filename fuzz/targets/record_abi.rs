//! See `src/record_abi.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    towline_fuzz::record_abi::run(data);
});
