//! See `src/server_resp.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    towline_fuzz::server_resp::run(data);
});
