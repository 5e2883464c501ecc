//! See `src/node_script.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    towline_fuzz::node_script::run(data);
});
