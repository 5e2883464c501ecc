//! See `src/snapshot_receive.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    towline_fuzz::snapshot_receive::run(data);
});
