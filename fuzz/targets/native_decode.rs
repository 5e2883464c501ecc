//! See `src/native_decode.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    towline_fuzz::native_decode::run(data);
});
